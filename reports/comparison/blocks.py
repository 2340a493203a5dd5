"""Blocks: parts of a run, each with measures of its own; `regression.py` estimates the noise from their differences.

In a comparison in turns each turn is a block. Otherwise a run's races are cut, in the order in which they began, into
blocks of equal size. The plan decides the size, so the same block of two runs of one plan holds the same part of the
plan, independent of how far each engine came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from msgspec import convert

from reports.comparison.facts import Facts, Measured, Progress, Stratum
from reports.comparison.latency_percentiles import time_operations
from reports.history.events import Quota, Turn
from reports.history.history import History

BLOCKS_MAX = 20
RACES_MIN = 10
RATE, GATE_TIME, PLAN_TIME = "races_per_second", "gate_time", "plan_time"
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# A percentile needs so many answers beyond it.
BEYOND_MIN = 2
OUTCOMES = ("won", "conflict", "ok", "refused")
Strata = Mapping[str, Mapping[str, Stratum]]
UNPLANNED = Progress()


@dataclass(frozen=True)
class Kind:
    """What a measure is: its name in words, the unit of its values, and whether lower or higher is better."""

    title: str
    unit: str
    better: str


@dataclass(frozen=True)
class Cut:
    """The operations of a history that races, each with its block; `spans` are the blocks' seconds, `races` theirs."""

    operations: pl.DataFrame
    spans: Sequence[float]
    races: Sequence[int]


# Every measure, by its id.
KINDS = {
    RATE: Kind("races per second", "races/s", "higher"),
    **{
        f"latency.{outcome}.{name}": Kind(f"latency of {outcome}, {name}", "ns", "lower")
        for outcome in OUTCOMES
        for name in PERCENTILES
    },
    PLAN_TIME: Kind("seconds for the plan", "s", "lower"),
    GATE_TIME: Kind("gate time", "s", "lower"),
}


def measure_blocks(history: History) -> dict[str, list[float]]:
    """measure -> its value in each block, from the sources that race. Empty without races.

    A percentile is left out if any block has too few answers for it.
    """
    cut = cut_blocks(history)
    if cut is None:
        return {}
    rates = [count / span for count, span in zip(cut.races, cut.spans, strict=True)]
    return {RATE: rates} | measure_percentiles(cut.operations, len(cut.spans))


def measure_strata(history: History) -> dict[str, dict[str, Stratum]]:
    """scenario -> outcome -> its answers, block by block."""
    cut = cut_blocks(history)
    if cut is None:
        return {}
    shares = {name: PERCENTILES[name] for name in ("p50", "p95")}
    took = pl.col("took")
    columns = [took.quantile(share, "linear").round().alias(name) for name, share in shares.items()]
    timed = cut.operations.filter(took.is_not_null() & pl.col("outcome").is_in(OUTCOMES))
    found: dict[str, dict[str, dict[str, list[float | None]]]] = {}
    grouped = timed.group_by("scenario", "outcome", "block").agg(pl.len().alias("count"), *columns)
    for row in grouped.sort("scenario", "outcome", "block").iter_rows(named=True):
        outcomes = found.setdefault(str(row["scenario"]), {})
        lists = outcomes.setdefault(str(row["outcome"]), {name: [None] * len(cut.spans) for name in ("count", *shares)})
        for name, values in lists.items():
            values[row["block"]] = row[name]
    return convert(found, dict[str, dict[str, Stratum]])


def measure_plan(history: History) -> Progress:
    """How much of the plan was run, by turn or as a whole; nothing where nothing was planned."""
    turns = list_turns(history)
    if turns:
        return Progress(
            tuple(turn.planned for turn in turns),
            tuple(turn.races for turn in turns),
            tuple((turn.ended_ns - turn.began_ns) / 1e9 for turn in turns),
        )
    planned = count_planned(history)
    operations = take_operations(history)
    if not planned or operations.is_empty():
        return UNPLANNED
    races = operations["race"].drop_nulls().n_unique()
    return Progress((planned,), (races,), (find_span(operations),))


def list_turns(history: History) -> list[Turn]:
    """The turns that are measured, in their order; turn 0 only warms the caches."""
    return sorted((turn for turn in history.having(Turn) if turn.number), key=lambda turn: turn.number)


def count_planned(history: History) -> int:
    """How many races all sources together were to run; 0 if the plan has no number."""
    quotas = [event.races for event in history.having(Quota)]
    return 0 if None in quotas else sum(races or 0 for races in quotas)


def cut_blocks(history: History) -> Cut | None:
    """None without races."""
    operations = take_operations(history)
    races = operations.filter(pl.col("race").is_not_null()).group_by("race", "source").agg(pl.col("invoked").min())
    if races.is_empty():
        return None
    turns = list_turns(history)
    if turns:
        bounds = [(turn.began_ns, turn.ended_ns) for turn in turns]
        return Cut(assign(operations, bounds), [(end - begin) / 1e9 for begin, end in bounds], [t.races for t in turns])
    starts = races["invoked"].sort()
    planned = max(count_planned(history), len(starts))
    size = max(RACES_MIN, -(-planned // BLOCKS_MAX))
    count = max(1, len(starts) // size)
    last = operations.select(pl.max_horizontal("invoked", pl.col("returned").fill_null(0)).max()).item()
    # A remainder at the end is no block, unless the run has no other.
    begins = [starts[size * block] for block in range(count)]
    end = starts[size * count] if size * count < len(starts) and len(starts) > size else last + 1
    bounds = list(zip(begins, [*begins[1:], end], strict=True))
    spans = [max(1, end - begin) / 1e9 for begin, end in bounds]
    counts = [int(((starts >= begin) & (starts < end)).sum()) for begin, end in bounds]
    return Cut(assign(operations, bounds), spans, counts)


def take_operations(history: History) -> pl.DataFrame:
    """source (its number), scenario, race, outcome, invoked, returned, took (ns): of the sources that race."""
    lengths = [source.operations for source in history.sources]
    numbers = [pl.repeat(number, length, dtype=pl.UInt32, eager=True) for number, length in enumerate(lengths)]
    took = time_operations(history).sort("row")["took"]
    scenario = history.frame.select("scenario").collect()["scenario"]
    frame = history.encoded.select("race", "outcome", "invoked", "returned").with_columns(
        pl.concat(numbers).alias("source"), took, scenario
    )
    racing = frame.filter(pl.col("race").is_not_null())["source"].unique()
    return frame.filter(pl.col("source").is_in(racing.implode()))


def assign(frame: pl.DataFrame, bounds: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """Adds the block in which each operation was invoked; operations outside of all blocks are left out."""
    begins, ends = (pl.Series(side, dtype=pl.Int64) for side in zip(*bounds, strict=True))
    block = begins.search_sorted(frame["invoked"], side="right").cast(pl.Int64) - 1
    placed = frame.with_columns(block.alias("block")).filter(pl.col("block") >= 0)
    return placed.filter(placed["invoked"] < ends.gather(placed["block"]))


def find_span(operations: pl.DataFrame) -> float:
    """The seconds from the first invoke to the last return."""
    last = operations.select(pl.max_horizontal("invoked", pl.col("returned").fill_null(0)).max()).item()
    return float(max(1, last - operations["invoked"].min()) / 1e9)


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


def take_blocks(facts: Facts) -> Measured:
    """A run's blocks as run.json has them, if any. A whole run is one block of gate time."""
    measures = facts.measures
    values = {name: values for name, values in (measures.blocks or {}).items() if name in KINDS}
    if facts.levels and GATE_TIME not in values and facts.turns is None:
        values[GATE_TIME] = (sum(level.seconds for level in facts.levels),)
    return Measured(values, measures.strata or {}, measures.plan or UNPLANNED)
