"""Goal: the sweeps come to every state, each of its illegal pairs, and along every edge. Method: their ways, planned on
graphs alone.
"""

from itertools import pairwise

from engine.provision.service import REFERENCE
from engine.reference.states import GRAPH
from engine.target.file import load_target
from engine.target.graph import TransitionGraph
from stateful_tests.interleavings.schedule import Action, expect
from stateful_tests.sequential.sweep import find_edge, find_next, find_stale, reach


def plan(graph: TransitionGraph) -> list[list[str]]:
    """The states that each workflow is taken through, as ask_refused() does it with an engine that always obeys."""
    left, ways = set(graph.states), []
    while left & reach(graph, graph.initial):
        way = [graph.initial]
        left.discard(graph.initial)
        while trail := find_next(graph, way[-1], left):
            way += trail[1:]
            left.discard(trail[-1])
        ways.append(way)
    return ways


def test_the_reference_workflow_needs_two() -> None:
    """One through everything to its end, one for the other end."""
    through, cancelled = plan(GRAPH)
    assert set(through) == set(GRAPH.states) - {"CANCELLED"}
    assert cancelled == ["CREATED", "CANCELLED"]


def test_what_cannot_be_reached_is_left_out() -> None:
    graph = TransitionGraph.of("A", {"A": ["B", "C"], "B": ["A"], "D": ["A"]})
    assert plan(graph) == [["A", "B", "A", "C"]]


def test_every_edge_is_on_the_way() -> None:
    left, ways = set(GRAPH.walk_edges()), 0
    while left:
        state, ways = GRAPH.initial, ways + 1
        while trail := find_edge(GRAPH, state, left):
            assert all(GRAPH.allows(*edge) for edge in pairwise(trail))
            assert left & set(pairwise(trail))
            left.difference_update(pairwise(trail))
            state = trail[-1]
    ends = [edge for edge in GRAPH.walk_edges() if edge[1] in GRAPH.terminal]
    assert ways == len(ends)


def test_a_stale_question_names_another_state_and_a_legal_move_out_of_it() -> None:
    target = load_target(REFERENCE, None)
    found = {edge: find_stale(target, *edge) for edge in GRAPH.walk_edges()}
    assert sum(each is not None for each in found.values()) > 40
    for (state, to), each in found.items():
        if each is None:
            assert [origin for origin in GRAPH.states if GRAPH.allows(origin, to)] == [state]
            continue
        route, origin = each
        assert origin != state
        assert GRAPH.allows(origin, to)
        assert expect(target, Action(target.owner, route.name, origin, to)) == (origin,)
