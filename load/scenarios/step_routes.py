"""Do the routes that carry a payload let one of N contenders win, and leave no trace of the others?

A walk through the graph; where an edge has routes of its own, N contenders ask for it over these alone, each with a
payload and a marker of its own. The edges between are taken by single requests.
"""

import random
from collections.abc import Iterator

from engine.target.races import Hop, Used, draw_walk, is_race
from engine.target.target import Route, Target
from load.plans import Call, Life, Round, Scenario, expect, make_round, make_step


def find_obstacle(target: Target) -> str | None:
    edges = [Hop(origin, to) for origin, to in target.graph.walk_edges()]
    return None if any(list_own_routes(target, hop) for hop in edges) else "no edge has a route of its own to race on"


def list_own_routes(target: Target, hop: Hop) -> list[Route]:
    """The edge's own routes over which only one request can win."""
    own = [route for route in target.routes_for(hop.origin, hop.to) if route.sources is not None]
    return [route for route in own if is_race(hop.origin, [(expect(target, route, hop.origin, hop.to), hop.to)])]


def draw_lives(target: Target, rng: random.Random, contenders: int) -> Iterator[Life]:
    used: Used = Used()
    while True:
        rounds: list[Round] = []
        for hop in draw_walk(target.graph, rng, used):
            own = list_own_routes(target, hop)
            if not own:
                rounds.append(make_step(target, rng, hop))
                continue
            calls = [Call(hop.origin, hop.to, rng.choice(own)) for _ in range(contenders)]
            rounds.append(make_round(target, hop.origin, calls, leads_to=hop.to))
        yield Life(SCENARIO.name, tuple(rounds))


SCENARIO = Scenario("step-routes", __doc__ or "", True, 1, find_obstacle, draw_lives)
