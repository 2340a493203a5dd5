"""TransitionGraph: the states of a workflow and the legal moves between them. Pure.

The engine and the judge share this file and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Timed:
    """A move that no request makes: it may happen at any moment from `after_s` after the request was sent that led to
    `origin`, or never. `is_open`: whether a request can make it too is not known.
    """

    origin: str
    to: str
    after_s: float
    is_open: bool = False

    @property
    def after_ns(self) -> int:
        return round(self.after_s * NS_PER_S)


@dataclass(frozen=True)
class TransitionGraph:
    """A workflow's states, its initial state and its legal edges.

    `successors` maps a state to its next states, in the order in which they were given: those to which a request leads.
    A terminal state may be left out. `timed` are the moves that no request makes; an edge of both kinds is in both.
    """

    initial: str
    successors: Mapping[str, tuple[str, ...]]
    timed: tuple[Timed, ...] = ()

    @classmethod
    def of(
        cls, initial: str, transitions: Mapping[str, Iterable[str]], timed: Iterable[Timed] = ()
    ) -> "TransitionGraph":
        """The graph of a mapping from states to next states. Raises ValueError if it has no edges."""
        successors = {state: tuple(dict.fromkeys(nexts)) for state, nexts in transitions.items()}
        if not any(successors.values()):
            raise ValueError("a transition graph needs at least one edge")
        return cls(initial, successors, tuple(timed))

    @cached_property
    def states(self) -> tuple[str, ...]:
        """All states, the initial one first, then in the order of the edges."""
        found: dict[str, None] = {self.initial: None}
        for state, nexts in self.successors.items():
            found.setdefault(state)
            found.update(dict.fromkeys(nexts))
        found.update(dict.fromkeys(state for move in self.timed for state in (move.origin, move.to)))
        return tuple(found)

    @cached_property
    def edges(self) -> frozenset[tuple[str, str]]:
        """All legal (from, to) that a request can ask for."""
        return frozenset(self.walk_edges())

    @cached_property
    def terminal(self) -> frozenset[str]:
        """The states without outgoing edges."""
        return frozenset(
            state for state in self.states if not self.successors.get(state) and not self.timed_from.get(state)
        )

    @cached_property
    def timed_from(self) -> Mapping[str, tuple[Timed, ...]]:
        """The moves out of a state that no request makes."""
        origins = dict.fromkeys(move.origin for move in self.timed)
        return {state: tuple(move for move in self.timed if move.origin == state) for state in origins}

    @cached_property
    def steps(self) -> frozenset[tuple[str, str]]:
        """All (from, to) that a workflow may go, by a request or without one."""
        return self.edges | {(move.origin, move.to) for move in self.timed}

    def wait_for(self, after_max_s: float) -> "TransitionGraph":
        """This graph, with the moves without a request as edges that come so soon, and lead to states that go on and to
        which requests alone do not lead. They alone are its `timed`.
        """
        soon = [move for move in self.timed if move.after_s <= after_max_s and move.to not in self.terminal]
        waited = tuple(move for move in soon if self.path(self.initial, move.to) is None)
        successors = dict(self.successors)
        for move in waited:
            successors[move.origin] = (*successors.get(move.origin, ()), move.to)
        return TransitionGraph(self.initial, successors, waited)

    def allows(self, current: str, next_state: str) -> bool:
        """Whether a request can make the move current -> next_state."""
        return (current, next_state) in self.edges

    def refuses(self, current: str, next_state: str) -> bool:
        """Whether no request can make the move current -> next_state."""
        return not self.allows(current, next_state) and not self.is_open(current, next_state)

    def is_open(self, current: str, next_state: str) -> bool:
        """Whether it is not known if a request can make the move current -> next_state."""
        return any(move.is_open and move.to == next_state for move in self.timed_from.get(current, ()))

    def can_go(self, current: str, next_state: str) -> bool:
        """Whether the move current -> next_state is legal, by a request or without one."""
        return (current, next_state) in self.steps

    def reach(self, start: str) -> frozenset[str]:
        """The states to which legal moves lead, by requests or without, this one included."""
        found, left = {start}, [start]
        while left:
            state = left.pop()
            new = {to for origin, to in self.steps if origin == state} - found
            found |= new
            left += new
        return frozenset(found)

    def reach_alone(self, start: str) -> frozenset[str]:
        """The states to which moves without a request lead, this one included."""
        found, left = {start}, [start]
        while left:
            new = {move.to for move in self.timed_from.get(left.pop(), ())} - found
            found |= new
            left += new
        return frozenset(found)

    def sources(self, next_state: str) -> tuple[str, ...]:
        """The states from which a request leads to `next_state`."""
        return tuple(state for state in self.states if self.allows(state, next_state))

    def walk_edges(self) -> Iterator[tuple[str, str]]:
        """All legal (from, to) that a request can ask for, in a fixed order."""
        for state, nexts in self.successors.items():
            for next_state in nexts:
                yield state, next_state

    def path(self, start: str, goal: str) -> tuple[str, ...] | None:
        """A shortest path of requests, start and goal included; None if there is none."""
        trails: dict[str, tuple[str, ...]] = {start: (start,)}
        frontier = [start]
        while frontier and goal not in trails:
            reached: list[str] = []
            for state in frontier:
                for next_state in self.successors.get(state, ()):
                    if next_state not in trails:
                        trails[next_state] = (*trails[state], next_state)
                        reached.append(next_state)
            frontier = reached
        return trails.get(goal)
