"""Does a guard tell the truth at every moment while the workflow moves on?

Along the way to the good end, each step is taken by one request while the others read the guards at the same instant.
No race. States in which the state alone does not decide are left out, and nobody cancels.
"""

import random
from collections.abc import Iterator

from engine.target.races import Hop, find_good_end, find_path
from engine.target.target import Guard, Target
from load.plans import Call, Life, Round, Scenario, draw_call, make_round, make_step


def find_obstacle(target: Target) -> str | None:
    if not target.guards:
        return "the target has no [[guards]]"
    way = find_path(target.graph, find_good_end(target.graph))
    return None if any(list_guards(target, hop) for hop in way) else "no guard is decided by the state alone on the way"


def list_guards(target: Target, hop: Hop) -> list[Guard]:
    """The guards that the state decides, before the hop and after it; those that it opens or closes come first."""
    decided = [guard for guard in target.guards if hop.origin not in guard.either and hop.to not in guard.either]
    return sorted(decided, key=lambda guard: (hop.origin in guard.open) == (hop.to in guard.open))


def draw_lives(target: Target, rng: random.Random, contenders: int) -> Iterator[Life]:
    way = find_path(target.graph, find_good_end(target.graph))
    while True:
        yield Life(SCENARIO.name, tuple(make_guarded(target, rng, hop, contenders) for hop in way))


def make_guarded(target: Target, rng: random.Random, hop: Hop, contenders: int) -> Round:
    """One advance among guard reads; every second of them asks the guard that the step concerns."""
    guards = list_guards(target, hop)
    if not guards:
        return make_step(target, rng, hop)
    reads = [
        Call(hop.origin, guard=guards[0] if number % 2 == 0 else rng.choice(guards)) for number in range(contenders - 1)
    ]
    calls = [*reads, draw_call(target, rng, hop)]
    rng.shuffle(calls)
    return make_round(target, hop.origin, calls, leads_to=hop.to, winners_max=1)


SCENARIO = Scenario("guards", __doc__ or "", False, 1, find_obstacle, draw_lives)
