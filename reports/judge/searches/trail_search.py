"""Trail search: whether one order explains what was answered about a workflow and every reading of its trail.

The trail is one sequence of transitions. So the search follows, beside the state, how many rows there are by then: the
next transition must be the next row's, and a reading with n rows is an answer that holds while there are n. Behind the
last row that any reading has, transitions are free. Pure; one workflow at a time.

A move that no request makes may leave a row at once, later (but before the row of the next transition), or never. So
the search also follows how many rows there may be. Rows of several such moves come in the order of the moves.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

from engine.target.graph import Timed, TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Impossible, Operation, step
from reports.judge.searches.conflict_core import find_smallest, weaken
from reports.judge.searches.linearizability_search import ANOTHER_STATE, Alone, Rules, Searched, search
from reports.judge.searches.trail_matching import UNTOLD, Ids, Row, TrailReading, names
from reports.judge.verdict import Verdict

LOOK = "looked"  # the outcome of a reading; its mark is the number of rows
PROBE_S = 0.25
# The state, how many rows there are, and how many there may be: the others are of moves without a request.
Spot = tuple[str | None, int, int]


@dataclass(frozen=True)
class Clash:
    """Two readings that cannot be of one trail: the second, or `later`, has something else for a row of the first, or
    has it no more though it began when the first was over.
    """

    row: Row
    instead: Row | None
    later: TrailReading


def find_clash(readings: Sequence[TrailReading]) -> Clash | None:
    """The first two of the readings, which are in the order of time, that contradict each other; every pair counts."""
    merged: tuple[Row, ...] = ()
    for number, later in enumerate(readings):
        for row, instead in zip(merged, later.rows, strict=False):
            if not is_same(row, instead):
                return Clash(row, instead, later)
        for earlier in readings[:number]:
            if len(later.rows) < len(earlier.rows) and earlier.until_ns < later.read_ns:
                return Clash(earlier.rows[len(later.rows)], None, later)
        merged = merge_rows(merged, later.rows)
    return None


def is_same(row: Row, other: Row) -> bool:
    """Whether both can be one row: an id that one reading does not tell says nothing."""
    told = {row.request_id, other.request_id} - {None}
    return (row.origin, row.to) == (other.origin, other.to) and len(told) < 2


def merge_rows(rows: tuple[Row, ...], others: tuple[Row, ...]) -> tuple[Row, ...]:
    """The longer of two sequences that do not clash; an id that only the other one tells is the row's too."""
    both = (row if row.request_id is not None else other for row, other in zip(rows, others, strict=False))
    return (*both, *rows[len(others) :], *others[len(rows) :])


@dataclass(frozen=True)
class TrailSearch:
    """A workflow's operations and the states that it may begin in, and the readings of its trail by time, of which no
    two clash. `ids`: those that a row of each transition may tell, by row. `deadline_s` is of the monotonic clock.
    """

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    readings: Sequence[TrailReading]
    ids: dict[int, Ids]
    deadline_s: float

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        return reduce(merge_rows, (reading.rows for reading in self.readings))

    def search_all(self) -> Searched:
        """Whether some order explains the answers and all readings."""
        return self.search([*self.operations, *self.looks], self.starts, to_the_end=True)

    def search_transitions(self) -> Searched:
        """Whether some order of the transitions explains the readings, without the other answers and without what came
        after the readings.
        """
        return self.search([*self.moves, *self.looks], self.begun, to_the_end=False)

    @cached_property
    def moves(self) -> list[Operation]:
        return [each for each in self.operations if not each.is_pure and each.kind != "create"]

    @property
    def begun(self) -> list[str | None]:
        """The states that the workflow may have begun in, its create taken for its word."""
        told = dict.fromkeys(
            each.observed for each in self.operations if each.kind == "create" and each.outcome == "ok"
        )
        return list(told) or list(self.starts)

    @cached_property
    def looks(self) -> list[Operation]:
        return [
            look(-1 - number, len(reading.rows), reading.read_ns, reading.until_ns)
            for number, reading in enumerate(self.readings)
        ]

    def search(
        self,
        operations: Iterable[Operation],
        starts: Sequence[str | None],
        *,
        to_the_end: bool,
        deadline_s: float | None = None,
    ) -> Searched:
        states = frozenset(state for row in self.rows for state in (row.origin, row.to))
        rules = Rules(self.take, is_past, states, to_the_end, alone=self.list_alone if self.is_timed else None)
        marked = [self.mark(each) for each in operations]
        until_s = self.deadline_s if deadline_s is None else deadline_s
        return search(marked, self.list_spots(starts, states), self.graph, until_s, rules, self.since)

    @property
    def is_timed(self) -> bool:
        return self.graph is not None and bool(self.graph.timed)

    @property
    def since(self) -> int:
        """When the workflow entered its first state, at the earliest."""
        return min((each.enters_at for each in self.operations if each.is_create), default=-NEVER)

    def list_alone(self, spot: Spot) -> list[Alone]:
        """The moves that no request makes, and the next row that such a move may still leave."""
        state, count, possible = spot
        left: list[Alone] = [(None, (state, count + 1, possible))] if count < possible else []
        moves = self.graph.timed_from.get(state, ()) if self.graph is not None and state is not None else ()
        return [*left, *((move.after_ns, (move.to, count, self.extend(possible, move))) for move in moves)]

    def extend(self, possible: int, move: Timed) -> int:
        """How many rows there may be after a move without a request, if there may have been so many before it."""
        if possible >= len(self.rows):
            return possible
        row = self.rows[possible]
        return possible + ((row.origin, row.to) == (move.origin, move.to) and names(row, UNTOLD))

    def mark(self, operation: Operation) -> Operation:
        """The operation; a transition with the number of its ids, which tells it from others where rows tell theirs."""
        if operation.is_pure or operation.kind == "create" or not self.told:
            return operation
        return replace(operation, mark=str(self.choices.index(self.find_ids(operation))))

    def find_ids(self, operation: Operation) -> Ids:
        """The ids that a row of a transition may tell, of those that rows tell."""
        return self.ids.get(operation.row, UNTOLD) & (self.told | UNTOLD)

    @cached_property
    def choices(self) -> list[Ids]:
        """What find_ids gives, each once. A mark is a place in this list."""
        return list(dict.fromkeys([UNTOLD, *map(self.find_ids, self.moves)]))

    @cached_property
    def told(self) -> Ids:
        """The request ids that rows tell."""
        return frozenset(row.request_id for row in self.rows) - UNTOLD

    def list_spots(self, starts: Sequence[str | None], states: Iterable[str]) -> Iterator[Spot]:
        """Where the history may begin: in one of the `starts`, with no row, or with those of what happened before."""
        free = ANOTHER_STATE in starts
        ends = set(self.begun if list(starts) == [None] else starts)
        yield from ((state, 0, 0) for state in dict.fromkeys([*starts, *(sorted(states) if free else ())]))
        if not self.readings[0].is_older:
            return
        sets = {move.next for move in self.moves if move.kind == "set"}
        for number, row in enumerate(self.rows):
            chains = not number or row.origin == self.rows[number - 1].to
            if not chains or not (self.graph is None or self.graph.can_go(row.origin, row.to) or row.to in sets):
                return
            if row.is_named:  # what happened before is of no operation here
                return
            if free or row.to in ends:
                yield (None if list(starts) == [None] else row.to), number + 1, number + 1

    def take(self, spot: Spot, operation: Operation) -> Spot | Impossible:
        """The spot after an operation took effect, or IMPOSSIBLE."""
        state, count, possible = spot
        if operation.outcome == LOOK:
            return spot if operation.mark == str(count) else IMPOSSIBLE
        after = step(state, operation, self.graph)
        if isinstance(after, Impossible):
            return IMPOSSIBLE
        if operation.is_pure or (operation.repeats and state == operation.next):
            return spot
        if operation.kind == "create":
            return after, count, possible
        if count >= len(self.rows):
            return after, len(self.rows) + 1, len(self.rows) + 1
        row = self.rows[count]
        ids = UNTOLD if operation.mark is None else self.choices[int(operation.mark)]
        fits = row.origin == state and row.to == after and names(row, ids)
        return (after, count + 1, count + 1) if fits else IMPOSSIBLE

    def count_rows(self, deadline_s: float) -> int | None:
        """How many of the first rows some order of the transitions explains, at any time they were read; None
        where the time ran out.
        """
        low, high = 0, len(self.rows)
        while low < high:
            middle = (low + high + 1) // 2
            rows = look(-1, middle, -NEVER, NEVER)
            asked = [*self.moves, rows]
            verdict = self.search(asked, self.begun, to_the_end=False, deadline_s=deadline_s).verdict
            if verdict is Verdict.UNKNOWN:
                return None
            low, high = (middle, high) if verdict is Verdict.PASS else (low, middle - 1)
        return low


@dataclass(frozen=True)
class TrailConflict:
    """A trail, ready to be asked which of its operations contradict the `looks`. Without `answers` only transitions
    count. See Weakened in reports/judge/searches/conflict_core.py.
    """

    trail: TrailSearch
    looks: Sequence[Operation]
    answers: bool
    deadline_s: float

    def contradicts(self, chosen: Iterable[Operation]) -> bool:
        """Whether no order explains the chosen ones and the looks. False when there was no time to find out."""
        kept, trail = list(chosen), self.trail
        rows = {each.row for each in kept}
        weak = [weaken(each) for each in trail.moves if each.row not in rows]
        starts = trail.starts if any(each.kind == "create" for each in kept) else trail.begun
        until_s = min(self.deadline_s, time.monotonic() + PROBE_S)
        asked = [*kept, *weak, *self.looks]
        return trail.search(asked, starts, to_the_end=self.answers, deadline_s=until_s).verdict is Verdict.FAIL

    def explain(self) -> tuple[list[Operation], bool]:
        """A smallest set that contradicts, by invoke, and whether none of it can be spared."""
        if self.contradicts([]):
            return [], True
        chosen, is_minimal = find_smallest(self, self.trail.operations if self.answers else self.trail.moves)
        return sorted(chosen, key=lambda each: (each.invoked, each.row)), is_minimal


def look(row: int, count: int, begun: int, ended: int) -> Operation:
    return Operation(row, "read", LOOK, (), None, None, begun, ended, str(count))


def is_past(spot: Spot, operation: Operation) -> bool:
    """Whether there are more rows already than a reading has."""
    return operation.outcome == LOOK and operation.mark is not None and spot[1] > int(operation.mark)
