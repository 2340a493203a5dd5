"""Do exactly min(N, K) of N clients get one of K units, and none when none is left?

N clients take at one instant, again and again, until no unit is left, and once more. Resources have 1, 3, N/2 and N
units in turn, where onewinner can choose that. What is left is read after every round, where it can be read.
"""

import random
from collections.abc import Iterator
from itertools import cycle

from engine.target.call import TAKE
from engine.target.target import Target
from load.scripts import Scenario, Script
from load.takes import choose_units, count_rounds, find_too_many, find_units, make_take_rounds


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    is_chosen = target.capacity is not None and target.capacity.is_chosen
    amounts = choose_units(contenders)
    first = rng.randrange(len(amounts))
    for units in cycle([*amounts[first:], *amounts[:first]]):
        known = units if is_chosen else find_units(target)
        rounds = make_take_rounds(target, [[TAKE] * contenders] * count_rounds(known, contenders))
        yield Script(SCENARIO.name, rounds, units=units if is_chosen else 0, ends_empty=known is None)


SCENARIO = Scenario("last-unit", __doc__ or "", False, 4, find_too_many, draw_scripts, takes=True)
