"""Does a guard tell the truth at every moment while the workflow moves on?

Along the way to the good end, each step is taken by one request while the others read the guards at the same instant.
No race. States in which the state alone does not decide are left out, and no request cancels.
"""

import random
from collections.abc import Iterator

from engine.target.call import Call
from engine.target.routes import Guard
from engine.target.target import Target
from engine.target.walks import Edge, find_good_end, find_path
from load.scripts import Round, Scenario, Script, draw_call, is_waited, make_round, make_step


def find_obstacle(target: Target) -> str | None:
    if not target.guards:
        return "the target has no [[guards]]"
    way = find_path(target.walked, find_good_end(target.walked))
    return (
        None if any(list_guards(target, edge) for edge in way) else "no guard is decided by the state alone on the way"
    )


def list_guards(target: Target, edge: Edge) -> list[Guard]:
    """The guards that the state decides, before the edge and after it; those that it opens or closes come first."""
    decided = [guard for guard in target.guards if edge.origin not in guard.either and edge.to not in guard.either]
    return sorted(decided, key=lambda guard: (edge.origin in guard.open) == (edge.to in guard.open))


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    way = find_path(target.walked, find_good_end(target.walked))
    while True:
        yield Script(SCENARIO.name, tuple(make_guarded(target, rng, edge, contenders) for edge in way))


def make_guarded(target: Target, rng: random.Random, edge: Edge, contenders: int) -> Round:
    """One advance among guard reads; every second of them asks the guard that the step concerns."""
    guards = list_guards(target, edge)
    if not guards or is_waited(target, edge):
        return make_step(target, rng, edge)
    reads = [
        Call(guard=(guards[0] if number % 2 == 0 else rng.choice(guards)).name) for number in range(contenders - 1)
    ]
    calls = [*reads, draw_call(target, rng, edge)]
    rng.shuffle(calls)
    return make_round(target, edge.origin, calls, leads_to=edge.to, winners_max=1)


SCENARIO = Scenario("guards", __doc__ or "", False, 1, find_obstacle, draw_scripts)
