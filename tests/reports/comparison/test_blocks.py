"""Goal: blocks hold what was measured in them. Method: histories of races at known times, with known latencies."""

from dataclasses import replace

from msgspec import structs

from reports.comparison.blocks import (
    KINDS,
    measure_blocks,
    measure_plan,
    measure_strata,
    take_blocks,
)
from reports.comparison.facts import Facts, Measured, Measures, Progress, Stratum
from reports.history.events import Quota, Turn
from reports.history.history import History
from reports.judge.levels.run_plan import LevelRun
from tests.reports.building import Record, advance, build_history, create, read

SECOND = 1_000_000_000


def race(number: int, begin: int, took: int, losers: int = 4) -> list[Record]:
    told = {"race": f"r{number}", "workflow": f"w{number}"}
    lost = [advance(f"{number}.{n}", "A-B", begin, begin + 2 * took, "conflict", **told) for n in range(losers)]
    return [advance(f"{number}", "A-B", begin, begin + took, **told), *lost]


def line_up(races: int) -> History:
    """A race each 100 ms; the later half of them answers three times as slowly."""
    records = []
    for number in range(races):
        took = 1000 if number < races / 2 else 3000
        records += race(number, number * SECOND // 10, took)
    return build_history(records)


def test_races_are_cut_into_blocks_in_their_order() -> None:
    blocks = measure_blocks(line_up(400))
    assert {len(values) for values in blocks.values()} == {20}
    assert blocks["latency.won.p50"] == [1000.0] * 10 + [3000.0] * 10
    assert blocks["latency.conflict.p95"] == [2000.0] * 10 + [6000.0] * 10
    assert all(9.9 < rate < 10.6 for rate in blocks["races_per_second"])


def test_few_races_make_few_blocks() -> None:
    assert len(measure_blocks(line_up(50))["races_per_second"]) == 5
    assert len(measure_blocks(line_up(55))["races_per_second"]) == 5
    assert len(measure_blocks(line_up(3))["races_per_second"]) == 1
    assert measure_blocks(build_history([create("c", 0, 1), read("r", 2, 3, "A")])) == {}


def plan_races(history: History, races: int | None) -> History:
    return replace(history, events=(("history", Quota(races=races, rounds=0)),))


def test_a_block_is_the_same_part_of_the_plan_however_far_the_run_came() -> None:
    whole, cut = plan_races(line_up(400), 400), plan_races(line_up(100), 400)
    assert len(measure_blocks(whole)["races_per_second"]) == 20
    assert len(measure_blocks(cut)["races_per_second"]) == 5
    assert measure_blocks(plan_races(line_up(100), None)).keys() == measure_blocks(line_up(100)).keys()
    [planned], [run], [seconds] = structs.astuple(measure_plan(cut))
    assert (planned, run) == (400, 100)
    assert 9.8 < seconds < 10.1
    assert measure_plan(plan_races(line_up(100), None)) == measure_plan(line_up(100)) == Progress()


def test_a_latency_is_told_by_scenario() -> None:
    records = [
        {**record, "scenario": "fork" if number % 2 else "pipelines"}
        for number in range(40)
        for record in race(number, number * SECOND // 10, 1000 if number % 2 else 5000)
    ]
    strata = measure_strata(build_history(records))
    assert set(strata) == {"fork", "pipelines"}
    assert strata["fork"]["won"] == Stratum((5,) * 4, (1000.0,) * 4, (1000.0,) * 4)
    assert strata["pipelines"]["conflict"].p50 == (10_000.0,) * 4


def test_a_percentile_needs_answers_beyond_it() -> None:
    blocks = measure_blocks(line_up(400))
    # 20 races a block: 20 wins, 80 conflicts; no read at all.
    assert set(blocks) == {"races_per_second", "latency.won.p50", "latency.conflict.p50", "latency.conflict.p95"}


def test_what_never_returned_has_no_latency() -> None:
    records = [record for number in range(20) for record in race(number, number * SECOND, 1000)]
    lost = [
        advance(f"l{number}", "A-B", number * SECOND, None, "unknown", race=f"r{number}", workflow=f"w{number}")
        for number in range(20)
    ]
    assert measure_blocks(build_history([*records, *lost]))["latency.conflict.p50"] == [2000.0, 2000.0]


def test_a_turn_is_a_block() -> None:
    """What was asked between the turns, and in the first of them, is no measure."""
    turns = [
        Turn(number=number, planned=9, races=8, began_ns=begin * SECOND, ended_ns=end * SECOND)
        for number, (begin, end) in enumerate(((0, 1), (1, 2), (3, 4)))
    ]
    history = replace(line_up(50), events=tuple(("history", turn) for turn in turns))
    blocks = measure_blocks(history)
    assert blocks["races_per_second"] == [8.0, 8.0]
    assert measure_strata(history)[""]["won"].count == (10, 10)
    assert measure_plan(history) == Progress((9, 9), (8, 8), (1.0, 1.0))


def test_every_measure_is_described() -> None:
    for measure, kind in KINDS.items():
        assert kind.better == ("higher" if measure == "races_per_second" else "lower")
    assert not {"latency.lost.p50", "latency.won.p42", "gate"} & KINDS.keys()
    measured = Measures(blocks={"gate_time": (1.0,), "weather": (1.0,)})
    assert take_blocks(Facts(measures=measured)) == Measured({"gate_time": (1.0,)}, {}, Progress())
    assert take_blocks(Facts()) == Measured({}, {}, Progress())
    levels = (LevelRun(level="sequential", seconds=2.0), LevelRun(level="race", seconds=3.0))
    assert take_blocks(Facts(levels=levels)) == Measured({"gate_time": (5.0,)}, {}, Progress())
    failed = Measures(blocks={}, errors={"strata": "ValueError", "plan": "ValueError"})
    assert take_blocks(Facts(measures=failed)) == Measured({}, {}, Progress())
