"""Race quality: how close together the contenders of each race were. Measured, never judged. Pure.

Three measures per race, from the weakest to the strongest. `release`: between the first and the last byte that made
a request whole, by the clients' clocks. `overlap`: how many other contenders were in flight together with the winner,
by the clients' clocks; a server that handles requests one by one overlaps by that measure too. `arrival`: between the
first and the last request that was whole at the server, for engines that tell it; the stronger proof.
"""

import polars as pl

from reports.comparison.facts import RaceQuality, Spread
from reports.history.history import History

SHARES = {"p50": 0.5, "p95": 0.95}
SPREADS = ("release", "overlap", "arrival")
ARRIVED = r'"arrived_ns":\s*(\d+)'


def measure_quality(history: History) -> tuple[RaceQuality, ...]:
    """One entry per number of contenders, ascending. A race of one is no race and is left out."""
    races = measure_races(history).filter(pl.col("contenders") > 1)
    summed = (
        races.group_by("contenders")
        .agg(pl.len().alias("races"), *(sum_up(name) for name in SPREADS))
        .sort("contenders")
    )
    return tuple(
        RaceQuality(
            row["contenders"], row["races"], *(Spread(**row[name]) if row[name]["races"] else None for name in SPREADS)
        )
        for row in summed.iter_rows(named=True)
    )


def measure_races(history: History) -> pl.DataFrame:
    """One row per race: row (of its first contender), contenders, won (how many), release, arrival (ns; null unless
    every contender's is told), overlap (null without a winner; of several winners the first to be recorded counts).
    """
    arrived = history.frame.select(pl.col("detail").str.extract(ARRIVED).cast(pl.Int64).alias("arrived")).collect()
    ops = history.encoded.select("row", "workflow", "race", "outcome", "invoked", "returned").with_columns(
        arrived["arrived"]
    )
    ops = ops.filter(pl.col("race").is_not_null())
    won, at = pl.col("outcome") == "won", pl.col("arrived")
    races = ops.group_by("workflow", "race").agg(
        pl.col("row").min(),
        pl.len().alias("contenders"),
        won.sum().alias("won"),
        (pl.col("invoked").max() - pl.col("invoked").min()).alias("release"),
        pl.when(at.is_not_null().all()).then(at.max() - at.min()).alias("arrival"),
        pl.col("invoked").filter(won).first().alias("winner_invoked"),
        pl.col("returned").filter(won).first().alias("winner_returned"),
    )
    races = races.join(count_overlaps(ops, races), on=["workflow", "race"], how="left")
    return races.select("row", "contenders", "won", "release", "arrival", "overlap")


def count_overlaps(ops: pl.DataFrame, races: pl.DataFrame) -> pl.DataFrame:
    """workflow, race, overlap: how many other contenders were in flight together with the winner."""
    # An operation without a return is in flight for ever. The winner overlaps itself, hence minus one.
    met = (pl.col("invoked") <= pl.col("winner_returned")) & (
        pl.col("returned").is_null() | (pl.col("returned") >= pl.col("winner_invoked"))
    )
    won = races.filter(pl.col("winner_returned").is_not_null())
    overlaps = ops.join(won, on=["workflow", "race"]).group_by("workflow", "race")
    return overlaps.agg((met.sum().cast(pl.Int64) - 1).alias("overlap"))


def sum_up(name: str) -> pl.Expr:
    """The races that have the measure, and its least, middle, high and greatest value."""
    value = pl.col(name)
    quantiles = [value.quantile(share, "nearest").cast(pl.Int64).alias(label) for label, share in SHARES.items()]
    return pl.struct(
        value.count().alias("races"), value.min().alias("min"), *quantiles, value.max().alias("max")
    ).alias(name)
