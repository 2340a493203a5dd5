"""Births: answers that no create can have come before. Where a workflow's create is known, all else comes after it."""

from dataclasses import dataclass

import polars as pl

from reports.judge.evidence import Evidence


@dataclass(frozen=True)
class Misbirth:
    """The known create of a workflow, and a row that contradicts it: an answer that had been given before the create
    was asked for, or a second create that was carried out too.
    """

    w: int
    create: int
    other: int


def find_misbirths(evidence: Evidence) -> list[Misbirth]:
    """The first contradiction of each workflow."""
    rows = find_early(evidence).select("w", "row", pl.lit(value=True).alias("early"))
    creates = evidence.ops.filter(pl.col("known") & (pl.col("kind") == "create"))
    second = creates.filter(~pl.col("w").is_first_distinct()).select("w", "row", pl.lit(value=False).alias("early"))
    others = pl.concat([rows, second]).unique("w", keep="first", maintain_order=True).sort("w")
    first = creates.unique("w", keep="first", maintain_order=True).select("w", create="row")
    found = others.join(first, on="w", how="left", maintain_order="left")
    return [Misbirth(*row) for row in found.select("w", "create", "row").iter_rows()]


def find_early(evidence: Evidence) -> pl.DataFrame:
    """The operations that took effect or were answered, and had returned before their workflow's create was invoked."""
    ops = evidence.ops
    creates = ops.filter(pl.col("known") & (pl.col("kind") == "create"))
    if creates.is_empty():
        return ops.clear()
    born = creates.group_by("w").agg(pl.col("begins").min().alias("born"))
    every = pl.DataFrame({"w": pl.int_range(evidence.workflows, dtype=pl.UInt32, eager=True)})
    moments = every.join(born, on="w", how="left", maintain_order="left")["born"]
    return ops.filter((pl.col("known") | pl.col("pure")) & (pl.col("ends") < moments.gather(ops["w"])))
