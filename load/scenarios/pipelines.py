"""Does a workflow come through its whole pipeline to the good end when every single step is fought over?

The good end is the terminal state that lies farthest away. N contenders ask for each step on a shortest way there.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import find_good_end, find_path
from load.scripts import Scenario, Script, find_no_race, make_race


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    way = find_path(target.walked, find_good_end(target.walked))
    while True:
        yield Script(SCENARIO.name, tuple(make_race(target, rng, edge, contenders) for edge in way))


SCENARIO = Scenario("pipelines", __doc__ or "", True, 2, find_no_race, draw_scripts)
