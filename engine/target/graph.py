"""TransitionGraph: the states of a workflow and the legal moves between them. Pure.

The engine and the judge share this file and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class TransitionGraph:
    """A workflow's states, its initial state and its legal edges.

    `successors` maps a state to its next states, in the order in which they were given. A terminal state may be left
    out.
    """

    initial: str
    successors: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, initial: str, transitions: Mapping[str, Iterable[str]]) -> "TransitionGraph":
        """The graph of a mapping from states to next states. Raises ValueError if it has no edges."""
        successors = {state: tuple(dict.fromkeys(nexts)) for state, nexts in transitions.items()}
        if not any(successors.values()):
            raise ValueError("a transition graph needs at least one edge")
        return cls(initial, successors)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """All states, the initial one first, then in the order of the edges."""
        found: dict[str, None] = {self.initial: None}
        for state, nexts in self.successors.items():
            found.setdefault(state)
            found.update(dict.fromkeys(nexts))
        return tuple(found)

    @cached_property
    def edges(self) -> frozenset[tuple[str, str]]:
        """All legal (from, to)."""
        return frozenset(self.walk_edges())

    @cached_property
    def terminal(self) -> frozenset[str]:
        """The states without outgoing edges."""
        return frozenset(state for state in self.states if not self.successors.get(state))

    def allows(self, current: str, next_state: str) -> bool:
        """Whether current -> next_state is a legal edge."""
        return (current, next_state) in self.edges

    def sources(self, next_state: str) -> tuple[str, ...]:
        """The states from which a legal move leads to `next_state`."""
        return tuple(state for state in self.states if self.allows(state, next_state))

    def walk_edges(self) -> Iterator[tuple[str, str]]:
        """All legal (from, to), in a fixed order."""
        for state, nexts in self.successors.items():
            for next_state in nexts:
                yield state, next_state

    def path(self, start: str, goal: str) -> tuple[str, ...] | None:
        """A shortest legal path, start and goal included; None if there is none."""
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
