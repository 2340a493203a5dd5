"""Do the routes that carry a payload let one of N contenders win, and leave no trace of the others?

A walk through the graph; where an edge has routes of its own, N contenders ask for it over these alone, each with a
payload and a marker of its own. The edges between are taken by single requests.
"""

import random
from collections.abc import Iterator

from engine.target.call import call_route
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, make_round, make_step, wins_once


def find_obstacle(target: Target) -> str | None:
    edges = [Edge(origin, to) for origin, to in target.graph.walk_edges()]
    return None if any(list_own_routes(target, edge) for edge in edges) else "no edge has a route of its own to race on"


def list_own_routes(target: Target, edge: Edge) -> list[Route]:
    """The edge's own routes over which only one request can win."""
    own = [route for route in target.routes_for(edge.origin, edge.to) if route.sources is not None]
    return [route for route in own if wins_once(target, route, edge)]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        rounds: list[Round] = []
        for edge in draw_walk(target.walked, rng, used):
            own = list_own_routes(target, edge)
            if not own:
                rounds.append(make_step(target, rng, edge))
                continue
            calls = [call_route(rng.choice(own), edge.origin, edge.to) for _ in range(contenders)]
            rounds.append(make_round(target, edge.origin, calls, leads_to=edge.to))
        yield Script(SCENARIO.name, tuple(rounds))


SCENARIO = Scenario("step-routes", __doc__ or "", True, 1, find_obstacle, draw_scripts)
