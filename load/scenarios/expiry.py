"""Does one thing happen when a request meets the moment at which a workflow leaves its state by itself?

A few workflows are brought into a state that they leave without a request after a while. One is moved on at once, and
must stay where it is. One is read until it has left, and must lose every request then. For the others contenders race
around that moment. A race that all of them lose is right if the move without a request came first. In the end they
race for a move out of the state that it led to, as for a seat whose hold has ended: exactly one wins.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from engine.target.call import READ
from engine.target.graph import Timed
from engine.target.target import WAIT_MAX_S, Target
from engine.target.walks import Edge, find_path
from load.scripts import (
    Round,
    Scenario,
    Script,
    can_race,
    draw_call,
    is_waited,
    make_round,
    make_wait,
    release_together,
)

WORKFLOWS = 6
READER, LEAVER = WORKFLOWS - 1, WORKFLOWS - 2
# The first race is lined up so long before the moment, since some 15 to 40 ms pass until it is released; the others so
# long behind it at most, since the answers of a sweeper come later.
BEFORE_S, BEHIND_S = (0.01, 0.05), 0.08
LATE_S = 0.3


def find_obstacle(target: Target) -> str | None:
    if not target.graph.timed:
        return "the workflow has no move without a request"
    if not any(list_edges(target, move) for move in target.graph.timed):
        return "no edge that can be raced for leads out of a state that a workflow leaves by itself"
    if not list_timed(target):
        least = min(move.after_s for move in target.graph.timed)
        return f"the first move without a request comes after {least:g} s; let the service have at most {WAIT_MAX_S:g}"
    return None


def list_timed(target: Target) -> list[Timed]:
    """The moves without a request that can be waited for, and met by a race."""
    return [move for move in target.graph.timed if move.after_s <= WAIT_MAX_S and list_edges(target, move)]


def list_edges(target: Target, move: Timed) -> list[Edge]:
    """The edges that can be raced for out of the state that a workflow leaves by itself."""
    if target.walked.path(target.graph.initial, move.origin) is None:
        return []
    return [edge for edge in walk_onward(target, move.origin) if can_race(target, edge)]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    while True:
        move = rng.choice(list_timed(target))
        way = [
            release_together([step_to(target, rng, edge, move, workflow) for workflow in range(WORKFLOWS)])
            for edge in find_path(target.walked, move.origin)
        ]
        rounds = (*way, *draw_rounds(target, rng, move, contenders))
        yield Script(SCENARIO.name, rounds, WORKFLOWS)


def step_to(target: Target, rng: random.Random, edge: Edge, move: Timed, workflow: int) -> Round:
    """A step to the state that is left without a request, or out of it. A read behind it may come too late to show that
    state, and the step out of it may itself come too late.
    """
    if is_waited(target, edge):
        return make_wait(target, edge, workflow)
    call = draw_call(target, rng, edge)
    leads_to = None if move.origin in (edge.origin, edge.to) else edge.to
    return make_round(target, edge.origin, [call], leads_to=leads_to, workflow=workflow)


def draw_rounds(target: Target, rng: random.Random, move: Timed, contenders: int) -> Iterator[Round]:
    """The rounds from the moment on at which all workflows are in the state."""
    leave = step_to(target, rng, rng.choice(list_edges(target, move)), move, LEAVER)
    yield together([leave, look(target, move, READER)], 0.0)
    early_s = move.after_s * rng.uniform(0.5, 0.98)
    if move.after_s:
        yield together([look(target, move, READER), look(target, move, 0)], early_s)
    behind = sorted(rng.uniform(0.0, BEHIND_S) for _ in range(LEAVER - 1))
    moments = [move.after_s + late_s for late_s in (-rng.uniform(*BEFORE_S), *behind)]
    for workflow, moment in enumerate(moments):
        race = race_for(target, rng, move, contenders, workflow)
        yield together([race, look(target, move, READER)], max(moment, early_s, 0.001))
    yield together([look(target, move, READER), look(target, move, LEAVER)], move.after_s + LATE_S)
    late = race_for(target, rng, move, contenders, READER)
    yield together([late, look(target, move, LEAVER)], move.after_s + LATE_S)
    if onward := [edge for edge in walk_onward(target, move.to) if can_race(target, edge)]:
        again = race_over(target, rng, onward, contenders, READER)
        yield together([again, look(target, move, LEAVER)], move.after_s + LATE_S)


def race_for(target: Target, rng: random.Random, move: Timed, contenders: int, workflow: int) -> Round:
    """Contenders for one edge out of the state, or for several."""
    return race_over(target, rng, list_edges(target, move), contenders, workflow)


def walk_onward(target: Target, state: str) -> Iterator[Edge]:
    yield from (Edge(state, to) for to in target.graph.successors.get(state, ()))


def race_over(target: Target, rng: random.Random, edges: list[Edge], contenders: int, workflow: int) -> Round:
    """Contenders for one of the edges out of a state, or for several."""
    chosen = [rng.choice(edges)] * contenders if rng.random() < 0.5 else [rng.choice(edges) for _ in range(contenders)]
    calls = [draw_call(target, rng, edge) for edge in chosen]
    return make_round(target, edges[0].origin, calls, leads_to=None, workflow=workflow)


def look(target: Target, move: Timed, workflow: int) -> Round:
    return make_round(target, move.origin, [READ], leads_to=None, workflow=workflow)


def together(rounds: list[Round], wait_s: float) -> Round:
    return replace(release_together(rounds), wait_s=wait_s)


SCENARIO = Scenario("expiry", __doc__ or "", True, 2, find_obstacle, draw_scripts)
