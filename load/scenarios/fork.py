"""Does exactly one of N contenders win when they want different next states out of one?

A workflow is brought to a state with several ways on; then every contender asks for one of them, in turn. Only
sets of requests that make a race take part: no contender's next state may be one that another expects.
"""

import random
from collections import Counter
from collections.abc import Iterator

from engine.target.call import call_route
from engine.target.races import is_race
from engine.target.routes import Route
from engine.target.target import Target
from load.scripts import Scenario, Script, make_round, walk_to

WAYS_MIN = 2
DEPTH_PER_COST = 8
Way = tuple[Route, str]


def find_obstacle(target: Target) -> str | None:
    return None if find_forks(target) else "no state has two ways on of which only one request can win"


def find_forks(target: Target) -> dict[str, list[Way]]:
    """The states that can be reached and have a race between different next states: state -> (route, next)."""
    reachable = [state for state in target.graph.states if target.walked.path(target.graph.initial, state)]
    found = {state: pick_ways(target, state) for state in reachable}
    return {state: ways for state, ways in found.items() if len({to for _, to in ways}) >= WAYS_MIN}


def pick_ways(target: Target, state: str) -> list[Way]:
    """A largest handy set of requests of which any two make a race; those that expect least are taken first."""
    successors = target.graph.successors.get(state, ())
    ways = [(route, to) for to in successors for route in target.routes_for(state, to)]
    picked: list[Way] = []
    for route, to in sorted(ways, key=lambda way: len(target.expected_by(way[0], state, way[1]))):
        tried = [*picked, (route, to)]
        if is_race(state, [(target.expected_by(route, state, to), to) for route, to in tried]):
            picked = tried
    return picked


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    forks = find_forks(target)
    used: Counter[str] = Counter()
    while True:
        state = min(forks, key=lambda state: (used[state] + rng.random()) * weigh(target, state, forks[state]))
        used[state] += 1
        nexts = rng.sample(sorted({to for _, to in forks[state]}), k=len({to for _, to in forks[state]}))
        calls = []
        for number in range(contenders):
            to = nexts[number % len(nexts)]
            route = rng.choice([route for route, other in forks[state] if other == to])
            calls.append(call_route(route, state, to))
        fork = make_round(target, state, calls, leads_to=None)
        yield Script(SCENARIO.name, (*walk_to(target, rng, state), fork))


def weigh(target: Target, state: str, ways: list[Way]) -> float:
    """What a fork costs: far ones more, and those that are only an end against the way on."""
    depth = len(target.walked.path(target.graph.initial, state) or ())
    living = {to for _, to in ways if to not in target.graph.terminal}
    return (1 + depth / DEPTH_PER_COST) * (1 if len(living) >= WAYS_MIN else 2)


SCENARIO = Scenario("fork", __doc__ or "", True, 1, find_obstacle, draw_scripts)
