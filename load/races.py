"""What is a race, and which ones to run: plans drawn from a seed before anything runs. Pure."""

import random
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from engine.graph import TransitionGraph

WALK_MAX = 60


def is_race(start: str, contenders: Collection[tuple[Collection[str], str]]) -> bool:
    """Whether exactly one of the contenders (expected states, next state) can win, in every order.

    The state at the start is expected by every contender, and no contender's next state is expected by any.
    """
    reached = {following for _, following in contenders}
    return bool(contenders) and all(start in expected and reached.isdisjoint(expected) for expected, _ in contenders)


@dataclass(frozen=True)
class Hop:
    """One edge of a walk, and which of its routes each contender takes (an index, modulo their number)."""

    origin: str
    to: str
    picks: tuple[int, ...]


def draw_walk(graph: TransitionGraph, rng: random.Random, used: Counter[tuple[str, str]], contenders: int) -> list[Hop]:
    """One workflow's life: from the initial state along the least used edges, to a terminal state at the longest.

    `used` counts the edges of all walks so far and is brought up to date, so that a few walks cover the graph.
    """
    hops: list[Hop] = []
    state = graph.initial
    while len(hops) < WALK_MAX and graph.successors.get(state):
        following = choose(graph, rng, used, state)
        used[state, following] += 1
        hops.append(Hop(state, following, tuple(rng.randrange(1 << 16) for _ in range(contenders))))
        state = following
    return hops


def choose(graph: TransitionGraph, rng: random.Random, used: Counter[tuple[str, str]], state: str) -> str:
    """The least used edge out of a state. An edge into a dead end counts more, so that walks get far."""

    def weight(following: str) -> float:
        cost = 8 if following in graph.terminal else 1
        return (used[state, following] + rng.random()) * cost

    return min(graph.successors[state], key=weight)


def draw_walks(graph: TransitionGraph, seed: int, source: str, contenders: int) -> Iterator[list[Hop]]:
    """Walks without end; the same for the same seed and source."""
    rng = random.Random(f"{seed}/{source}")
    used: Counter[tuple[str, str]] = Counter()
    while True:
        yield draw_walk(graph, rng, used, contenders)
