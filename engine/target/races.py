"""What is a race, and which edges to walk: drawn from a seed before anything runs. Pure."""

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from engine.target.graph import TransitionGraph

WALK_MAX = 60

EdgeCounts = Counter[tuple[str, str]]


def is_race(start: str, contenders: Collection[tuple[Collection[str], str]]) -> bool:
    """Whether exactly one of the contenders (expected states, next state) can win, in every order.

    The state at the start is expected by every contender, and no contender's next state is expected by any.
    """
    reached = {next_state for _, next_state in contenders}
    return bool(contenders) and all(start in expected and reached.isdisjoint(expected) for expected, _ in contenders)


@dataclass(frozen=True)
class Edge:
    """One legal move of a workflow."""

    origin: str
    to: str


def draw_walk(graph: TransitionGraph, rng: random.Random, used: EdgeCounts) -> list[Edge]:
    """One workflow's life: from the initial state along the least used edges, to a terminal state at the longest.

    `used` counts the edges of all walks so far and is brought up to date, so that a few walks cover the graph.
    """
    edges: list[Edge] = []
    state = graph.initial
    while len(edges) < WALK_MAX and graph.successors.get(state):
        next_state = choose(graph, rng, used, state)
        used[state, next_state] += 1
        edges.append(Edge(state, next_state))
        state = next_state
    return edges


def choose(graph: TransitionGraph, rng: random.Random, used: EdgeCounts, state: str) -> str:
    """The least used edge out of a state. An edge into a dead end counts more, so that walks get far."""

    def weight(next_state: str) -> float:
        cost = 8 if next_state in graph.terminal else 1
        return (used[state, next_state] + rng.random()) * cost

    return min(graph.successors[state], key=weight)


def find_path(graph: TransitionGraph, goal: str) -> list[Edge]:
    """The edges of a shortest way from the initial state; empty when there is none, or no way to go."""
    states = graph.path(graph.initial, goal) or ()
    return [Edge(origin, to) for origin, to in pairwise(states)]


def find_good_end(graph: TransitionGraph) -> str:
    """The terminal state that lies farthest from the initial one (of all states, when none is terminal)."""
    reachable = [state for state in graph.states if graph.path(graph.initial, state)]
    ends = [state for state in reachable if state in graph.terminal]
    return max(ends or reachable, key=lambda state: len(graph.path(graph.initial, state) or ()))
