"""Moves that no request makes, for the linearization: where one was surely seen, it is put among the transitions.

After the last transition that led to its state, and not before the whole of its time had passed since that had
returned: later than it may have happened, so that what is explained is explained. The exact search decides the rest.
"""

import polars as pl

from engine.target.graph import Timed
from reports.judge.evidence.evidence import Evidence


def insert_timed(evidence: Evidence, ops: pl.DataFrame) -> pl.DataFrame:
    """The operations with such moves as transitions that were won; `alone` tells them from requests."""
    timed = evidence.graph.timed if evidence.graph is not None and not evidence.keys.is_ranked else ()
    found = [make_moves(evidence, ops, move) for move in timed]
    return pl.concat([ops.with_columns(alone=pl.lit(value=False)), *found], how="diagonal_relaxed")


def make_moves(evidence: Evidence, ops: pl.DataFrame, move: Timed) -> pl.DataFrame:
    """One row for each workflow of which an answer tells the state after the move."""
    origin, to = evidence.codes[move.origin], evidence.codes[move.to]
    seen = ops.filter(pl.col("pure") & (pl.col("observed") == to)).group_by("w").agg(pl.col("ends").min())
    entries = ops.filter(pl.col("known") & (pl.col("next") == origin)).select("w", entered="ends")
    met = entries.join(seen, on="w").filter(pl.col("entered") <= pl.col("ends"))
    last = met.group_by("w").agg(pl.col("entered").max(), pl.col("ends").first())
    last = last.with_columns(begins=pl.col("entered") + move.after_ns).filter(pl.col("begins") <= pl.col("ends"))
    code = ops.schema["next"]
    return last.select(
        pl.col("w").cast(ops.schema["w"]),
        pl.lit("advance").cast(ops.schema["kind"]).alias("kind"),
        pl.lit(origin).cast(code).alias("want"),
        pl.lit(1).cast(ops.schema["wants"]).alias("wants"),
        pl.lit(to).cast(code).alias("next"),
        "begins",
        "ends",
        repeats=pl.lit(value=False),
        known=pl.lit(value=True),
        pure=pl.lit(value=False),
        alone=pl.lit(value=True),
    )
