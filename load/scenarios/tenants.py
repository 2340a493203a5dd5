"""Can another tenant get in between when the owner's contenders race for a workflow?

At every edge of a walk N contenders of the owner race; at the same instant a stranger asks for the same transition on
the same id, over the same routes. The stranger's calls are not in the race: each must be refused and move nothing.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import (
    Round,
    Scenario,
    Script,
    draw_call,
    find_no_race,
    is_waited,
    make_race,
    make_round,
    make_wait,
)


def find_obstacle(target: Target) -> str | None:
    return find_no_race(target) if target.strangers else "the target has one tenant only"


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        walk = draw_walk(target.walked, rng, used)
        yield Script(SCENARIO.name, tuple(make_crossed(target, rng, edge, contenders) for edge in walk))


def make_crossed(target: Target, rng: random.Random, edge: Edge, contenders: int) -> Round:
    if is_waited(target, edge):
        return make_wait(target, edge)
    owners = make_race(target, rng, edge, contenders).calls
    crossing = [draw_call(target, rng, edge, rng.choice(target.strangers)) for _ in range(max(1, contenders // 2))]
    calls = rng.sample([*owners, *crossing], k=len(owners) + len(crossing))
    return make_round(target, edge.origin, calls, leads_to=edge.to)


SCENARIO = Scenario("tenants", __doc__ or "", True, 1, find_obstacle, draw_scripts)
