"""Goal: no pairing is called exhausted of which a schedule is missing. Method: values by hand."""

import pytest
from msgspec import structs

from reports.comparison.facts import Pairing
from reports.documents.pairings import describe_pairing, describe_pairings, is_proven


def pair(pairings: int, exhausted: int, schedules: int, unknown: int = 0, violated: int = 0) -> Pairing:
    return Pairing("interleavings", "k", pairings, exhausted, schedules, unknown, 0, violated)


@pytest.mark.parametrize(
    ("pairing", "said"),
    [
        (pair(2, 2, 6), "all 6 schedules"),
        (pair(2, 1, 6), "6 schedules, 1 of 2 pairings exhausted"),
        (pair(2, 2, 6, unknown=1), "6 schedules, 1 of them unknown"),
        (pair(2, 2, 6, violated=4), "4 of 6 schedules violate"),
        (pair(2, 0, 0), "not reached"),
    ],
)
def test_only_what_ran_to_the_end_is_all(pairing: Pairing, said: str) -> None:
    assert describe_pairing(pairing) == said


def test_only_a_kind_of_which_everything_is_known_and_right_is_proven() -> None:
    assert is_proven(pair(2, 2, 6))
    assert not is_proven(pair(2, 1, 6))
    assert not is_proven(pair(2, 2, 6, unknown=1))
    assert not is_proven(pair(2, 2, 6, violated=1))


def test_a_level_is_a_line() -> None:
    faults = [structs.replace(each, level="faults") for each in (pair(2, 2, 6), pair(2, 1, 4, unknown=1, violated=3))]
    assert describe_pairings([pair(2, 2, 6), *faults]) == [
        "interleavings: 6 schedules of 2 pairings; every schedule of each",
        "faults: 10 schedules of 4 pairings; 3 of them exhausted; the outcome of 1 schedule is not known; 3 violate",
    ]


def test_what_was_run_on_two_workflows_is_told_apart() -> None:
    """There not every schedule runs; and with faults it is no schedule of two requests."""
    found = [pair(2, 2, 6), structs.replace(pair(1, 1, 9, violated=2), apart=True)]
    records = [structs.replace(each, level=level) for level in ("interleavings", "faults") for each in found]
    both, stopped = "each fault at each statement", "each request stopped once after each of its statements"
    one, two = "6 schedules of 2 pairings", "9 schedules of 1 pairing on two workflows"
    assert describe_pairings(records) == [
        f"interleavings: {one}; every schedule of each; {two}; {stopped}; 2 violate",
        f"faults: {one}; {both}; {two}; {both}; 2 violate",
    ]


def test_what_met_a_move_that_no_request_makes_is_told_apart() -> None:
    apart, timed = (structs.replace(pair(1, 1, 9), **{name: True}) for name in ("apart", "timed"))
    stopped = "each request stopped once after each of its statements"
    [line] = describe_pairings([timed, pair(2, 2, 6), apart])
    one, two, three = line.removeprefix("interleavings: ").split("; 9 schedules of 1 pairing ")
    assert one == "6 schedules of 2 pairings; every schedule of each"
    assert (two, three) == (f"on two workflows; {stopped}", f"around a change that no request makes; {stopped}")


def test_what_ran_after_the_answers_is_in_no_chosen_order() -> None:
    later = structs.replace(pair(2, 0, 6), remarks={"accepted": 6})
    why = "requests were carried out after their answers, and no order of those statements was chosen"
    assert describe_pairing(later) == f"6 schedules, 0 of 2 pairings exhausted, {why}"
    assert describe_pairings([later]) == [f"interleavings: 6 schedules of 2 pairings; 0 of them exhausted; {why}"]
