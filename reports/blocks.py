"""Blocks: a run's measures, taken again and again. What differs between its blocks is noise, and a comparison needs it.

A run's races are cut, in the order in which they began, into blocks of as many races each; or each job of an
interleaved comparison is a block. Every measure has one value per block, in the same order.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from reports.history import History
from reports.latency import time_operations

BLOCKS_MAX = 12
RACES_MIN = 10
RATE, GATE_TIME = "races_per_second", "gate_time"
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# A percentile of fewer answers than this beyond it is hardly one.
BEYOND_MIN = 2
OUTCOMES = ("won", "conflict", "ok", "refused")
LATENCY = re.compile(r"latency\.(\w+)\.(p\d+)")


@dataclass(frozen=True)
class Kind:
    """What a measure is: its name in words, the unit of its values, and whether lower or higher is better."""

    title: str
    unit: str
    better: str


def describe_measure(measure: str) -> Kind | None:
    """The kind of a measure by its id; None for an id that is none."""
    if measure == RATE:
        return Kind("races per second", "races/s", "higher")
    if measure == GATE_TIME:
        return Kind("gate time", "s", "lower")
    found = LATENCY.fullmatch(measure)
    if found is None or found[1] not in OUTCOMES or found[2] not in PERCENTILES:
        return None
    return Kind(f"latency of {found[1]}, {found[2]}", "ns", "lower")


def list_measures() -> list[str]:
    """Every id that there is."""
    return [RATE, *(f"latency.{outcome}.{name}" for outcome in OUTCOMES for name in PERCENTILES), GATE_TIME]


def measure_blocks(history: History, groups: Sequence[Sequence[str]] = ()) -> dict[str, list[float]]:
    """measure -> its value in each block. Only what raced counts: sources without a race are left out.

    `groups` are the names of the sources of each block; without them, blocks are cut out of the whole. A percentile
    that some block has too few answers for is left out. Empty without races.
    """
    operations = take_operations(history)
    races = operations.filter(pl.col("race").is_not_null()).group_by("race", "source").agg(pl.col("invoked").min())
    if races.is_empty():
        return {}
    if groups:
        names = [source.name for source in history.sources]
        operations, races = (assign_groups(frame, names, groups) for frame in (operations, races))
        spans = find_spans(operations)
    else:
        starts = races["invoked"].sort()
        count = max(1, min(BLOCKS_MAX, len(starts) // RACES_MIN))
        bounds = [starts[len(starts) * block // count] for block in range(1, count)]
        operations, races = (assign_times(frame, bounds) for frame in (operations, races))
        spans = split_spans(operations, [starts[0], *bounds])
    counts = dict(races.group_by("block").len().iter_rows())
    rates = [counts.get(block, 0) / (span / 1e9) for block, span in enumerate(spans)]
    return {RATE: rates} | measure_percentiles(operations, len(spans))


def take_operations(history: History) -> pl.DataFrame:
    """source (its number), race, outcome, invoked, returned, took (ns): of the sources that race."""
    lengths = [source.operations for source in history.sources]
    numbers = [pl.repeat(number, length, dtype=pl.UInt32, eager=True) for number, length in enumerate(lengths)]
    took = time_operations(history).sort("row")["took"]
    frame = history.encoded.select("race", "outcome", "invoked", "returned").with_columns(
        pl.concat(numbers).alias("source"), took
    )
    racing = frame.filter(pl.col("race").is_not_null())["source"].unique()
    return frame.filter(pl.col("source").is_in(racing.implode()))


def assign_groups(frame: pl.DataFrame, sources: Sequence[str], groups: Sequence[Sequence[str]]) -> pl.DataFrame:
    """Adds the block by the group that the source is in; what is in none is left out."""
    number = {name: block for block, names in enumerate(groups) for name in names}
    known = {index: number[name] for index, name in enumerate(sources) if name in number}
    block = pl.col("source").replace_strict(known, default=None, return_dtype=pl.Int64)
    return frame.with_columns(block.alias("block")).drop_nulls("block")


def assign_times(frame: pl.DataFrame, bounds: Sequence[int]) -> pl.DataFrame:
    """What was invoked before the first race belongs to the first block too."""
    block = pl.Series(bounds, dtype=pl.Int64).search_sorted(frame["invoked"], side="right")
    return frame.with_columns(block.cast(pl.Int64).alias("block"))


def find_spans(operations: pl.DataFrame) -> list[int]:
    """How long each block took, in ns, from its first invoke to its last return."""
    last = pl.max_horizontal("invoked", pl.col("returned").fill_null(0)).max()
    spans = operations.group_by("block").agg((last - pl.col("invoked").min()).clip(1).alias("span")).sort("block")
    return [int(span) for span in spans["span"]]


def split_spans(operations: pl.DataFrame, begins: Sequence[int]) -> list[int]:
    """The same, where one block ends as the next one begins."""
    last = operations.select(pl.max_horizontal("invoked", pl.col("returned").fill_null(0)).max()).item()
    return [max(1, end - begin) for begin, end in zip(begins, [*begins[1:], last], strict=True)]


def measure_percentiles(operations: pl.DataFrame, blocks: int) -> dict[str, list[float]]:
    """The latency percentiles of each outcome in each block, in ns."""
    took = pl.col("took")
    shares = [took.quantile(share, "nearest").cast(pl.Float64).alias(name) for name, share in PERCENTILES.items()]
    frame = operations.filter(took.is_not_null()).group_by("outcome", "block").agg(pl.len().alias("count"), *shares)
    found: dict[str, list[float]] = {}
    for outcome in OUTCOMES:
        mine = frame.filter(pl.col("outcome") == outcome).sort("block")
        for name, share in PERCENTILES.items():
            enough = mine.height == blocks and mine["count"].min() * (1 - share) > BEYOND_MIN - 1e-9  # type: ignore[operator]
            if enough:
                found[f"latency.{outcome}.{name}"] = mine[name].to_list()
    return found


def take_blocks(facts: Mapping[str, Any]) -> dict[str, list[float]]:
    """What run.json tells of a run's blocks; empty for a run that has none. A run as a whole is one block of gate time.

    A run that was made in turns tells the gate time of each of its jobs itself.
    """
    told = (facts.get("measures") or {}).get("blocks") or {}
    blocks = {name: values for name, values in told.items() if describe_measure(name) is not None}
    levels = facts.get("levels") or ()
    if levels and GATE_TIME not in blocks:
        blocks[GATE_TIME] = [sum(level["seconds"] for level in levels)]
    return blocks
