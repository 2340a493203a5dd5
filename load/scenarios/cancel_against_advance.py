"""Is every answer right when some end a workflow while others move it on?

Half of the contenders ask for an edge into a terminal state over a route that serves many states, the others for
the way on. No race: the way on may win first and the end after it, so both may rightly win. What came of it is
judged by the order that explains every answer, by the trail and by every conflict's truth.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from engine.target.call import call_route
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.walks import Edge, find_path
from load.scripts import Scenario, Script, list_fair_routes, make_round, walk_to


@dataclass(frozen=True)
class Clash:
    """An edge into a terminal state whose request also wins in the state that the way on leads to."""

    state: str
    end: str
    route: Route
    onward: str


def find_obstacle(target: Target) -> str | None:
    return None if find_clashes(target) else "no request into a terminal state wins both before and after an advance"


def find_clashes(target: Target) -> list[Clash]:
    graph = target.graph
    reachable = [state for state in graph.states if target.walked.path(graph.initial, state)]
    return [
        Clash(state, end, route, onward)
        for state in reachable
        for end in graph.successors.get(state, ())
        if end in graph.terminal
        for route in target.routes_for(state, end)
        for onward in graph.successors[state]
        if onward not in graph.terminal and onward in target.expected_by(route, state, end)
    ]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    clashes = find_clashes(target)
    used = [0] * len(clashes)
    costs = [1 + len(find_path(target.walked, clash.state)) for clash in clashes]
    while True:
        weights = [(count + rng.random()) * cost for count, cost in zip(used, costs, strict=True)]
        number = weights.index(min(weights))
        used[number] += 1
        clash = clashes[number]
        ways_on = list_fair_routes(target, Edge(clash.state, clash.onward))
        ends = [call_route(clash.route, clash.state, clash.end) for _ in range(contenders // 2)]
        advances = [call_route(rng.choice(ways_on), clash.state, clash.onward) for _ in range(contenders - len(ends))]
        calls = rng.sample(ends + advances, k=contenders)
        round_ = make_round(target, clash.state, calls, leads_to=clash.end, winners_max=2)
        yield Script(SCENARIO.name, (*walk_to(target, rng, clash.state), round_))


SCENARIO = Scenario("cancel-against-advance", __doc__ or "", False, 1, find_obstacle, draw_scripts)
