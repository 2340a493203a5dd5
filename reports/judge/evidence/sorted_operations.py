"""Sorted operations: the operations in the order of the checks, and what each of them can say of its workflow's state.

known: it took effect; maybe: it is unknown, and may have; pure: an answer that changed nothing; mine: the owner asked.
"""

import polars as pl

from reports.history.history import History
from reports.judge.evidence.idempotency_keys import merge_keys
from reports.judge.models.workflow import NEVER


def sort_operations(history: History) -> pl.DataFrame:
    """The operations by workflow, then invoke. The physical order is kept where it is sorted, as sealing leaves it."""
    wide = history.clock_uncertainty_ns
    ops = history.encoded.with_columns(
        pl.col("workflow", "tenant", "want", "next", "observed", "set").to_physical(),
        pl.col("invoked") - wide,
        (pl.col("returned") + wide).fill_null(NEVER),
    )
    ops = merge_keys(ops)
    if not is_sorted(ops):
        # In the order in which the workflows first appear: categorical codes differ from run to run.
        first = ops.group_by("workflow").agg(pl.col("row").min().alias("first"))
        ops = ops.join(first, on="workflow").sort("first", "invoked", "row").drop("first")
    return ops.with_columns(pl.col("workflow").rle_id().alias("w"))


def is_sorted(ops: pl.DataFrame) -> bool:
    """Whether each workflow's operations stand together, by invoke."""
    same = pl.col("workflow") == pl.col("workflow").shift()
    back = same & (pl.col("invoked") < pl.col("invoked").shift())
    runs, count, unsorted = ops.select(
        (~same).sum(), pl.col("workflow").n_unique().alias("n"), back.any().alias("b")
    ).row(0)
    return ops.is_empty() or (runs + 1 == count and not unsorted)


def assign_roles(ops: pl.DataFrame, first: int | None) -> pl.DataFrame:
    """Adds known, maybe and pure; `next` becomes the initial state of a create, and nothing of a read. What an unknown
    operation tells is nothing, and a write neither asks for a state nor tells one.
    """
    kind, outcome, mine = pl.col("kind"), pl.col("outcome"), pl.col("mine") & ~pl.col("repeated")
    answered = (kind == "read") | (kind == "write")
    moves = (kind == "advance") | (kind == "set")
    # A take or a give-back says nothing of a state.
    conflict = (outcome == "conflict") & ~kind.is_in(["take", "give_back"])
    initial = pl.col("observed").fill_null(pl.lit(first, dtype=pl.UInt32))
    return ops.with_columns(
        known=mine & ((moves & (outcome == "won")) | ((kind == "create") & (outcome == "ok"))),
        maybe=mine & (outcome == "unknown") & moves,
        pure=mine & (conflict | (answered & (outcome == "ok"))),
        next=pl.when(moves).then("next").when(kind == "create").then(initial),
        observed=pl.when((outcome != "unknown") & (kind != "write")).then("observed"),
        want=pl.when(kind != "write").then("want"),
        set=pl.when(kind != "write").then("set"),
        wants=pl.when(kind != "write").then("wants").otherwise(0).cast(pl.UInt32),
    )


def find_owned(ops: pl.DataFrame, unnamed_tenant: int | None) -> pl.Series:
    """Whether each operation is its workflow's owner's: the tenant that created it, or the first that was served. A
    conflict or a stale one says less of whose it is, and a refusal least. Those that name no tenant are the owner's.
    """
    if ops["tenant"].n_unique() <= 1:
        return pl.repeat(value=True, n=ops.height, dtype=pl.Boolean, eager=True)
    create, outcome = pl.col("kind") == "create", pl.col("outcome")
    ranks = (
        pl.when(create & (outcome == "ok"))
        .then(0)
        .when(create & (outcome == "unknown"))
        .then(1)
        .when(outcome.is_in(["won", "ok"]))
        .then(2)
        .when(outcome.is_in(["conflict", "stale"]))
        .then(3)
        .otherwise(4)
    )
    anonymous = pl.col("tenant") == pl.lit(unnamed_tenant, dtype=pl.UInt32)
    ranks = pl.when(anonymous).then(5).otherwise(ranks) if unnamed_tenant is not None else ranks
    owners = (
        ops.select("w", "tenant", rank=ranks).sort("w", "rank", maintain_order=True).unique("w", keep="first").sort("w")
    )
    owned = ops["tenant"].eq_missing(owners["tenant"].gather(ops["w"]))
    return owned if unnamed_tenant is None else owned | (ops["tenant"] == unnamed_tenant)
