"""Races: each as one row, counted in one pass."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from reports.judge.evidence.evidence import Evidence

OUTCOME_COUNTS = ("won", "conflict", "stale", "busy", "unknown", "refused", "ok")
# The outcomes that few contenders have.
RARE = OUTCOME_COUNTS[2:]


@dataclass(frozen=True)
class Race:
    """A race: its workflow number, its code, and how many contenders had which outcome. `overlapped`: whether another
    contender's interval met the winner's; false without a winner. `repeats`: some contender may be told that it won
    though another made the move; then `won` counts the different next states of those that were.
    """

    w: int
    race: int
    contenders: int
    won: int
    conflict: int
    stale: int
    busy: int
    unknown: int
    refused: int
    ok: int
    overlapped: bool
    repeats: bool = False


def list_races(races: pl.DataFrame) -> Iterator[Race]:
    return (Race(*row) for row in races.iter_rows())


def contends() -> pl.Expr:
    """Whether an operation of `Evidence.ops` contends in a race: the owner asked for it, and no other operation of its
    idempotency key stands for it. Takes and give-backs of units do not: several may rightly win.
    """
    units = pl.col("kind").is_in(["take", "give_back"])
    return pl.col("race").is_not_null() & pl.col("mine") & ~pl.col("repeated") & ~units


def build_races(ops: pl.DataFrame) -> pl.DataFrame:
    """One row per race, from `Evidence.ops`. The columns are the fields of Race."""
    rows = ops.lazy().filter(contends())
    races = mark_overlaps(count_rare(group_races(rows), rows), rows)
    return count_targets(races.select("w", "race", "contenders", *OUTCOME_COUNTS, "overlapped"), ops)


def is_race(evidence: Evidence, contenders: pl.DataFrame) -> bool:
    """Whether only one of them can win in every order: some state is expected by all of them, and none leads to a state
    that one of them expects.
    """
    members, names = evidence.set_members, evidence.names
    asked = list(contenders.select("want", "set", "next").unique().iter_rows())
    expected = [
        {*members[several]} if several is not None else {names[want]} if want is not None else set[str]()
        for want, several, _ in asked
    ]
    led = {names[to] for *_, to in asked if to is not None}
    return bool(set.intersection(*expected)) and not led & set[str]().union(*expected)


def group_races(rows: pl.LazyFrame) -> pl.DataFrame:
    """w, race, contenders, won, conflict; when the last contender began, and the first ended; the winner's interval."""
    outcome = pl.col("outcome")
    won = outcome == "won"
    # One key of both columns groups faster than two; hashes may wrap.
    key = pl.col("race") ^ (pl.col("w").cast(pl.UInt64) * (1 << 40))
    return (
        rows.select(
            "w",
            "race",
            "begins",
            "ends",
            key=key,
            won=won.cast(pl.UInt32),
            conflict=(outcome == "conflict").cast(pl.UInt32),
            winner_begins=pl.when(won).then("begins"),
            winner_ends=pl.when(won).then("ends"),
        )
        .group_by("key")
        .agg(
            pl.col("w", "race").first(),
            pl.len().alias("contenders"),
            pl.col("won", "conflict").sum(),
            pl.col("begins").max().alias("last_begin"),
            pl.col("ends").min().alias("first_end"),
            pl.col("winner_begins", "winner_ends").max(),
        )
        .sort("w", "last_begin")
        .collect()
    )


def count_rare(races: pl.DataFrame, rows: pl.LazyFrame) -> pl.DataFrame:
    """The races with the numbers of their other outcomes."""
    outcome = pl.col("outcome")
    others = rows.filter(outcome.is_in(RARE)).group_by("w", "race")
    counts = others.agg((outcome == name).sum().cast(pl.UInt32).alias(name) for name in RARE).collect()
    return races.join(counts, on=["w", "race"], how="left", maintain_order="left").with_columns(
        pl.col(RARE).fill_null(0)
    )


def mark_overlaps(races: pl.DataFrame, rows: pl.LazyFrame) -> pl.DataFrame:
    """The races with `overlapped`: whether another contender overlapped the winner."""
    won = pl.col("outcome") == "won"
    # Where all of them were in flight at one moment, every one overlapped the winner: the usual case, for nothing.
    together = (pl.col("last_begin") <= pl.col("first_end")) & (pl.col("contenders") > 1)
    doubtful = races.filter(~together & (pl.col("won") == 1)).select("w", "race", "winner_begins", "winner_ends")
    met = (pl.col("begins") <= pl.col("winner_ends")) & (pl.col("ends") >= pl.col("winner_begins")) & ~won
    overlaps = rows.join(doubtful.lazy(), on=["w", "race"]).group_by("w", "race").agg(met.any().alias("met")).collect()
    races = races.join(overlaps, on=["w", "race"], how="left", maintain_order="left")
    overlapped = (pl.col("won") >= 1) & (together | (pl.col("won") > 1) | pl.col("met").fill_null(value=False))
    return races.with_columns(overlapped=overlapped)


def count_targets(races: pl.DataFrame, ops: pl.DataFrame) -> pl.DataFrame:
    """The races with `repeats`, and their `won`."""
    if not ops["repeats"].any():
        return races.with_columns(repeats=pl.lit(value=False))
    contend = ops.lazy().filter(contends())
    won = pl.col("next").filter(pl.col("outcome") == "won").n_unique().cast(pl.UInt32)
    found = contend.group_by("w", "race").agg(pl.col("repeats").any(), targets=won).filter("repeats").collect()
    races = races.join(found, on=["w", "race"], how="left", maintain_order="left")
    return races.with_columns(pl.col("repeats").fill_null(value=False), won=pl.coalesce("targets", "won")).drop(
        "targets"
    )
