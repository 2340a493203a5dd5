"""Are units neither lost nor made when clients take them and give them back at one instant?

First clients take what there is. Then, round by round, some give a unit back while others take one. In some rounds
no client takes, and the same unit is given back twice at one instant, and once more after the answer. At the end N
clients take what is left.
"""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from engine.target.call import GIVE_BACK, TAKE
from engine.target.target import Target
from load.scripts import Scenario, Script
from load.takes import NO_CAPACITY, find_units, make_take_rounds

ROUNDS = 3
UNITS_MAX = 5
# The share of the rounds in which a unit is given back twice.
TWICE_SHARE = 0.4


def find_obstacle(target: Target) -> str | None:
    if target.capacity is None:
        return NO_CAPACITY
    return None if target.capacity.give_back is not None else "the target has no capacity.give_back"


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    is_chosen = target.capacity is not None and target.capacity.is_chosen
    while True:
        units = rng.randint(1, UNITS_MAX)
        known = units if is_chosen else find_units(target) or UNITS_MAX
        calls = [[TAKE] * min(contenders, known + 1)]
        for turn in range(ROUNDS):
            if rng.random() < TWICE_SHARE:
                again = replace(GIVE_BACK, key=f"back-{turn}")
                calls += [[again, again], [again]]
                continue
            backs = rng.randint(1, max(1, min(known, contenders // 2)))
            takes = rng.randint(1, max(1, contenders - backs))
            mixed = [GIVE_BACK] * backs + [TAKE] * takes
            calls.append(rng.sample(mixed, k=len(mixed)))
        yield Script(SCENARIO.name, make_take_rounds(target, [*calls, [TAKE] * contenders]), units=units * is_chosen)


SCENARIO = Scenario("takes-and-give-backs", __doc__ or "", False, 3, find_obstacle, draw_scripts, takes=True)
