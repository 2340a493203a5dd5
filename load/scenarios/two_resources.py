"""Does each of two resources give out its own units when clients take from both at one instant?

What they share (a lock, a row, a counter in the service) may give a unit of the one to a client of the other.
"""

import random
from collections.abc import Iterator

from engine.target.call import TAKE
from engine.target.target import Target
from engine.target.workflow_source import IdPool
from load.scripts import Scenario, Script, release_together
from load.takes import choose_units, count_rounds, find_too_many, find_units, make_take_round

RESOURCES = 2


def find_obstacle(target: Target) -> str | None:
    if target.capacity is not None and target.capacity.is_shared:
        return "there is one queue for the whole service"
    if isinstance(target.create, IdPool) and len(target.create.ids[target.owner]) < RESOURCES:
        return "the target lists the id of one resource only"
    return find_too_many(target)


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    is_chosen = target.capacity is not None and target.capacity.is_chosen
    while True:
        units = rng.choice(choose_units(contenders))
        known = units if is_chosen else find_units(target)
        rounds = [
            release_together(
                [make_take_round(target, [TAKE] * contenders, resource, turn) for resource in range(RESOURCES)]
            )
            for turn in range(count_rounds(known, contenders))
        ]
        yield Script(SCENARIO.name, tuple(rounds), RESOURCES, units=units if is_chosen else 0, ends_empty=known is None)


SCENARIO = Scenario("two-resources", __doc__ or "", False, 2, find_obstacle, draw_scripts, takes=True)
