"""A schedule as data: the requests, the state they begin in, and the order of their statements. Values only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.target.call import Call, are_race
from engine.target.target import Target
from load.client.release import now_ns
from stateful_tests.interleavings.statements import is_begin

NAMES = "ABCDEFGH"
SERIALISED, UNKNOWN, DIVERGED, DEADLOCK = "serialised", "unknown", "diverged", "deadlock"
WAITED = "waited"
# A request was answered while the schedule waited: it stood still for longer than its service allows.
GIVEN_UP = "given up"
# A request was accepted, and carried out after its answer: no order of those statements was chosen.
ACCEPTED = "accepted"
OUTCOMES_BY_SQLSTATE = {
    "40P01": DEADLOCK,
    "40001": "serialization failure",
    "57014": "statement timeout",
    "55P03": "lock timeout",
    "57P01": "terminated",
}


@dataclass(frozen=True)
class Wait:
    """A wait until so many seconds after the workflow was ready. Before it the first request runs `lead` statements;
    the others are sent after it. Where `lead` is 0, all are sent after it.
    """

    seconds: float
    lead: int = 0


@dataclass(frozen=True)
class Pairing:
    """Requests that run concurrently, on one workflow that is in `state`. `kind` names the kind of pairing.

    `apart`: each request has its own workflow in that state, which belongs to its tenant; so each must win. `wait`: the
    workflow may have left that state by itself once the wait is over.
    """

    state: str
    calls: tuple[Call, ...]
    kind: str = ""
    apart: bool = False
    wait: Wait | None = None

    def is_race(self, target: Target) -> bool:
        """Whether exactly one of the owner's requests can win in every order."""
        if self.apart or self.wait is not None:
            return False
        mine = [call for call in self.calls if call.route and call.tenant == target.owner]
        return are_race(target, self.state, mine)


@dataclass(frozen=True)
class Option:
    """A held statement, and the request that sent it."""

    task: int
    sql: str


@dataclass(frozen=True)
class Choice:
    """The request whose statement goes next, and the fault injected there (see faults.py)."""

    task: int
    fault: str | None = None


# Gets the options, in the order of the tasks. After None the other statements run to their end unheld.
Choose = Callable[[Sequence[Option]], Choice | None]


@dataclass
class Step:
    """A statement that was let go, out of the held ones. `effect`: it waited, or the database's error; `commits`: it
    makes changes durable.
    """

    task: int
    sql: str
    options: tuple[Option, ...]
    fault: str | None = None
    effect: str = ""
    commits: bool = False


@dataclass
class Trace:
    """The record of one schedule on these workflows: one, or one for each request. `answers` are the outcomes of the
    requests, `remarks` what else happened; `began_ns` is its begin, `fault_ns` that of the fault, on the monotonic
    clock.
    """

    pairing: Pairing
    workflows: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    remarks: set[str] = field(default_factory=set)
    fault_ns: int | None = None
    began_ns: int = field(default_factory=now_ns)

    def name_workflows(self) -> dict[str, Any]:
        """Its workflow, as its events name it; and all of them where there are several."""
        first, *others = self.workflows
        return {"workflow": first, **({"workflows": [first, *others]} if others else {})}

    @property
    def order(self) -> str:
        """The names of the requests whose statements went, e.g. AABB."""
        return "".join(NAMES[step.task] for step in self.steps)

    @property
    def fault(self) -> str | None:
        """The first fault that was injected."""
        return next((step.fault for step in self.steps if step.fault is not None), None)

    @property
    def switches(self) -> int:
        """How often the statement of another request came next."""
        tasks = [step.task for step in self.steps if not is_begin(step.sql)]
        return sum(first != second for first, second in pairwise(tasks))

    @property
    def is_known(self) -> bool:
        return not self.remarks & {UNKNOWN, DIVERGED}

    @property
    def shows_order(self) -> bool:
        """Whether it is known, and has a statement at all: without one there is no order to show."""
        return self.is_known and bool(self.steps)
