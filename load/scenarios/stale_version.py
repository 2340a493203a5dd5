"""Does a request lose that carries the version from before a move, though its move is legal?

After each move of a walk, clients ask for the next move with a version that was told before. Every second walk goes in
a circle, if the graph has one: then the workflow is in the state in which the version was told, and the version is old
nevertheless. A version that the service tells again there (it hashes what it stores) is current, and is not sent. No
race: no request can win.
"""

import random
from collections.abc import Iterator
from itertools import pairwise

from engine.target.call import VERSION_OLD, call_route
from engine.target.graph import TransitionGraph
from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk, find_path
from load.scripts import Round, Scenario, Script, list_carriers, make_lost, make_step

STEPS_MAX = 4


def find_obstacle(target: Target) -> str | None:
    if target.version is None:
        return "no request carries a version that [read] saves"
    edges = [Edge(origin, to) for origin, to in target.graph.walk_edges()]
    later = [edge for edge in edges if edge.origin != target.graph.initial or find_circles(target.graph)]
    return None if any(list_carriers(target, edge) for edge in later) else "no move after another carries a version"


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    circles = find_circles(target.graph)
    while True:
        yield make_script(target, rng, draw_walk(target.walked, rng, used)[:STEPS_MAX], contenders)
        if circles:
            yield make_script(target, rng, rng.choice(circles), contenders, at=-1)


def find_circles(graph: TransitionGraph) -> list[list[Edge]]:
    """For each edge that is part of a circle: the way to it, and once around."""
    found = []
    for origin, to in graph.walk_edges():
        back, there = graph.path(to, origin), graph.path(graph.initial, origin)
        if back is not None and there is not None:
            around = [Edge(*pair) for pair in pairwise([origin, *back])]
            found.append([*find_path(graph, origin), *around])
    return found


def make_script(target: Target, rng: random.Random, walk: list[Edge], contenders: int, at: int | None = None) -> Script:
    """The moves of the walk; after each, or after that one, requests with an old version for any legal move."""
    rounds: list[Round] = []
    last = len(walk) - 1
    for place, edge in enumerate(walk):
        rounds.append(make_step(target, rng, edge))
        calls = [
            call_route(route, edge.to, to)
            for to in target.graph.successors.get(edge.to, ())
            for route in list_carriers(target, Edge(edge.to, to))
        ]
        if calls and (at is None or place == last):
            rounds.append(make_lost(edge.to, rng.choices(calls, k=max(2, contenders)), VERSION_OLD))
    return Script(SCENARIO.name, tuple(rounds))


SCENARIO = Scenario("stale-version", __doc__ or "", False, 1, find_obstacle, draw_scripts)
