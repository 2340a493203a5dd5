"""Goal: latencies are told by outcome, to three digits, in histograms. Method: compare with the sorted values."""

import json
import random
from collections.abc import Sequence

import polars as pl
import pytest
from hdrh.histogram import HdrHistogram

from reports.comparison.latency_percentiles import (
    DIGITS,
    HIGHEST_NS,
    LOWEST_NS,
    PERCENTILES,
    fill_histogram,
    measure_latency,
)
from tests.reports.building import Record, advance, build_history, read


def draw_times(count: int, seed: int) -> list[int]:
    rng = random.Random(seed)
    return [int(rng.lognormvariate(14, 2)) + 1 for _ in range(count)]


def record(times: Sequence[int], name: str) -> list[Record]:
    outcomes = ("won", "conflict")
    return [
        advance(f"{name}.{number}", "A-B", 1000, 1000 + time, outcomes[number % 2]) for number, time in enumerate(times)
    ]


def test_percentiles_are_those_of_the_sorted_values() -> None:
    times = draw_times(5000, seed=1)
    found = measure_latency(build_history(record(times, "a")))["won"]
    mine = sorted(times[::2])
    assert found.count == 2500
    for name, share in PERCENTILES.items():
        exact = mine[max(0, round(share / 100 * len(mine)) - 1)]
        assert getattr(found, name) == pytest.approx(exact, rel=0.002), name
    assert found.max_ns == pytest.approx(mine[-1], rel=0.002)


def test_counting_equal_values_first_changes_no_histogram() -> None:
    edges = [value for power in range(41) for value in (2**power - 1, 2**power, 2**power + 1) if value]
    times = draw_times(3000, seed=2) + edges
    slow = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    for time in times:
        slow.record_value(time)
    quick = fill_histogram(pl.Series(times))
    assert slow.get_total_count() == quick.get_total_count() == len(times)
    assert all(slow.get_count_at_value(time) == quick.get_count_at_value(time) for time in times)


def test_the_histogram_can_be_read_by_others() -> None:
    found = measure_latency(build_history(record([1_000_000] * 10, "a")))["won"]
    assert HdrHistogram.decode(found.histogram).get_total_count() == 5


def test_what_was_never_answered_is_counted_apart() -> None:
    lost = advance("1", "A-B", 10, None, "unknown")
    failed = advance("2", "A-B", 10, 5010, "unknown", status=503)
    found = measure_latency(build_history([lost, failed]))["unknown"]
    assert (found.count, found.unanswered) == (1, 1)
    assert found.max_ns == pytest.approx(5000, rel=0.001)


def test_an_intended_start_counts_and_is_named() -> None:
    late = read("1", 3_000_000, 4_000_000, "A", detail=json.dumps({"intended_ns": 1_000_000}))
    found = measure_latency(build_history([late]))["ok"]
    assert found.since == "intended"
    assert found.max_ns == pytest.approx(3_000_000, rel=0.001)
    both = measure_latency(build_history([late, read("2", 1, 2, "A")]))["ok"]
    assert both.since == "mixed"


def test_nothing_recorded_nothing_told() -> None:
    assert measure_latency(build_history([])) == {}
