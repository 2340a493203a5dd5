"""Defects: the reference engine broken on purpose, one mistake per file.

The file `some_mistake.py` is the defect `some-mistake`. It has its `PARTS`, a `PROMISE`, and a docstring that explains
the mistake and what a user would notice. A defect contains nothing that makes it easier to detect: no pause, no yield.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.reference.pool import Isolation
from engine.reference.variants import find_variant, list_variants

# The levels of a gate, in their order.
LEVELS = ("sequential", "parallel", "race", "interleavings", "faults")


@dataclass(frozen=True)
class Promise:
    """What the judge must detect: `check` fails at each of `levels`; of the others only those `beside` it may fail.

    A level may have nothing for that check to judge; a sequence has no races, for example. Then `elsewhere` names the
    check for that level. `isolation` is the isolation level at which the mistake has an effect; None: at any.
    """

    check: str
    levels: tuple[str, ...]
    beside: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    isolation: Isolation | None = None

    def check_at(self, level: str) -> str | None:
        """The check that must fail at this level; None where nothing is promised."""
        return self.elsewhere.get(level, self.check) if level in self.levels else None

    def allows(self, check: str) -> bool:
        """Whether this check may fail, at any level."""
        return check == self.check or check in self.beside


def list_defects(engine: str | None = None) -> tuple[str, ...]:
    """The names of all defects, sorted; or only those of one engine (see variants.find_engine)."""
    return list_variants("defect", engine)


def read_promise(name: str) -> Promise:
    """What the judge must detect in this defect. Raises UnknownVariant."""
    promise: Promise = find_variant("defect", name).PROMISE
    return promise
