"""The specification: what one operation does to one workflow. Everything that judges, judges by this step."""

from dataclasses import dataclass
from enum import Enum

from engine.target.graph import TransitionGraph


class Impossible(Enum):
    """No such answer can come out of that state."""

    IMPOSSIBLE = "impossible"


IMPOSSIBLE = Impossible.IMPOSSIBLE
# The kinds of requests that ask for a transition.
MOVES = ("advance", "set")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the model sees it. `observed` is the state that the answer told. Refused ones are left out,
    and so may busy and stale ones be: they hold in every state, and change none. A write says only that there is a
    workflow.

    `returned` is `NEVER` for an operation that never returned, and for an unknown one: it has no last moment.
    `mark` tells operations apart that ask for the same; the step does not look at it, nor at the versions
    that the request `carried` and the answer `told`. `repeats`: in its next state the request is answered as a win,
    too, and changes nothing.
    """

    row: int
    kind: str
    outcome: str
    expected: tuple[str, ...]
    next: str | None
    observed: str | None
    invoked: int
    returned: int
    mark: str | None = None
    carried: str | None = None
    told: str | None = None
    repeats: bool = False

    @property
    def is_pure(self) -> bool:
        """Whether the recorded answer can never change the state."""
        return self.outcome in ("conflict", "stale") or self.kind in ("read", "write")

    @property
    def is_create(self) -> bool:
        """Whether it created the workflow."""
        return self.kind == "create" and self.outcome == "ok"

    @property
    def is_win(self) -> bool:
        return self.kind in MOVES and self.outcome == "won"

    @property
    def is_move(self) -> bool:
        """Whether it took effect as a transition, or may have."""
        return self.is_win or (self.kind in MOVES and self.outcome == "unknown")

    @property
    def enters(self) -> bool:
        """Whether it leads to a state when it takes effect; a write leads to none."""
        return self.kind in ("create", "advance", "set")

    @property
    def enters_at(self) -> int:
        """From when on the time counts after which the workflow may leave the state again without a request."""
        return -NEVER if self.is_create and self.mark == OLDER else self.invoked

    @property
    def leads_to(self) -> str | None:
        """The state after it took effect."""
        return self.observed if self.kind == "create" else self.next


NEVER = 1 << 62
# The mark of a create that no request made: the workflow may be older.
OLDER = "older"


def step(state: str | None, operation: Operation, graph: TransitionGraph | None) -> str | Impossible | None:
    """The state after the operation took effect in `state` (None: not created yet), or IMPOSSIBLE.

    An unknown operation may also never take effect; then this is not called. Without a graph every edge is legal.
    """
    observed, expected, next_state = operation.observed, operation.expected, operation.next
    if operation.outcome in ("busy", "stale"):
        return state
    if operation.kind == "create" and operation.outcome == "ok":
        return observed if state is None else IMPOSSIBLE
    if state is None:
        return IMPOSSIBLE
    if operation.kind == "write":
        return state
    due = state in expected and (graph is None or next_state is None or (state, next_state) in graph.edges)
    if operation.outcome == "conflict":
        return state if not due and (observed is None or observed in expected or observed == state) else IMPOSSIBLE
    if operation.kind == "read":
        return state if (observed is None or observed == state) and (due or not expected) else IMPOSSIBLE
    if operation.outcome == "won" and observed not in (None, next_state):
        return IMPOSSIBLE
    if operation.repeats and state == next_state:
        return state
    return next_state if due or operation.kind == "set" else IMPOSSIBLE
