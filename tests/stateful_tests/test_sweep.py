"""Goal: the sweep comes to every state and to each of its illegal pairs. Method: its way, planned on graphs alone."""

from engine.graph import TransitionGraph
from engine.states import GRAPH
from stateful_tests.sweep import find_next, reach


def plan(graph: TransitionGraph) -> list[list[str]]:
    """The states that each workflow is taken through, as sweep() does it with an engine that always obeys."""
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
