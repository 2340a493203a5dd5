"""Silence: a service that stopped answering for good. Its last requests prove nothing, and neither does the rest."""

import polars as pl

from reports.case import Case
from reports.model import NEVER

# The request that went unanswered, and the read after it.
LAST_MIN = 2


def find_silence(case: Case) -> list[str]:
    """The sources whose last requests went unanswered, a read at the end among them, and when that began; a sentence
    each. What a fault touched is set aside.
    """
    if case.ops.is_empty():
        return []
    answered = (pl.col("returned") < NEVER) | pl.col("status").is_not_null()
    asked = case.ops.select("row", "kind", "invoked", answered.alias("answered")).with_columns(
        case.touched_by_fault.alias("touched"), source=number_sources(case)
    )
    since = asked.filter("answered").group_by("source").agg(pl.col("invoked").max().alias("since"))
    last = asked.join(since, on="source", how="left").filter(
        ~pl.col("answered") & (pl.col("invoked") > pl.col("since").fill_null(-1))
    )
    silent = (
        last.sort("invoked")
        .group_by("source")
        .agg(pl.len(), pl.col("invoked").first(), pl.col("kind", "touched").last())
        .filter((pl.col("len") >= LAST_MIN) & (pl.col("kind") == "read") & ~pl.col("touched"))
    )
    began, names = asked["invoked"].min(), [source.name for source in case.evidence.history.sources]
    return [
        f"the service stopped answering {(row['invoked'] - began) / 1e9:.1f} s after the first request: the last "
        f"{row['len']} requests of {names[row['source']]} went unanswered, a read at the end among them"
        for row in silent.sort("invoked").iter_rows(named=True)
    ]


def number_sources(case: Case) -> pl.Series:
    """The number of the source that each of `ops` stands in."""
    counts = pl.Series([source.operations for source in case.evidence.history.sources], dtype=pl.Int64)
    return counts.cum_sum().search_sorted(case.ops["row"].cast(pl.Int64), side="right")
