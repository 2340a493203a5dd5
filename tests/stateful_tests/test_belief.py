"""Goal: the model's belief follows every answer, and an answer that no world explains leaves none."""

import pytest

from engine.graph import TransitionGraph
from engine.target import Reading
from stateful_tests.belief import Belief, Claim

GRAPH = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C", "A"], "C": ["X"]})
TO_B = Claim("advance", ("A",), "B")


def after(belief: Belief, claim: Claim, outcome: str, observed: str | None = None) -> Belief:
    return belief.after(claim, Reading(outcome, 200, observed), GRAPH)


def test_a_win_moves_and_is_in_the_trail() -> None:
    belief = after(Belief.fresh(GRAPH), TO_B, "won")
    assert belief.states == {"B"}
    assert belief.seen([("A", "B")]).worlds
    assert not belief.seen([]).worlds


@pytest.mark.parametrize(
    ("claim", "outcome", "observed"),
    [
        (Claim("advance", ("B",), "C"), "won", None),
        (Claim("advance", ("A",), "C"), "won", None),
        (TO_B, "conflict", "A"),
        (Claim("advance", ("B",), "C"), "conflict", "C"),
        (Claim("read"), "ok", "B"),
        (Claim("read", ("B",)), "ok", None),
        (Claim("read", ("A",)), "conflict", "A"),
    ],
)
def test_an_answer_that_the_model_forbids_leaves_no_world(claim: Claim, outcome: str, observed: str | None) -> None:
    assert not after(Belief.fresh(GRAPH), claim, outcome, observed).worlds


@pytest.mark.parametrize(
    ("claim", "outcome", "observed"),
    [
        (Claim("advance", ("B",), "C"), "conflict", "A"),
        (Claim("advance", ("A",), "C"), "conflict", "A"),
        (Claim("advance", ("A",), "C"), "refused", None),
        (Claim("read"), "ok", "A"),
        (Claim("read"), "unknown", None),
        (Claim("read", ("B",)), "conflict", "A"),
    ],
)
def test_an_answer_that_changes_nothing_keeps_the_world(claim: Claim, outcome: str, observed: str | None) -> None:
    fresh = Belief.fresh(GRAPH)
    assert after(fresh, claim, outcome, observed) == fresh


def test_an_unknown_leaves_both_worlds_until_a_read() -> None:
    belief = after(Belief.fresh(GRAPH), TO_B, "unknown")
    assert belief.states == {"A", "B"}
    assert belief.is_due(TO_B, GRAPH) is None
    assert after(belief, Claim("read"), "ok", "B").states == {"B"}
    assert after(belief, Claim("read"), "ok", "A").states == {"A"}
    assert belief.seen([("A", "B")]).states == {"B"}


def test_what_is_due_is_known_before_the_answer() -> None:
    fresh = Belief.fresh(GRAPH)
    assert fresh.is_due(TO_B, GRAPH) is True
    assert fresh.is_due(Claim("advance", ("A",), "C"), GRAPH) is False
    assert fresh.is_due(Claim("read", ("A", "B")), GRAPH) is True
