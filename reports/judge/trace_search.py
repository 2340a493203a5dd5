"""Trace search: whether one order explains what was answered about a workflow and which markers the engine showed.

A marker says of a request without an answer, and of one that may repeat a win, whether it made its move: the marker is
there, or it was not yet when the engine was asked. Pure; one workflow at a time.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import Operation
from reports.judge.search import Searched, search
from reports.judge.verdict import Verdict


@dataclass(frozen=True)
class Trace:
    """What the markers say of the request in `row`: its own was shown, or had not been left when the engine was asked
    for the last time, at `asked_ns`.
    """

    row: int
    is_shown: bool
    asked_ns: int


@dataclass(frozen=True)
class TraceSearch:
    """A workflow's operations, the states that it may begin in, and its traces. `limit_s` is for one search."""

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    traces: Sequence[Trace]
    limit_s: float

    def search(self, traces: Iterable[Trace] | None = None) -> Searched:
        """Whether some order explains the answers and these traces; all of them, if none are given."""
        told = {trace.row: trace for trace in (self.traces if traces is None else traces)}
        operations = [hold_to(told, each) for each in self.operations]
        return search(operations, self.starts, self.graph, time.monotonic() + self.limit_s)

    def find_alone(self) -> Trace | None:
        """A trace that contradicts the answers by itself."""
        found = (trace for trace in self.traces if self.search([trace]).verdict is Verdict.FAIL)
        return next(found, None)


def hold_to(traces: Mapping[int, Trace], operation: Operation) -> Operation:
    """The operation as its trace lets it be. A request that left its marker made its move, and did not repeat another.
    One that had left none made no move by then: if it won, it told that the workflow was there already.
    """
    trace = traces.get(operation.row)
    if trace is None:
        return operation
    if trace.is_shown:
        return replace(operation, outcome="won", observed=None, repeats=False)
    if operation.outcome == "unknown":
        return replace(operation, invoked=max(operation.invoked, trace.asked_ns))
    if operation.returned >= trace.asked_ns:
        return operation
    return replace(operation, kind="read", outcome="ok", expected=(), next=None, observed=operation.next, repeats=False)
