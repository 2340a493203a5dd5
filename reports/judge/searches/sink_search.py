"""Sink search: whether one order explains what was answered about a workflow, in which as many of the requests moved it
as calls were made for them. Pure; one workflow at a time.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Impossible, Operation, step
from reports.judge.searches.linearizability_search import Alone, Rules, list_alone, never_past, search
from reports.judge.verdict import Verdict

# The state, and by claim how many moves it has seen; none is counted further than it claims.
Counted = tuple[str | None, tuple[int, ...]]
END = "end"


@dataclass(frozen=True)
class Claim:
    """At `least` so many moves by the requests in `rows`, or without a request into one of `states`."""

    rows: frozenset[int]
    least: int
    states: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SinkSearch:
    """A workflow's operations, the states that it may begin in, and what is claimed; no row stands in two claims."""

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    claims: Sequence[Claim]
    limit_s: float

    def search(self) -> Verdict:
        """PASS if some order explains the answers and all claims, FAIL if none does."""
        end = Operation(-1, END, "ok", (), None, None, -NEVER, NEVER)
        numbers = {row: str(number) for number, claim in enumerate(self.claims) for row in claim.rows}
        operations = [replace(each, mark=numbers.get(each.row, each.mark)) for each in self.operations]
        timed = self.graph is not None and self.graph.timed
        rules = Rules(self._take, never_past, alone=self._list_alone if timed else None)
        starts = [(state, (0,) * len(self.claims)) for state in self.starts]
        return search([*operations, end], starts, self.graph, time.monotonic() + self.limit_s, rules).verdict

    def find_least(self) -> Sequence[int]:
        """The number of a claim that no order explains by itself; those of all claims if there is none."""
        for number, claim in enumerate(self.claims):
            if replace(self, claims=[claim]).search() is Verdict.FAIL:
                return [number]
        return range(len(self.claims))

    def _take(self, at: Counted, operation: Operation) -> Counted | Impossible:
        state, counts = at
        if operation.kind == END:
            return at if counts == tuple(claim.least for claim in self.claims) else IMPOSSIBLE
        after = step(state, operation, self.graph)
        if after is IMPOSSIBLE:
            return IMPOSSIBLE
        if operation.repeats and state == operation.next:
            return after, counts
        return after, self._count(counts, {n for n, claim in enumerate(self.claims) if operation.row in claim.rows})

    def _count(self, counts: tuple[int, ...], moved: set[int]) -> tuple[int, ...]:
        return tuple(min(self.claims[n].least, count + (n in moved)) for n, count in enumerate(counts))

    def _list_alone(self, at: Counted) -> list[Alone]:
        listed = list_alone(self.graph)
        found = listed(at[0]) if listed else ()
        return [
            (after, (state, self._count(at[1], {n for n, claim in enumerate(self.claims) if state in claim.states})))
            for after, state in found
        ]
