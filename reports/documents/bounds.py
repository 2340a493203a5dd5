"""Bounds: how rare a violation may still be after a run that saw none, for each sort of trial. Pure.

If n trials showed no violation, its rate is at most 3/n with 95 % confidence (the rule of three), provided that the
trials are alike and independent. A bound holds for one sort of trial only: races on one workflow at a time do not test
what several workflows share.
"""

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from reports.comparison.facts import Bound, Sort
from reports.comparison.race_quality import measure_races
from reports.history.events import Schedule
from reports.history.history import History

RULE_OF_THREE = 3.0
# A bound above it says nothing; run.json has it.
WORTH_TELLING_MAX = 0.1
IF_ALIKE = "95 % confidence, if they are alike and independent"
# Of each sort: what a trial is, several of them in short, and what a violation is.
SORTS: Mapping[Sort, tuple[str, str, str]] = {
    "alone": ("races of {size} contenders, one workflow at a time", "such races", "have two winners or none"),
    "beside": ("races of {size} contenders beside other workflows", "such races", "have two winners or none"),
    "lone": ("lone moves beside up to {size} requests of other workflows", "such moves", "lose though they are due"),
}


def bound_violations(history: History) -> tuple[Bound, ...]:
    """A bound for each sort that was tried. A race counts only if a contender overlapped its winner."""
    if history.having(Schedule):
        # Schedules that ran one by one are no sample of anything.
        return ()
    moves = count_neighbours(history)
    races = measure_races(history).filter(pl.col("overlap") > 0).select("row", "contenders")
    crowded = moves.filter(pl.col("won") & (pl.col("others") > 0)).select("workflow", "race").unique()
    raced = races.join(moves.select("row", "workflow", "race"), on="row")
    lone = pl.col("race").is_null() & pl.col("won") & (pl.col("own") == 1) & (pl.col("others") > 0)
    sizes: dict[Sort, pl.Series] = {
        "alone": raced.join(crowded, on=["workflow", "race"], how="anti")["contenders"],
        "beside": raced.join(crowded, on=["workflow", "race"], how="semi")["contenders"],
        "lone": moves.filter(lone)["others"],
    }
    return tuple(
        Bound(sort, len(found), (int(found.min()), int(found.max())), min(1.0, RULE_OF_THREE / len(found)))  # type: ignore[arg-type]
        for sort, found in sizes.items()
        if len(found)
    )


def count_neighbours(history: History) -> pl.DataFrame:
    """row, workflow, race, won of each advance that was answered; `own` and `others`: how many advances of its workflow
    (itself among them) and of other workflows were in flight together with it.
    """
    ops = history.encoded.filter((pl.col("kind") == "advance") & pl.col("returned").is_not_null()).select(
        "row", "race", pl.col("workflow"), (pl.col("outcome") == "won").alias("won"), "invoked", "returned"
    )
    times = pl.concat([ops["invoked"], ops["returned"]]).unique().sort()
    begins, ends = (times.search_sorted(ops[name]).cast(pl.Int64) for name in ("invoked", "returned"))
    first = ops["workflow"].to_physical().cast(pl.Int64) * (len(times) + 1)
    own = count_overlaps(begins + first, ends + first)
    return ops.with_columns(own=own, others=count_overlaps(begins, ends) - own)


def count_overlaps(begins: pl.Series, ends: pl.Series) -> pl.Series:
    """How many of the closed intervals each of them overlaps, itself included."""
    begun = begins.sort().search_sorted(ends, side="right").cast(pl.Int64)
    return begun - ends.sort().search_sorted(begins, side="left").cast(pl.Int64)


def describe_bounds(bounds: Iterable[Bound]) -> Iterator[str]:
    """A line for each sort of trial of which there were enough."""
    for found in (each for each in bounds if each.violations_max <= WORTH_TELLING_MAX):
        what, such, wrong = SORTS[found.sort]
        rate = f"at most {found.violations_max:.2%} of {such} can {wrong} ({IF_ALIKE})"
        yield f"with no violation in {found.trials:,} {what.format(size=describe_size(found))}, {rate}"


def describe_size(found: Bound) -> str:
    low, high = found.sizes
    return f"{high}" if low == high or found.sort == "lone" else f"{low} to {high}"
