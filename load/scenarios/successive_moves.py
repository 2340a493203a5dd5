"""Is every answer right when a move and the next one are asked for at the same instant?

Half of the contenders ask for a move, the others for one that is due only after it. No race: one of each may rightly
win. What came of it is judged by the order that explains every answer, and by the trail. A service that answers from
a state that it read after its commit, or that numbers the rows of its trail before it locks, is wrong only here.
"""

import random
from collections.abc import Iterator

from engine.target.target import Target
from engine.target.walks import Edge
from load.scripts import Scenario, Script, draw_call, make_round, walk_to


def find_obstacle(target: Target) -> str | None:
    return None if list_successive(target) else "no two moves follow each other"


def list_successive(target: Target) -> list[tuple[Edge, Edge]]:
    """Every two moves of which the second is due after the first and not before, near the initial state first."""
    graph = target.graph
    ways = {state: target.walked.path(graph.initial, state) for state in graph.states}
    near = sorted((len(way), state) for state, way in ways.items() if way is not None)
    return [
        (Edge(state, to), Edge(to, onward))
        for _, state in near
        for to in graph.successors.get(state, ())
        for onward in graph.successors.get(to, ())
        if state != to
        and all(state not in target.expected_by(each, to, onward) for each in target.routes_for(to, onward))
    ]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    pairs = list_successive(target)
    while True:
        # The first half twice as often: each move before costs a request.
        first, second = rng.choice([*pairs, *pairs[: len(pairs) // 2]])
        calls = [draw_call(target, rng, (first, second)[number % 2]) for number in range(max(2, contenders))]
        asked = make_round(target, first.origin, calls, leads_to=None)
        yield Script(SCENARIO.name, (*walk_to(target, rng, first.origin), asked))


SCENARIO = Scenario("successive-moves", __doc__ or "", False, 1, find_obstacle, draw_scripts)
