"""Does a transition that has won stay won once, however often it is asked for again?

After each advance of a walk the very same transition is asked for N times more, at one instant. No race: no request
can win. Every answer must be a conflict that tells the real state, and the trail must not grow.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, is_waited, list_fair_routes, make_race, make_round, make_step

STORMS_MAX = 4


def find_obstacle(target: Target) -> str | None:
    edges = (Edge(origin, to) for origin, to in target.graph.walk_edges())
    return None if any(is_spent(target, edge) for edge in edges) else "every transition may win again and again"


def is_spent(target: Target, edge: Edge) -> bool:
    """Whether the same request cannot win once more over any of its routes."""
    origin, to = edge.origin, edge.to
    return all(to not in target.expected_by(route, origin, to) for route in list_fair_routes(target, edge))


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        rounds: list[Round] = []
        for edge in draw_walk(target.walked, rng, used)[: rng.randint(1, STORMS_MAX)]:
            rounds.append(make_step(target, rng, edge))
            if not is_waited(target, edge) and is_spent(target, edge):
                storm = make_race(target, rng, edge, contenders)
                rounds.append(make_round(target, edge.to, storm.calls, leads_to=edge.to, winners_max=0))
        yield Script(SCENARIO.name, tuple(rounds))


SCENARIO = Scenario("replay-storm", __doc__ or "", False, 1, find_obstacle, draw_scripts)
