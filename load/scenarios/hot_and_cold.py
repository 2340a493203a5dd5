"""Do idle workflows stay as they are while a few others are hammered?

A few workflows are raced for at the same instant, edge by edge; many others are created beside them, some moved a
single step, and left alone. In the end each is read, and its trail.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, find_no_race, make_race, make_step, release_together

HOT = 2
COLD = 8
ROUNDS_EACH_MAX = 12


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        rounds: list[Round] = [
            make_step(target, rng, draw_walk(target.walked, rng, used)[0], workflow=cold)
            for cold in range(HOT, HOT + COLD, 2)
        ]
        walks = [draw_walk(target.walked, rng, used)[:ROUNDS_EACH_MAX] for _ in range(HOT)]
        for position in range(max(map(len, walks))):
            races = [
                make_race(target, rng, walk[position], contenders, workflow=hot)
                for hot, walk in enumerate(walks)
                if position < len(walk)
            ]
            rounds.append(release_together(races))
        yield Script(SCENARIO.name, tuple(rounds), HOT + COLD)


SCENARIO = Scenario("hot-and-cold", __doc__ or "", True, 1, find_no_race, draw_scripts)
