"""Are units that come back by themselves given out once more, and no earlier than they may?

All units are taken. Shortly before they may come back N clients ask for one, and must lose. Around that moment and once
more behind it N clients ask again: as many may win as came back. Then the first client gives back what it took, which
is too late: the unit may have another holder by now, who keeps it when N clients ask for one.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from engine.target.call import GIVE_BACK, TAKE
from engine.target.target import WAIT_MAX_S, Target
from load.scripts import Scenario, Script
from load.takes import NO_CAPACITY, choose_units, count_rounds, find_too_many, find_units, make_take_rounds

# The takes begin so long before and after the moment; a sweeper comes later than it.
BEFORE_S, BEHIND_S, LATE_S = 0.02, 0.08, 0.3


def find_obstacle(target: Target) -> str | None:
    if target.capacity is None:
        return NO_CAPACITY
    after_s = target.capacity.returns_after_s
    if after_s is None:
        return "no unit comes back by itself: the target has no capacity.returns_after_s"
    if after_s > WAIT_MAX_S:
        return f"a unit comes back after {after_s:g} s; let the service have at most {WAIT_MAX_S:g}"
    if find_units(target) is None and not target.capacity.is_chosen:
        return "only the answer to the create tells how many units there are"
    return find_too_many(target)


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    assert target.capacity is not None
    after_s = target.capacity.returns_after_s or 0.0
    while True:
        units = rng.choice(choose_units(contenders))
        takes = [[TAKE] * contenders] * count_rounds(find_units(target) or units, contenders)
        early_s = [after_s * rng.uniform(0.5, 0.9)] if after_s else []
        waits_s = [*early_s, after_s + rng.uniform(-BEFORE_S, BEHIND_S), after_s + LATE_S]
        asked = [[TAKE] * contenders] * len(waits_s)
        too_late = [[GIVE_BACK], [TAKE] * contenders] if target.capacity.give_back is not None else []
        rounds = make_take_rounds(target, [*takes, *asked, *too_late])
        waits = dict(enumerate(waits_s, start=len(takes)))
        waited = [
            replace(each, wait_s=max(waits[number], 0.001)) if number in waits else each
            for number, each in enumerate(rounds)
        ]
        yield Script(SCENARIO.name, tuple(waited), units=units if target.capacity.is_chosen else 0)


SCENARIO = Scenario("returned-units", __doc__ or "", False, 1, find_obstacle, draw_scripts, takes=True)
