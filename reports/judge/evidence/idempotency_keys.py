"""Idempotency keys: all requests with one key are one operation, which takes effect at most once."""

import polars as pl

SAME = ("workflow", "tenant", "key")
# Equal for the requests that are one operation: they also ask for the same.
ONE_OPERATION = (*SAME, "payload")
SERVED, ANSWERED, UNKNOWN = 0, 1, 2
SERVER_ERROR = 500


def merge_keys(ops: pl.DataFrame) -> pl.DataFrame:
    """`ops` (see Evidence.ops; before they are sorted) with `repeated`: another operation of its key stands for it.

    That one is the first that was answered: won or ok, else a conflict or stale; else an unknown one. It took effect
    after the first invoke of them all, and before its own answer; where it has no race, it contends in that of the
    others (see find_race). A request that asks for something else under the same key is an operation of its own.
    """
    asked = ops.select("row", *SAME, "race", "invoked", "returned", rank=rank_outcome())
    keyed = asked.filter(pl.col("key").is_not_null())
    if keyed.is_empty():
        return ops.drop("key").with_columns(repeated=pl.lit(value=False))
    least = pl.col("rank").min().over(SAME)
    members = keyed.filter((pl.col("rank") == UNKNOWN) | (pl.col("rank") == least)).sort("rank", "returned", "row")
    members = members.select(
        "row",
        begun=pl.col("invoked").min().over(SAME),
        raced=find_race(),
        repeated=pl.int_range(pl.len()).over(SAME) > 0,
    )
    merged = ops.drop("key").join(members, on="row", how="left", maintain_order="left")
    merged = merged.with_columns(pl.col("repeated").fill_null(value=False))
    stands = ~pl.col("repeated") & pl.col("begun").is_not_null()
    return merged.with_columns(
        invoked=pl.when(stands).then("begun").otherwise("invoked"),
        race=pl.when(stands).then(pl.coalesce("race", "raced")).otherwise("race"),
    ).drop("begun", "raced")


def find_race() -> pl.Expr:
    """The first race in which a request of a key was sent before the key was answered. One that was sent later only
    repeats the answer: its operation was over before that race. The first of a key is the one that was answered.
    """
    is_open = pl.col("invoked") <= pl.col("returned").first().over(SAME)
    return pl.when(is_open).then("race").sort_by("invoked", "row").drop_nulls().first().over(SAME)


def rank_outcome() -> pl.Expr:
    """How much the outcome says of what became of a key's operation: less is more; null of one that says nothing.

    A give-back that got a conflict says nothing: its unit is given back already, perhaps by an unknown one of its key.
    """
    outcome = pl.col("outcome")
    says = pl.col("kind") != "give_back"
    return (
        pl.when(outcome.is_in(["won", "ok"]))
        .then(SERVED)
        .when(outcome.is_in(["conflict", "stale"]) & says)
        .then(ANSWERED)
        .when(outcome == "unknown")
        .then(UNKNOWN)
    )


def find_stored_errors(ops: pl.DataFrame, encoded: pl.DataFrame, touched: pl.Series) -> pl.Series:
    """For each of `ops`, whether it got a server error under a key of which a touched request has an unknown outcome: a
    service may store the first answer with a key, also an error.
    """
    if not touched.any() or encoded["key"].null_count() == encoded.height:
        return pl.repeat(value=False, n=ops.height, dtype=pl.Boolean, eager=True)
    keyed = ops.select("row", *SAME[:2], "status", "outcome", touched=touched).join(
        encoded.select("row", "key"), on="row", how="left", maintain_order="left"
    )
    is_error = (pl.col("status") >= SERVER_ERROR).fill_null(value=False)
    is_first = pl.col("touched") & (pl.col("outcome") == "unknown")
    return keyed.select(is_error & pl.col("key").is_not_null() & is_first.any().over(SAME)).to_series()
