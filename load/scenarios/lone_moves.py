"""Does a legal move win that is alone on its workflow, while many other workflows are asked at the same instant?

Each release has one request for each of many workflows: most make the next move of a walk of their own, some are read,
some are created. No race: each move is alone on its workflow, so it is due and must win. A conflict comes from what it
shares with other workflows, and an answer about another workflow was mixed up.

By turns the workflows are of all tenants, or a crowd of one tenant: a lock or a limit may be a tenant's own.
"""

import itertools
import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import (
    Round,
    Scenario,
    Script,
    deal_owners,
    make_create,
    make_read,
    make_step,
    release_together,
)

WORKFLOWS, CROWD = 10, 30
STEPS_MAX = 6
# So many of the workflows are created while the others move; each read or created so often, instead of moved.
BORN_LATE = 3
READ_SHARE = 0.2


def find_obstacle(target: Target) -> str | None:
    return None if target.graph.successors.get(target.graph.initial) else "no move leads out of the initial state"


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:  # noqa: ARG001 - as all draw
    used: EdgeCounts = EdgeCounts()
    for owners in list_owners(target):
        ways = [draw_way(target, rng, used, number, len(owners)) for number in range(len(owners))]
        rounds = [
            release_together([way[step] for way in ways if step < len(way)]) for step in range(max(map(len, ways)))
        ]
        yield Script(SCENARIO.name, tuple(rounds), len(owners), owners)


def list_owners(target: Target) -> Iterator[tuple[str, ...]]:
    """The tenant of each workflow, for one script after another: all tenants, then a crowd of one of them. Ids that no
    request makes are few, or take long.
    """
    crowd = CROWD if target.creates_by_request else WORKFLOWS
    for tenant in itertools.cycle((target.owner, *target.strangers)):
        yield deal_owners(target, WORKFLOWS)
        yield (tenant,) * crowd


def draw_way(target: Target, rng: random.Random, used: EdgeCounts, workflow: int, workflows: int) -> list[Round]:
    """What is asked of one workflow, one request a release. The last few are created on the way, one after another."""
    walk = iter(draw_walk(target.walked, rng, used)[:STEPS_MAX])
    state, late = target.graph.initial, workflow - (workflows - BORN_LATE)
    way: list[Round] = []
    if late >= 0 and target.creates_by_request:
        way.append(make_create(target, workflow))
    while len(way) < STEPS_MAX:
        edge: Edge | None = None if target.can_read and rng.random() < READ_SHARE else next(walk, None)
        if edge is None and not target.can_read:
            break
        way.append(make_read(target, state, workflow) if edge is None else make_step(target, rng, edge, workflow))
        state = state if edge is None else edge.to
    return way


SCENARIO = Scenario("lone-moves", __doc__ or "", False, 3, find_obstacle, draw_scripts)
