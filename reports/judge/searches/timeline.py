"""Timeline: what a workflow's state can have been during a call, from the known transitions alone, in linear time.

It says "surely not" only if no course of the acknowledged transitions allows the state, even if other answers are
wrong. So one wrong answer does not make the answers around it look wrong.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.linearizability_search import ANOTHER_STATE

ALWAYS = -NEVER


@dataclass(frozen=True)
class Best:
    """For sorted `keys`, the greatest value up to each."""

    keys: list[int]
    greatest: list[int]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> "Best":
        ordered = sorted(pairs)
        return cls([key for key, _ in ordered], list(accumulate((value for _, value in ordered), max)))

    def below(self, key: int) -> int:
        """The greatest value with a key less than this; ALWAYS when there is none."""
        index = bisect_left(self.keys, key)
        return self.greatest[index - 1] if index else ALWAYS

    def until(self, key: int) -> int:
        """The greatest value with a key of at most this; ALWAYS when there is none."""
        index = bisect_right(self.keys, key)
        return self.greatest[index - 1] if index else ALWAYS


def list_unasked(
    graph: TransitionGraph | None, moves: Sequence[Operation], starts: Sequence[str | None]
) -> list[Operation]:
    """The moves that no request makes, each from the earliest moment on at which it may happen."""
    timed = graph.timed if graph is not None else ()
    entries = [(each.leads_to, each.enters_at) for each in moves] + [(start, ALWAYS) for start in starts]
    earliest: dict[str | None, int] = {}
    for state, moment in entries:
        earliest[state] = min(moment, earliest.get(state, NEVER))
    for _ in timed:  # one may lead to another
        for move in timed:
            if move.origin in earliest:
                moment = earliest[move.origin] + move.after_ns
                earliest[move.to] = min(moment, earliest.get(move.to, NEVER))
    return [
        Operation(-1, "advance", "unknown", (move.origin,), move.to, None, earliest[move.origin] + move.after_ns, NEVER)
        for move in timed
        if move.origin in earliest
    ]


@dataclass
class Timeline:
    """One workflow's transitions. `starts`: the states that it may have begun in (None: not created yet)."""

    operations: Sequence[Operation]
    starts: Sequence[str | None]
    graph: TransitionGraph | None
    visits: dict[str, tuple[Best, Best]] = field(default_factory=dict)
    entries: dict[str, Best] = field(default_factory=dict)
    stays: dict[tuple[str, ...], tuple[Best, Best]] = field(default_factory=dict)

    @cached_property
    def moves(self) -> list[Operation]:
        """The transitions, and the moves that no request makes."""
        asked = [each for each in self.operations if not each.is_pure]
        return [*asked, *list_unasked(self.graph, asked, self.starts)]

    def could_be(self, state: str, invoked: int, returned: int) -> bool:
        """Whether the workflow can have been in `state` at some moment of the call.

        Not so when every move that leads to it was invoked after the call, or was surely followed by another one
        that led elsewhere and had returned before it.
        """
        entered, left = self.find_visits(state)
        last_leave = left.below(invoked)
        began = state in self.starts or (len(self.starts) > 1 and ANOTHER_STATE in self.starts)
        return (began and last_leave == ALWAYS) or (
            entered.until(returned) != ALWAYS and entered.until(returned) >= last_leave
        )

    def could_enter(self, state: str, invoked: int, returned: int) -> bool:
        """Whether the workflow can have come to `state` during the call, from another one: a move that leads to it
        overlaps the call. No create does: the workflow did not exist before.
        """
        return self.find_entries(state).until(returned) >= invoked

    def find_entries(self, state: str) -> Best:
        """The moves that lead to `state`, creates left out."""
        if state not in self.entries:
            moves = [move for move in self.moves if move.leads_to == state and move.kind != "create"]
            self.entries[state] = Best.of((move.invoked, move.returned) for move in moves)
        return self.entries[state]

    def find_visits(self, state: str) -> tuple[Best, Best]:
        """The moves that lead to `state`, and those that lead elsewhere and returned."""
        if state not in self.visits:
            entries = [(move.invoked, move.returned) for move in self.moves if move.leads_to == state]
            leaves = [
                (move.returned, move.invoked)
                for move in self.moves
                if move.leads_to != state and move.returned != NEVER
            ]
            self.visits[state] = Best.of(entries), Best.of(leaves)
        return self.visits[state]

    def surely_within(self, states: tuple[str, ...], invoked: int, returned: int) -> bool:
        """Whether the workflow was in one of `states` during the whole call: a move led there before it, and nothing
        that may have come after that move, and was invoked by the end of the call, can lead out.
        """
        if states not in self.stays:
            entries = [
                (move.returned, move.invoked)
                for move in self.moves
                if move.leads_to in states and move.returned != NEVER
            ]
            leaves = [(move.invoked, move.returned) for move in self.moves if self.may_leave(move, states)]
            self.stays[states] = Best.of(entries), Best.of(leaves)
        entered, left = self.stays[states]
        last_leave = left.until(returned)
        if last_leave == ALWAYS and all(start in states for start in self.starts):
            return True
        last_entry = entered.below(invoked)
        return last_entry != ALWAYS and last_leave < last_entry

    def may_leave(self, move: Operation, states: tuple[str, ...]) -> bool:
        if move.leads_to in states:
            return False
        return move.kind == "set" or any(state in states for state in move.expected)
