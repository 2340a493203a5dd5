"""Does each of several workflows have exactly one winner when all of them are raced for at the same instant?

Workflows of all tenants in turn, each on a walk of its own. At every step one release holds a race for each of them.
What they share (a lock, a row, a variable of the service) may refuse all of a race, or let two requests win.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, deal_owners, find_no_race, make_race, release_together

WORKFLOWS = 4
STEPS_MAX = 6


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        walks = [draw_walk(target.walked, rng, used)[:STEPS_MAX] for _ in range(WORKFLOWS)]
        rounds: list[Round] = []
        for step in range(max(map(len, walks))):
            races = [
                make_race(target, rng, walk[step], contenders, workflow)
                for workflow, walk in enumerate(walks)
                if step < len(walk)
            ]
            rounds.append(release_together(races))
        yield Script(SCENARIO.name, tuple(rounds), WORKFLOWS, deal_owners(target, WORKFLOWS))


SCENARIO = Scenario("side-by-side", __doc__ or "", True, 3, find_no_race, draw_scripts)
