"""Silence: a service that stopped answering for good. Its last requests prove nothing, and neither does the rest."""

import polars as pl

from reports.history.events import Level
from reports.judge.context import Case
from reports.judge.models.workflow import NEVER

SILENT = "silent"


def find_silence(case: Case) -> list[str]:
    """The sources whose last requests went unanswered, and a read after the first of them too, and when that began; a
    sentence each. A read that a fault touched is set aside, unless the source ended because of the silence.
    """
    found = {} if case.ops.is_empty() else find_unanswered(case)
    told = [source for source, event in case.evidence.history.by_source(Level) if event.ended == SILENT]
    names = [source for source in told if source not in found]
    return [*found.values(), *(f"the service stopped answering, and {name} ended" for name in names)]


def find_unanswered(case: Case) -> dict[str, str]:
    """By source, the sentence."""
    answered = (pl.col("returned") < NEVER) | pl.col("status").is_not_null()
    asked = case.ops.select("row", "kind", "invoked", answered.alias("answered")).with_columns(
        case.touched_by_fault.alias("touched"), source=number_sources(case)
    )
    since = asked.filter("answered").group_by("source").agg(pl.col("invoked").max().alias("since"))
    last = asked.join(since, on="source", how="left").filter(
        ~pl.col("answered") & (pl.col("invoked") > pl.col("since").fill_null(-1))
    )
    read = pl.col("invoked").filter((pl.col("kind") == "read") & ~pl.col("touched")).max()
    silent = (
        last.group_by("source")
        .agg(pl.len(), pl.col("invoked").min(), read.alias("read"))
        .filter(pl.col("read") > pl.col("invoked"))
    )
    began, names = asked["invoked"].min(), [source.name for source in case.evidence.history.sources]
    return {
        names[row["source"]]: f"the service stopped answering {(row['invoked'] - began) / 1e9:.1f} s after the first "
        f"request: the last {row['len']} requests of {names[row['source']]} went unanswered, a read after the first of "
        "them too"
        for row in silent.sort("invoked").iter_rows(named=True)
    }


def number_sources(case: Case) -> pl.Series:
    """The number of the source that each of `ops` stands in."""
    counts = pl.Series([source.operations for source in case.evidence.history.sources], dtype=pl.Int64)
    return counts.cum_sum().search_sorted(case.ops["row"].cast(pl.Int64), side="right")
