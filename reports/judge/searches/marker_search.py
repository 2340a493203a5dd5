"""Marker search: whether one order explains what was answered about a workflow and which markers the engine showed.

A marker says of a request without an answer, and of one that may repeat a win, whether it made its move: the marker is
there, or it was not yet when the engine was asked. The order has a place for that look. Pure; one workflow at a time.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Impossible, Operation, step
from reports.judge.searches.linearizability_search import Alone, Rules, Searched, list_alone, never_past, search
from reports.judge.verdict import Verdict

# The state, and whether the engine was asked before it.
Looked = tuple[str | None, bool]
LOOK, SHOWN, ABSENT = "look", "shown", "absent"
NO_ROW = -1


@dataclass(frozen=True)
class Trace:
    """What the markers say of the request in `row`: whether its own was shown."""

    row: int
    is_shown: bool


@dataclass(frozen=True)
class MarkerSearch:
    """A workflow's operations, the states that it may begin in, and its traces, for which the engine was asked at
    `asked_ns` or after. `limit_s` is for one search.
    """

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    traces: Sequence[Trace]
    asked_ns: int
    limit_s: float

    def search(self, traces: Iterable[Trace] | None = None) -> Searched:
        """Whether some order explains the answers and these traces; all of them, if none are given."""
        told = {trace.row: trace.is_shown for trace in (self.traces if traces is None else traces)}
        look = Operation(NO_ROW, LOOK, "ok", (), None, None, self.asked_ns, NEVER)
        operations = [*(hold_to(told, each) for each in self.operations), look]
        starts = [(state, False) for state in self.starts]
        timed = self.graph is not None and self.graph.timed
        rules = Rules(self._take, never_past, alone=self._list_alone if timed else None)
        return search(operations, starts, self.graph, time.monotonic() + self.limit_s, rules)

    def find_least(self) -> Sequence[Trace]:
        """Traces that contradict the answers by themselves: a single one, else those of all requests for one state that
        may repeat a win, else all.
        """
        repeated: dict[str | None, list[Trace]] = {}
        asked = {each.row: each.next for each in self.operations if each.repeats}
        for trace in self.traces:
            if trace.row in asked:
                repeated.setdefault(asked[trace.row], []).append(trace)
        chosen = [*([trace] for trace in self.traces), *repeated.values()]
        found = (traces for traces in chosen if self.search(traces).verdict is Verdict.FAIL)
        return next(found, self.traces)

    def _take(self, at: Looked, operation: Operation) -> Looked | Impossible:
        """What shows its marker moved before the look. What does not moved after it, or only repeated a win."""
        state, looked = at
        if operation.kind == LOOK:
            return IMPOSSIBLE if looked else (state, True)
        repeated = operation.repeats and state == operation.next
        if operation.mark == (SHOWN if looked else ABSENT) and not repeated:
            return IMPOSSIBLE
        after = step(state, operation, self.graph)
        return IMPOSSIBLE if after is IMPOSSIBLE else (after, looked)

    def _list_alone(self, at: Looked) -> list[Alone]:
        listed = list_alone(self.graph)
        return [(after, (state, at[1])) for after, state in (listed(at[0]) if listed else ())]


def hold_to(traces: Mapping[int, bool], operation: Operation) -> Operation:
    """The operation, marked by its trace. One that left its marker made its move, and did not repeat another."""
    is_shown = traces.get(operation.row)
    if is_shown is None:
        return operation
    if is_shown:
        return replace(operation, outcome="won", observed=None, repeats=False, mark=SHOWN)
    return replace(operation, mark=ABSENT)
