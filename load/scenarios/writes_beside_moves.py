"""Does a workflow keep its state, and a move its effect, while another client writes to the same workflow?

Along a walk, each edge is taken by a race or by one request alone, in turn. At the same instant clients send the
requests of [[writes]], which must not move the workflow: one that saves the whole row that it read undoes the move.
"""

import random
from collections.abc import Iterator

from engine.target.call import Call
from engine.target.target import Target
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, draw_call, is_waited, make_round, make_step


def find_obstacle(target: Target) -> str | None:
    if not target.writes:
        return "the target has no [[writes]]"
    moved = {origin for origin, _ in target.graph.walk_edges()}
    return None if any(target.writes_in(state) for state in moved) else "no write is sent in a state that a move leaves"


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        first = rng.randrange(2)
        walk = draw_walk(target.walked, rng, used)
        moves = [contenders if (place + first) % 2 else 1 for place in range(len(walk))]
        yield Script(
            SCENARIO.name,
            tuple(make_written(target, rng, edge, count, contenders) for edge, count in zip(walk, moves, strict=True)),
        )


def make_written(target: Target, rng: random.Random, edge: Edge, moves: int, contenders: int) -> Round:
    """So many requests for the edge, and beside them writes: half as many as there are contenders in a race."""
    names = [write.name for write in target.writes_in(edge.origin)]
    if not names or is_waited(target, edge):
        return make_step(target, rng, edge)
    writes = [Call(write=rng.choice(names)) for _ in range(max(1, contenders // 2))]
    calls = [*writes, *(draw_call(target, rng, edge) for _ in range(moves))]
    return make_round(target, edge.origin, rng.sample(calls, k=len(calls)), leads_to=edge.to)


SCENARIO = Scenario("writes-beside-moves", __doc__ or "", False, 2, find_obstacle, draw_scripts)
