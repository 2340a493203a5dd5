"""Is a request without a version refused as the target promises, and does it leave the workflow as it is?

Along a walk, clients ask for the next move without the version; then it is made with the version. No race: every answer
must be one of `precondition_required`.
"""

import random
from collections.abc import Iterator

from engine.target.call import VERSION_NONE, call_route
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, list_carriers, make_lost, make_step

STEPS_MAX = 3


def find_obstacle(target: Target) -> str | None:
    if target.version is None:
        return "no request carries a version that [read] saves"
    edges = [Edge(origin, to) for origin, to in target.graph.walk_edges()]
    if not any(list_required(target, edge) for edge in edges):
        return "no answer means precondition_required, or the version stands where it cannot be left out"
    return None


def list_required(target: Target, edge: Edge) -> list[Route]:
    """The routes over which a request without a version has an answer that the target promises."""
    version = target.version or ""
    return [
        route
        for route in list_carriers(target, edge)
        if route.meanings.precondition_required and version not in route.template.without(version).placeholders
    ]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        rounds: list[Round] = []
        for edge in draw_walk(target.graph, rng, used)[:STEPS_MAX]:
            if routes := list_required(target, edge):
                calls = [call_route(rng.choice(routes), edge.origin, edge.to) for _ in range(max(2, contenders // 2))]
                rounds.append(make_lost(edge.origin, calls, VERSION_NONE))
            rounds.append(make_step(target, rng, edge))
        yield Script(SCENARIO.name, tuple(rounds))


SCENARIO = Scenario("no-version", __doc__ or "", False, 1, find_obstacle, draw_scripts)
