"""Goal: the model's belief follows every answer, and an answer that no world explains leaves none."""

import pytest

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.graph import TransitionGraph
from stateful_tests.sequential.belief import Belief, Claim

GRAPH = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C", "A"], "C": ["X"]})
TO_B = Claim("advance", ("A",), "B")


def after(belief: Belief, claim: Claim, outcome: str, observed: str | None = None) -> Belief:
    return belief.after(claim, ClassifiedAnswer(outcome, 200, observed), GRAPH)


def test_a_win_moves_and_is_in_the_trail() -> None:
    belief = after(Belief.fresh(GRAPH), TO_B, "won")
    assert belief.states == {"B"}
    assert belief.seen([("A", "B")], GRAPH).worlds
    assert not belief.seen([], GRAPH).worlds


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


def test_an_unknown_leaves_both_worlds_until_it_is_seen() -> None:
    belief = after(Belief.fresh(GRAPH), TO_B, "unknown")
    assert belief.states == {"A", "B"}
    assert belief.is_due(TO_B, GRAPH) is None
    assert after(belief, Claim("read"), "ok", "B") == belief.seen([("A", "B")], GRAPH)
    assert after(belief, Claim("read"), "ok", "B").states == {"B"}


@pytest.mark.parametrize("sees_trail", [True, False])
def test_an_unknown_that_is_not_to_be_seen_may_take_effect_later(*, sees_trail: bool) -> None:
    """At any moment, and once: answers with its effect are right then, and so are answers without it."""
    belief = after(Belief.fresh(GRAPH), TO_B, "unknown")
    for _ in range(3):
        belief = belief.seen([], GRAPH) if sees_trail else after(belief, Claim("read"), "ok", "A")
        assert belief.states == {"A", "B"}
        assert belief.is_due(TO_B, GRAPH) is None
    late = after(belief, TO_B, "conflict", "B")
    assert late == after(belief, Claim("read"), "ok", "B")
    assert late.is_certain
    back = after(late, Claim("advance", ("B",), "A"), "won")
    assert back.states == {"A"}
    assert back.is_due(TO_B, GRAPH) is True
    never = after(belief, TO_B, "won")
    assert never.is_due(Claim("advance", ("B",), "C"), GRAPH) is True
    # It is still open, and takes effect once the workflow is back.
    again = after(never, Claim("advance", ("B",), "A"), "won")
    assert again.states == {"A", "B"}
    assert again.seen([("A", "B"), ("B", "A"), ("A", "B")], GRAPH).is_certain


def test_what_no_open_operation_explains_leaves_no_world() -> None:
    belief = after(after(Belief.fresh(GRAPH), TO_B, "unknown"), Claim("read"), "ok", "A")
    assert not after(belief, Claim("read"), "ok", "C").worlds
    assert not after(belief, Claim("advance", ("B",), "X"), "won").worlds
    assert not after(belief, TO_B, "conflict", "C").worlds
    assert not belief.seen([("A", "X")], GRAPH).worlds
    assert not belief.seen([("A", "B"), ("B", "A"), ("A", "B")], GRAPH).worlds
    cancel = Claim("advance", ("C",), "X")
    assert belief.is_due(cancel, GRAPH) is False


def test_two_unknowns_take_effect_in_any_order() -> None:
    belief = Belief.fresh(GRAPH)
    for claim in (Claim("advance", ("B",), "C"), Claim("advance", ("A", "C"), "X"), TO_B):
        belief = after(belief, claim, "unknown")
    assert {world.trail for world in belief.worlds} == {
        (),
        (("A", "X"),),
        (("A", "B"),),
        (("A", "B"), ("B", "C")),
        (("A", "B"), ("B", "C"), ("C", "X")),
    }
    assert belief.open_most == 3


@pytest.mark.parametrize(
    "claim", [Claim("read"), Claim("read", ("A",)), Claim("advance", ("A",), "C"), Claim("advance", ("C",), "A")]
)
def test_what_can_never_move_anything_is_not_left_open(claim: Claim) -> None:
    assert after(Belief.fresh(GRAPH), claim, "unknown") == Belief.fresh(GRAPH)


def test_what_is_due_is_known_before_the_answer() -> None:
    fresh = Belief.fresh(GRAPH)
    assert fresh.is_due(TO_B, GRAPH) is True
    assert fresh.is_due(Claim("advance", ("A",), "C"), GRAPH) is False
    assert fresh.is_due(Claim("read", ("A", "B")), GRAPH) is True
