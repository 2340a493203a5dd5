"""Goal: the model believes in moves without a request from their time on, and in requests that repeat a win.

Method: answers one after another, at given times; a hold that expires 40 ns after it began.
"""

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.graph import Timed, TransitionGraph
from stateful_tests.sequential.belief import Belief, Claim

HOLDS = TransitionGraph.of("H", {"H": ["B"], "B": ["U"], "E": ["H"]}, [Timed("H", "E", 40e-9)])
READ, BOOK = Claim("read"), Claim("advance", ("H",), "B")
FRESH = Belief.fresh(HOLDS, since=100)


def read(belief: Belief, state: str, at: int) -> Belief:
    return belief.after(READ, ClassifiedAnswer("ok", 200, state), HOLDS, (at, at + 1))


def answer(belief: Belief, claim: Claim, outcome: str, at: int) -> Belief:
    return belief.after(claim, ClassifiedAnswer(outcome, 200), HOLDS, (at, at + 1))


def test_it_is_believed_from_its_time_on() -> None:
    assert not read(FRESH, "E", 138).worlds, "too early"
    assert read(FRESH, "E", 139).states == {"E"}
    assert read(FRESH, "H", 500).states == {"H"}, "or never"


def test_nothing_follows_once_it_was_seen() -> None:
    assert not answer(read(FRESH, "E", 200), BOOK, "won", 300).worlds
    assert answer(read(FRESH, "E", 200), BOOK, "conflict", 300).states == {"E"}


def test_a_move_before_it_prevents_it() -> None:
    assert not read(answer(FRESH, BOOK, "won", 110), "E", 500).worlds


def test_what_must_happen_is_not_certain_in_such_a_state() -> None:
    assert FRESH.is_due(BOOK, HOLDS) is None
    assert answer(FRESH, BOOK, "won", 110).is_due(Claim("advance", ("B",), "U"), HOLDS) is True


def test_its_row_comes_with_it_later_or_never() -> None:
    seen = read(FRESH, "E", 200)
    assert seen.seen([], HOLDS, 210).states == {"E"}
    assert seen.seen([("H", "E")], HOLDS, 210).states == {"E"}
    assert seen.seen([], HOLDS, 210).seen([("H", "E")], HOLDS, 220).states == {"E"}
    assert not seen.seen([("H", "E"), ("H", "E")], HOLDS, 210).worlds
    assert not FRESH.seen([("H", "E")], HOLDS, 120).worlds, "too early"


def test_the_time_begins_anew_with_each_visit() -> None:
    again = answer(read(FRESH, "E", 200), Claim("advance", ("E",), "H"), "won", 300)
    assert not read(again, "E", 330).worlds
    assert read(again, "E", 340).states == {"E"}


def test_a_request_that_repeats_changes_nothing() -> None:
    put = Claim("advance", ("H",), "B", repeats=True)
    booked = answer(FRESH, put, "won", 110)
    assert booked.is_due(put, HOLDS) is True
    again = answer(booked, put, "won", 120)
    assert again.seen([("H", "B")], HOLDS, 130).states == {"B"}
    assert not answer(booked, BOOK, "won", 120).worlds, "without the word it is a second win"
