"""Does exactly one of N contenders win the same transition, along the whole way of a workflow?

Each workflow is taken from its initial state along a random walk through the graph. At every edge N
contenders ask for the same transition at the same instant, over any of the routes that serve it.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import EdgeCounts, draw_walk
from load.scripts import Scenario, Script, find_no_race, make_race


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        walk = draw_walk(target.walked, rng, used)
        yield Script(SCENARIO.name, tuple(make_race(target, rng, edge, contenders) for edge in walk))


SCENARIO = Scenario("same-transition", __doc__ or "", True, 4, find_no_race, draw_scripts)
