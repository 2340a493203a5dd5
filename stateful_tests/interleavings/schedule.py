"""A race as data: who asks what, on a workflow in which state, and in which order their statements go. Values only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.target.call import Call, expect
from engine.target.races import is_race
from engine.target.target import Target
from stateful_tests.interleavings.statements import is_begin

NAMES = "ABCDEFGH"
SERIALISED, UNKNOWN, DIVERGED, DEADLOCK = "serialised", "unknown", "diverged", "deadlock"
WAITED = "waited"
OUTCOMES_BY_SQLSTATE = {
    "40P01": DEADLOCK,
    "40001": "serialization failure",
    "57014": "statement timeout",
    "55P03": "lock timeout",
    "57P01": "terminated",
}


@dataclass(frozen=True)
class Pairing:
    """Requests that meet on one workflow in `state`. `kind` names the sort of meeting.

    `apart`: each has a workflow of its own in that state, which belongs to its tenant; so each is due to win.
    """

    state: str
    calls: tuple[Call, ...]
    kind: str = ""
    apart: bool = False

    def is_race(self, target: Target) -> bool:
        """Whether exactly one of the owner's requests can win in every order."""
        if self.apart:
            return False
        contenders = [(expect(target, call), call.to) for call in self.calls if call.tenant == target.owner]
        return len(contenders) > 1 and is_race(self.state, contenders)


@dataclass(frozen=True)
class Option:
    """A statement that is held: whose, and which."""

    task: int
    sql: str


@dataclass(frozen=True)
class Choice:
    """Whose statement goes next, and what befalls it (see stateful_tests/interleavings/faults.py); None: nothing."""

    task: int
    fault: str | None = None


# Given the options, in the order of the tasks; None ends the choosing: what is left then runs to its end freely.
Choose = Callable[[Sequence[Option]], Choice | None]


@dataclass
class Step:
    """A statement that was let go, out of several that were held. `effect`: waited, or what the database said;
    `commits`: it makes changes last.
    """

    task: int
    sql: str
    options: tuple[Option, ...]
    fault: str | None = None
    effect: str = ""
    commits: bool = False


@dataclass
class Trace:
    """What became of one schedule on these workflows: one, or one for each request. `answers` has each request's
    outcome; `remarks` what else is to be known; `fault_ns` is when a fault began, on the monotonic clock.
    """

    pairing: Pairing
    workflows: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    remarks: set[str] = field(default_factory=set)
    fault_ns: int | None = None

    def name_workflows(self) -> dict[str, Any]:
        """Its workflow, as its events tell it; of one on several, all."""
        first, *others = self.workflows
        return {"workflow": first, **({"workflows": [first, *others]} if others else {})}

    @property
    def order(self) -> str:
        """The names of the tasks whose statements went, e.g. AABB."""
        return "".join(NAMES[step.task] for step in self.steps)

    @property
    def fault(self) -> str | None:
        """The first fault that one of the statements met."""
        return next((step.fault for step in self.steps if step.fault is not None), None)

    @property
    def switches(self) -> int:
        """How often another request's statement followed."""
        tasks = [step.task for step in self.steps if not is_begin(step.sql)]
        return sum(first != second for first, second in pairwise(tasks))

    @property
    def is_known(self) -> bool:
        return not self.remarks & {UNKNOWN, DIVERGED}

    @property
    def shows_order(self) -> bool:
        """Whether it is known, and the database was asked at all: without a statement there is no order to be shown."""
        return self.is_known and bool(self.steps)
