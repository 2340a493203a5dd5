"""Walks through a graph, drawn from a seed. Pure."""

import random
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from engine.target.graph import TransitionGraph

WALK_MAX = 60

EdgeCounts = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Edge:
    """One legal move of a workflow."""

    origin: str
    to: str


def draw_walk(graph: TransitionGraph, rng: random.Random, used: EdgeCounts) -> list[Edge]:
    """A walk from the initial state along the least used edges, at most to a terminal state.

    It adds its edges to `used`, the counts of all walks so far, so that a few walks cover the graph.
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
    """The next state of the least used edge. Edges into terminal states weigh more, so that walks are long."""

    def weight(next_state: str) -> float:
        cost = 8 if next_state in graph.terminal else 1
        return (used[state, next_state] + rng.random()) * cost

    return min(graph.successors[state], key=weight)


def find_path(graph: TransitionGraph, goal: str) -> list[Edge]:
    """The edges of a shortest path from the initial state; empty if there is none, or if it is the goal."""
    states = graph.path(graph.initial, goal) or ()
    return [Edge(origin, to) for origin, to in pairwise(states)]


def find_good_end(graph: TransitionGraph) -> str:
    """The terminal state that is farthest from the initial one; of all states, if none is terminal."""
    reachable = [state for state in graph.states if graph.path(graph.initial, state)]
    ends = [state for state in reachable if state in graph.terminal]
    return max(ends or reachable, key=lambda state: len(graph.path(graph.initial, state) or ()))
