"""The tokens of the periods of a linearization: one token for each period, if the periods are all that changes it."""

import polars as pl

ANSWER_TOKENS = ("token_is", "token_not")  # the token that must be current, and one that must not be
MOVE_TOKENS = ("carried", "told_token")
UNLIKE = "\0"  # of a write that changed the token: it fits no period


def add_tokens(ops: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The operations with what they say of tokens, from `take_tokens`; stale ones are answers, too. No accepted write
    is taken to have changed the token.
    """
    firm = found.select("row", "carried", told_token=pl.when("firm").then("told"))
    ops = ops.join(firm, on="row", how="left", maintain_order="left")
    stale = (pl.col("outcome") == "stale") & pl.col("carried").is_not_null() & pl.col("mine") & ~pl.col("repeated")
    write = (pl.col("kind") == "write") & pl.col("pure")
    read = (pl.col("kind") == "read") & pl.col("pure")
    changed = pl.col("told_token") != pl.col("carried")
    written = pl.when(changed).then(pl.lit(UNLIKE)).otherwise(pl.coalesce("told_token", "carried"))
    said = {name: pl.when(~stale).then(name) for name in ("want", "set", "next", "observed")}
    return ops.with_columns(
        **said,
        wants=pl.when(~stale).then("wants").otherwise(0).cast(pl.UInt32),
        pure=pl.col("pure") | stale,
        token_is=pl.when(read).then("told_token").when(write).then(written),
        token_not=pl.when(stale).then("carried"),
    )


def find_period_tokens(frame: pl.DataFrame, answers: pl.DataFrame, ops: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The periods with their `token`, where something tells it: the transition that opens it, the one that ends it, or
    a read in it. And the workflow numbers where two of these differ, or a transition carried a token that was not told
    of the state.
    """
    frame = frame.with_columns(due=pl.col("carried").shift(-1).over("w")).with_row_index("at")
    told = pl.concat(
        [
            ops.filter(pl.col("pure") & pl.col("token_is").is_not_null()).select("w", state="observed", due="token_is"),
            ops.filter(pl.col("known") & pl.col("told_token").is_not_null()).select(
                "w", state="next", due="told_token"
            ),
        ]
    ).unique()
    strange = frame.filter(pl.col("due").is_not_null()).join(told, on=["w", "state", "due"], how="anti")["w"]
    unlike = frame.filter(pl.col("due") != pl.col("told_token"))["w"]
    reads = answers.filter(pl.col("token_is").is_not_null() & pl.col("exact").is_not_null())
    at = (
        reads.select("begins")
        .set_sorted("begins")
        .join_asof(frame.select("at", "begin").set_sorted("begin"), left_on="begins", right_on="begin")["at"]
    )
    seen = reads.select("w", "token_is", state="exact", at=at).join(
        frame.select("at", "w", "state"), on=["at", "w", "state"]
    )
    first = seen.unique("at", keep="first", maintain_order=True).select("at", seen="token_is")
    frame = frame.join(first, on="at", how="left", maintain_order="left")
    return frame.with_columns(token=pl.coalesce("told_token", "due", "seen")), pl.concat([strange, unlike])
