"""Goal: the timeline never calls an answer a lie that some order explains. Method: every answer of drawn histories that
brute force explains is held against it."""

from typing import Any

from hypothesis import HealthCheck, given, settings

from engine.target.graph import TransitionGraph
from reports.judge.checks.conflict_truth import find_lie
from reports.judge.searches.timeline import Timeline
from tests.reports.brute_force import is_explained
from tests.reports.building import BLANK, advance, build_evidence, create, read
from tests.reports.drawing import draw_case


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(draw_case(workflows_max=8))
def test_no_answer_of_an_explained_history_is_a_lie(case: tuple[Any, TransitionGraph | None, str | None]) -> None:
    workflows, graph, initial = case
    for number, each in enumerate(workflows):
        if not is_explained(each, graph, initial):
            continue
        records = [BLANK | one | {"id": f"{number}.{index}"} for index, one in enumerate(each)]
        operations, starts = build_evidence(records, graph=graph, initial=initial).lay_out(0)
        timeline = Timeline(operations, starts, graph)
        for operation in operations:
            # An order needs no state that a conflict tells out of its own expectation: that is this check's alone.
            if operation.outcome == "conflict" and operation.observed not in operation.expected:
                assert find_lie(timeline, operation) is None
            elif operation.kind == "read" and operation.outcome == "ok" and operation.observed is not None:
                assert timeline.could_be(operation.observed, operation.invoked, operation.returned)


def test_a_state_that_was_expected_must_have_been_come_back_to() -> None:
    """What is told out of the expectation is true only when something led there during the call."""
    records = [
        create("c", 0, 1),
        advance("a", "A-B", 2, 3),
        advance("early", "A-B", 4, 5, "conflict", observed="A"),
        advance("during", "A-B", 6, 9, "conflict", observed="A"),
        advance("b", "B-A", 7, 8),
    ]
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
    operations, starts = build_evidence(records, graph=graph).lay_out(0)
    timeline = Timeline(operations, starts, graph)
    lies = [find_lie(timeline, each) for each in operations if each.outcome == "conflict"]
    assert lies[0] is not None
    assert "can have led there during the call" in lies[0]
    assert lies[1] is None


def test_a_create_is_no_way_back_to_the_state_that_was_expected() -> None:
    """The request was due in A and told A, so it lost to a move out of A that led back; the create alone is none."""
    lost, won = advance("l", "A-B", 4, 9, "conflict", observed="A"), advance("w", "A-B", 4, 9)
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
    for more, is_lie in (([], True), ([advance("back", "B-A", 5, 8)], False)):
        for outcome in ("ok", "unknown"):
            records = [create("c", 0, 5, outcome=outcome), lost, won, *more]
            operations, starts = build_evidence(records, graph=graph).lay_out(0)
            [conflict] = [each for each in operations if each.outcome == "conflict"]
            assert (find_lie(Timeline(operations, starts, graph), conflict) is not None) == is_lie


def test_one_lie_does_not_make_the_answers_around_it_lies() -> None:
    """Two winners of A -> B; the conflicts that lost against B -> C are honest all the same."""
    records = [
        create("c", 0, 1),
        advance("a", "A-B", 2, 5),
        advance("b", "A-B", 2, 6),
        advance("d", "B-C", 7, 9),
        advance("e", "B-C", 7, 10, "conflict", observed="C"),
        advance("f", "B-C", 11, 12, "conflict"),
        read("r", 13, 14, "C"),
    ]
    operations, starts = build_evidence(records).lay_out(0)
    timeline = Timeline(operations, starts, None)
    assert [find_lie(timeline, each) for each in operations if each.outcome == "conflict"] == [None, None]
    assert timeline.could_be("C", 13, 14)
    assert not timeline.could_be("B", 13, 14)
    assert timeline.surely_within(("C",), 13, 14)
