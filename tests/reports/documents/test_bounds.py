"""Goal: a bound is of one sort of trial, and of no other. Method: races and lone moves written by hand."""

import pytest

from reports.comparison.facts import Bound
from reports.documents.bounds import bound_violations, describe_bounds
from tests.reports.building import Record, advance, build_history


def race(number: int, begin: int, contenders: int = 2) -> list[Record]:
    """Its contenders are in flight from `begin` to begin + 10; the first of them wins."""
    about = {"race": str(number), "workflow": f"w{number}"}
    return [
        advance(f"{number}.{place}", "A-B", begin + place, begin + 10, "conflict" if place else "won", **about)
        for place in range(contenders)
    ]


def move(number: int, begin: int, outcome: str = "won") -> Record:
    return advance(f"m{number}", "A-B", begin, begin + 10, outcome, workflow=f"m{number}")


def test_races_on_one_workflow_at_a_time_are_a_sort_of_their_own() -> None:
    records = [record for number in range(6) for record in race(number, 100 * number)]
    assert bound_violations(build_history(records)) == (Bound("alone", 6, (2, 2), 0.5),)


def test_races_side_by_side_are_another() -> None:
    records = [record for number in range(4) for record in race(number, number // 2 * 100, 2 + number % 2)]
    assert bound_violations(build_history([*records, *race(9, 900)])) == (
        Bound("alone", 1, (2, 2), 1.0),
        Bound("beside", 4, (2, 3), 0.75),
    )


def test_lone_moves_count_where_others_are_beside_them() -> None:
    together, alone = [move(number, 100) for number in range(6)], move(9, 500)
    assert bound_violations(build_history([*together, alone])) == (Bound("lone", 6, (5, 5), 0.5),)
    twice = [move(1, 100), advance("again", "A-B", 105, 110, "conflict", workflow="m1"), move(2, 100)]
    assert [found.trials for found in bound_violations(build_history(twice))] == [1], "m1 is asked twice at once"


@pytest.mark.parametrize("begin", [110, 111])
def test_intervals_are_closed(begin: int) -> None:
    found = bound_violations(build_history([move(1, 100), move(2, begin)]))
    assert [each.trials for each in found] == ([2] if begin == 110 else [])


def test_what_overlapped_nothing_is_no_trial() -> None:
    assert bound_violations(build_history([advance("1", "A-B", 1, 2, race="1")])) == ()


def test_each_is_told_with_what_it_is_a_bound_of() -> None:
    bounds = [
        Bound("alone", 2_000, (10, 10), 0.0015),
        Bound("beside", 100, (2, 10), 0.03),
        Bound("lone", 300, (1, 9), 0.01),
        # Too few to say anything.
        Bound("lone", 6, (1, 9), 0.5),
    ]
    sure = "(95 % confidence, if they are alike and independent)"
    told = [line.removeprefix("with no violation in ").removesuffix(f" {sure}") for line in describe_bounds(bounds)]
    assert [line.partition(", at most ")[::2] for line in told] == [
        ("2,000 races of 10 contenders, one workflow at a time", "0.15% of such races can have two winners or none"),
        ("100 races of 2 to 10 contenders beside other workflows", "3.00% of such races can have two winners or none"),
        (
            "300 lone moves beside up to 9 requests of other workflows",
            "1.00% of such moves can lose though they are due",
        ),
    ]
