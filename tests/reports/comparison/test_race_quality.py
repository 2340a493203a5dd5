"""Goal: the report says how close together the contenders were, and by whose clock. Method: races written by hand."""

import json
from typing import Any

from reports.comparison.facts import Spread
from reports.comparison.race_quality import measure_quality
from tests.reports.building import Record, advance, build_history, create


def contend(race: str, times: list[tuple[int, int | None]], winner: int = 0, **more: Any) -> list[Record]:
    """One contender per pair of invoke and return."""
    outcomes = [
        "won" if number == winner else "conflict" if end else "unknown" for number, (_, end) in enumerate(times)
    ]
    return [
        advance(f"{race}.{number}", "A-B", begin, end, outcome, race=race, workflow=f"w{race}", **more)
        for number, ((begin, end), outcome) in enumerate(zip(times, outcomes, strict=True))
    ]


def arrive(records: list[Record], *arrived: int) -> list[Record]:
    return [record | {"detail": json.dumps({"arrived_ns": at})} for record, at in zip(records, arrived, strict=True)]


def test_the_spread_of_the_releases_is_from_the_first_to_the_last() -> None:
    races = contend("1", [(10, 90), (13, 80), (17, 70)]) + contend("2", [(110, 190), (112, 180), (111, 170)])
    [entry] = measure_quality(build_history([create("c", 0, 5), *races]))
    assert (entry.contenders, entry.races) == (3, 2)
    assert entry.release_ns is not None
    assert entry.release_ns == Spread(2, 2, entry.release_ns.p50, 7, 7)
    assert entry.arrival_ns is None, "no operation tells its arrival"


def test_an_overlap_is_one_with_the_winner_and_touching_is_enough() -> None:
    apart = contend("1", [(10, 20), (20, 30), (21, 40), (5, 9)])
    [entry] = measure_quality(build_history(apart))
    assert entry.overlap == Spread(1, 1, 1, 1, 1)


def test_an_operation_without_a_return_is_in_flight_for_ever() -> None:
    [entry] = measure_quality(build_history(contend("1", [(10, 20), (1, None), (25, None)])))
    assert entry.overlap is not None
    assert entry.overlap.max == 1, "the one that began before the winner ended"


def test_a_race_without_a_winner_has_no_overlap() -> None:
    [entry] = measure_quality(build_history(contend("1", [(10, 20), (11, 20)], winner=9)))
    assert entry.overlap is None
    assert entry.release_ns is not None
    assert entry.release_ns.max == 1


def test_the_arrival_counts_where_every_contender_tells_it() -> None:
    told = arrive(contend("1", [(10, 90), (11, 90)]), 40, 49)
    half = contend("2", [(110, 190), (111, 190)])
    half[0]["detail"] = json.dumps({"arrived_ns": 150})
    [entry] = measure_quality(build_history(told + half))
    assert entry.races == 2
    assert entry.arrival_ns == Spread(1, 9, 9, 9, 9)


def test_every_number_of_contenders_has_its_own_entry() -> None:
    races = contend("1", [(1, 9)] * 2) + contend("2", [(1, 9)] * 5) + contend("3", [(1, 9)])
    entries = measure_quality(build_history(races))
    assert [entry.contenders for entry in entries] == [2, 5], "and one alone does not race"


def test_without_races_there_is_nothing_to_say() -> None:
    assert measure_quality(build_history([create("c", 0, 5)])) == ()
