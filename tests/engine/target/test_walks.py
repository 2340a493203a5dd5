"""Goal: what is called a race is one by the design's definition, and plans repeat and cover the graph."""

import random
from collections.abc import Collection
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from engine.reference.states import GRAPH
from engine.target.graph import TransitionGraph
from engine.target.races import is_race
from engine.target.walks import Edge, EdgeCounts, draw_walk, find_good_end, find_path

STATES = st.sampled_from("ABCD")
CONTENDERS = st.lists(st.tuples(st.frozensets(STATES, min_size=1), STATES), min_size=1, max_size=4)


def count_winners(start: str, order: Collection[tuple[Collection[str], str]]) -> int:
    state, winners = start, 0
    for expected, next_state in order:
        if state in expected:
            state, winners = next_state, winners + 1
    return winners


@given(STATES, CONTENDERS)
def test_a_race_has_exactly_one_winner_in_every_order(start: str, contenders: list[tuple[frozenset[str], str]]) -> None:
    if is_race(start, contenders):
        assert {count_winners(start, order) for order in permutations(contenders)} == {1}


def test_what_is_no_race() -> None:
    assert is_race("A", [({"A"}, "B"), ({"A"}, "C")])
    assert not is_race("A", [])
    assert not is_race("A", [({"A"}, "B"), ({"B"}, "C")]), "the second does not expect the start"
    assert not is_race("A", [({"A"}, "B"), ({"A", "B"}, "CANCELLED")]), "both may win: advance, then cancel"
    assert not is_race("A", [({"A"}, "A"), ({"A"}, "A")]), "a loop lets every contender win"


def draw_walks(graph: TransitionGraph, seed: int, count: int) -> list[list[Edge]]:
    rng, used = random.Random(seed), EdgeCounts()
    return [draw_walk(graph, rng, used) for _ in range(count)]


def test_the_same_seed_draws_the_same_walks() -> None:
    assert draw_walks(GRAPH, 7, 20) == draw_walks(GRAPH, 7, 20)
    assert draw_walks(GRAPH, 7, 20) != draw_walks(GRAPH, 8, 20)


def test_walks_follow_the_graph_from_its_initial_state() -> None:
    for walk in draw_walks(GRAPH, 1, 50):
        assert walk[0].origin == GRAPH.initial
        assert all(GRAPH.allows(edge.origin, edge.to) for edge in walk)
        assert all(before.to == after.origin for before, after in pairwise(walk))


def test_a_few_hundred_races_cover_most_edges() -> None:
    edges = [edge for walk in draw_walks(GRAPH, 1, 40) for edge in walk]
    assert len({(edge.origin, edge.to) for edge in edges[:300]}) > len(GRAPH.edges) * 2 / 3


def test_a_walk_through_a_cycle_ends() -> None:
    cycle = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
    assert 1 < len(draw_walks(cycle, 1, 1)[0]) <= 60
    assert find_path(cycle, find_good_end(cycle)) == [Edge("A", "B")]


def test_the_good_end_is_the_far_one() -> None:
    assert find_good_end(GRAPH) == "COMPLETED"
    way = find_path(GRAPH, "COMPLETED")
    assert [way[0].origin, way[-1].to] == ["CREATED", "COMPLETED"]
    assert find_path(GRAPH, "CREATED") == []
