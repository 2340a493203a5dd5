"""Holdings: what the clients of one source hold of each resource, so that it can be given back. Sends nothing."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.target.capacity import UNIT
from engine.target.http_answer import Answer
from engine.target.savings import Saving, find_values
from engine.target.template import Values


@dataclass(frozen=True)
class Holding:
    """What the take with the id `of` got: its unit, if units have names, and the values that its give-back carries.
    `user` took it.
    """

    of: str
    values: Values
    unit: str | None = None
    user: str = ""


@dataclass
class Holdings:
    """By resource and tenant, the oldest first. A give-back takes out what it gives back, so nothing is given back
    twice; but give-backs with one `key` give back the same.
    """

    held: dict[tuple[str, str], deque[Holding]] = field(default_factory=lambda: defaultdict(deque))
    shared: dict[tuple[str, str, str], Holding] = field(default_factory=dict)

    def keep(
        self, of: str, workflow: str, tenant: str, user: str, unit: str | None, saved: Iterable[Saving], got: Answer
    ) -> None:
        """What a won take got; `of` is its id."""
        named = {} if unit is None else {UNIT: unit}
        self.held[workflow, tenant].append(Holding(of, {**find_values(saved, got), **named}, unit, user))

    def take_out(self, workflow: str, tenant: str, key: str = "") -> Holding | None:
        """The oldest, or what was taken out with this key before; None where nothing is held."""
        held, shared = self.held[workflow, tenant], self.shared.get((workflow, tenant, key))
        if shared is None and held:
            shared = held.popleft()
            if key:
                self.shared[workflow, tenant, key] = shared
        return shared

    def forget(self, workflow: str) -> None:
        for key in [key for key in self.held if key[0] == workflow]:
            del self.held[key]
        for shared in [shared for shared in self.shared if shared[0] == workflow]:
            del self.shared[shared]
