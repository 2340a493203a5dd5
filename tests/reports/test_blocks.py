"""Goal: blocks hold what was measured in them. Method: histories of races at known times, with known latencies."""

from reports.blocks import describe_measure, list_measures, measure_blocks, take_blocks
from reports.history import History
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
    assert {len(values) for values in blocks.values()} == {12}
    assert blocks["latency.won.p50"] == [1000.0] * 6 + [3000.0] * 6
    assert blocks["latency.conflict.p95"] == [2000.0] * 6 + [6000.0] * 6
    assert all(9.9 < rate < 10.4 for rate in blocks["races_per_second"])


def test_few_races_make_few_blocks() -> None:
    assert len(measure_blocks(line_up(50))["races_per_second"]) == 5
    assert len(measure_blocks(line_up(3))["races_per_second"]) == 1
    assert measure_blocks(build_history([create("c", 0, 1), read("r", 2, 3, "A")])) == {}


def test_a_percentile_needs_answers_beyond_it() -> None:
    blocks = measure_blocks(line_up(400))
    # 33 races a block: 33 wins, 132 conflicts; no read at all.
    assert set(blocks) == {"races_per_second", "latency.won.p50", "latency.conflict.p50", "latency.conflict.p95"}


def test_what_never_returned_has_no_latency() -> None:
    records = [record for number in range(20) for record in race(number, number * SECOND, 1000)]
    lost = [
        advance(f"l{number}", "A-B", number * SECOND, None, "unknown", race=f"r{number}", workflow=f"w{number}")
        for number in range(20)
    ]
    assert measure_blocks(build_history([*records, *lost]))["latency.conflict.p50"] == [2000.0, 2000.0]


def test_a_group_of_sources_is_a_block() -> None:
    history = line_up(39)
    [source] = history.sources
    assert measure_blocks(history, [[source.name]])["latency.conflict.p50"] == [2000.0]
    assert len(measure_blocks(history, [[source.name]])["races_per_second"]) == 1


def test_every_measure_is_described() -> None:
    for measure in list_measures():
        kind = describe_measure(measure)
        assert kind is not None
        assert kind.better == ("higher" if measure == "races_per_second" else "lower")
    assert [describe_measure(name) for name in ("latency.lost.p50", "latency.won.p42", "gate")] == [None] * 3
    facts = {"measures": {"blocks": {"gate_time": [1.0], "weather": [1.0]}}}
    assert take_blocks(facts) == {"gate_time": [1.0]}
    assert take_blocks({}) == {}
