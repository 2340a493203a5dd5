"""The specification: what one operation does to one workflow. Everything that judges, judges by this step."""

from dataclasses import dataclass
from enum import Enum

from engine.target.graph import TransitionGraph


class Impossible(Enum):
    """No such answer can come out of that state."""

    IMPOSSIBLE = "impossible"


IMPOSSIBLE = Impossible.IMPOSSIBLE


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the model sees it. `told` is the state that the answer named; refused ones are left out, and so
    may busy ones be: they hold in every state, and change none.

    `returned` is `NEVER` for an operation that never returned, and for an unknown one: it has no last moment.
    `mark` tells operations apart that ask for the same; the step does not look at it.
    """

    row: int
    kind: str
    outcome: str
    expected: tuple[str, ...]
    next: str | None
    told: str | None
    invoked: int
    returned: int
    mark: str | None = None


NEVER = 1 << 62


def step(state: str | None, operation: Operation, graph: TransitionGraph | None) -> str | Impossible | None:
    """The state after the operation took effect in `state` (None: not created yet), or IMPOSSIBLE.

    An unknown operation may also never take effect; then this is not called. Without a graph every edge is legal.
    """
    told, expected, following = operation.told, operation.expected, operation.next
    if operation.outcome == "busy":
        return state
    if operation.kind == "create" and operation.outcome == "ok":
        return told if state is None else IMPOSSIBLE
    if state is None:
        return IMPOSSIBLE
    due = state in expected and (graph is None or following is None or (state, following) in graph.edges)
    if operation.outcome == "conflict":
        return state if not due and (told is None or told in expected or told == state) else IMPOSSIBLE
    if operation.kind == "read":
        return state if (told is None or told == state) and (due or not expected) else IMPOSSIBLE
    if operation.outcome == "won" and told not in (None, following):
        return IMPOSSIBLE
    return following if due or operation.kind == "set" else IMPOSSIBLE
