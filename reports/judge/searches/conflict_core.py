"""The conflict core: the few operations of a workflow that contradict each other without the others. Data, no text.

A set of operations is contradictory when no order explains it even if every operation outside of it is weakened:
an answer that changes nothing is forgotten, a transition may or may not have taken effect, at any moment, at most
once, and a create only says in which state the workflow began. Adding an operation keeps a set contradictory, so
taking operations away one by one ends in a set of which none can be spared.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Protocol

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.linearizability_search import search
from reports.judge.verdict import Verdict

PAIRS_MAX = 400
PROBE_S = 0.25


@dataclass(frozen=True)
class ConflictCore:
    """The operations, by invoke. `start`: the state that the workflow began in, where it is known. `is_minimal`:
    none of them can be spared; otherwise the time ran out.
    """

    operations: tuple[Operation, ...]
    start: str | None
    is_minimal: bool


class Contradicting(Protocol):
    """Something that can be asked which operations contradict each other, until `deadline_s`."""

    @property
    def deadline_s(self) -> float: ...

    def contradicts(self, chosen: Iterable[Operation]) -> bool: ...


@dataclass(frozen=True)
class Weakened:
    """A workflow, ready to be asked which of its operations contradict each other."""

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    deadline_s: float

    @property
    def begun(self) -> list[str | None]:
        """The states that the workflow may have begun in when its create is only taken for its word."""
        told = dict.fromkeys(each.observed for each in self.operations if each.kind == "create")
        return list(told) or list(self.starts)

    def contradicts(self, chosen: Iterable[Operation]) -> bool:
        """Whether no order explains the chosen ones. False when there was no time to find out."""
        kept = list(chosen)
        rows = {each.row for each in kept}
        starts = [None] if any(each.kind == "create" and not each.is_pure for each in kept) else self.begun
        weak = [
            weaken(each)
            for each in self.operations
            if each.row not in rows and not each.is_pure and each.kind != "create"
        ]
        deadline = min(self.deadline_s, time.monotonic() + PROBE_S)
        return search([*kept, *weak], starts, self.graph, deadline).verdict is Verdict.FAIL


def weaken(operation: Operation) -> Operation:
    """A transition that may have taken effect, at any moment."""
    return replace(operation, outcome="unknown", observed=None, invoked=-NEVER, returned=NEVER)


def find_conflict_core(
    operations: Sequence[Operation],
    starts: Sequence[str | None],
    contradictory: Sequence[Operation],
    graph: TransitionGraph | None,
    limit_s: float,
) -> ConflictCore:
    """A smallest contradictory set that can be found in `limit_s`. `contradictory`: see `conflict_core` in Searched."""
    moves = [each for each in operations if not each.is_pure]
    weakened = Weakened(moves, starts, graph, time.monotonic() + limit_s)
    chosen, is_minimal = find_smallest(weakened, contradictory)
    begun = weakened.begun
    ordered = tuple(sorted(chosen, key=lambda each: (each.invoked, each.row)))
    return ConflictCore(ordered, begun[0] if len(begun) == 1 else None, is_minimal)


def find_smallest(weakened: Contradicting, contradictory: Sequence[Operation]) -> tuple[list[Operation], bool]:
    """One that contradicts by itself, else the likeliest pair, else what remains when none can be taken away."""
    certain = [each for each in contradictory if each.outcome != "unknown"]
    for suspect in sorted(certain, key=lambda each: not each.is_pure):
        if time.monotonic() < weakened.deadline_s and weakened.contradicts([suspect]):
            return [suspect], True
    for pair in find_pairs(certain):
        if time.monotonic() < weakened.deadline_s and weakened.contradicts(pair):
            return list(pair), True
    left, is_minimal = take_away(weakened, contradictory)
    if len(left) > 2:
        pairs = combinations(certain, 2) if len(certain) ** 2 <= 2 * PAIRS_MAX else iter(())
        for pair in pairs:
            if time.monotonic() < weakened.deadline_s and weakened.contradicts(pair):
                return list(pair), True
    return left, is_minimal


def find_pairs(certain: Sequence[Operation]) -> list[tuple[Operation, Operation]]:
    """Winners out of the same state: the usual culprits. Those that follow each other first."""
    winners: dict[tuple[str, ...], list[Operation]] = {}
    for each in sorted(certain, key=lambda each: each.invoked):
        if not each.is_pure and each.kind != "set":
            winners.setdefault(each.expected, []).append(each)
    near = [pair for group in winners.values() for pair in pairwise(group)]
    return near[:PAIRS_MAX]


def take_away(weakened: Contradicting, contradictory: Sequence[Operation]) -> tuple[list[Operation], bool]:
    """Takes operations away, in halves, then quarters, while the rest contradicts; unknown ones and answers first."""
    left = sorted(contradictory, key=lambda each: (each.outcome != "unknown", not each.is_pure, each.invoked))
    if not weakened.contradicts(left):
        return left, False
    size = max(1, len(left) // 2)
    while True:
        index, shrunk = 0, False
        while index < len(left):
            if time.monotonic() > weakened.deadline_s:
                return left, False
            rest = left[:index] + left[index + size :]
            if rest and weakened.contradicts(rest):
                left, shrunk = rest, True
            else:
                index += size
        if size == 1 and not shrunk:
            return left, True
        size = max(1, size // 2)
