"""Can another tenant take a unit while the owner's clients take theirs?

The owner's clients and those of another tenant ask for units of the owner's resource at one instant. Those of the other
tenant must be refused, and must take none.
"""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from engine.target.call import TAKE
from engine.target.target import Target
from load.scripts import Scenario, Script
from load.takes import NO_CAPACITY, choose_units, find_units, make_take_rounds

ROUNDS_MAX = 3


def find_obstacle(target: Target) -> str | None:
    if target.capacity is None:
        return NO_CAPACITY
    if target.capacity.is_shared:
        return "there is one queue for the whole service"
    return None if target.strangers else "the target has one tenant only"


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    is_chosen = target.capacity is not None and target.capacity.is_chosen
    while True:
        units = rng.choice(choose_units(contenders))
        known = units if is_chosen else find_units(target)
        foreign = [replace(TAKE, tenant=rng.choice(target.strangers)) for _ in range(max(1, contenders // 2))]
        calls = [*[TAKE] * contenders, *foreign]
        rounds = min(ROUNDS_MAX, -(-(known or contenders) // contenders) + 1)
        crossed = [rng.sample(calls, k=len(calls)) for _ in range(rounds)]
        yield Script(SCENARIO.name, make_take_rounds(target, crossed), units=units if is_chosen else 0)


SCENARIO = Scenario("foreign-takes", __doc__ or "", False, 1, find_obstacle, draw_scripts, takes=True)
