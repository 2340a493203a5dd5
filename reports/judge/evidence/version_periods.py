"""The versions of the periods of a linearization: one for each period, if the periods are all that changes it."""

import polars as pl

ANSWER_VERSIONS = ("version_is", "version_not")  # the version that must be current, and one that must not be
MOVE_VERSIONS = ("carried", "told_version")
UNLIKE = "\0"  # of a write that changed the version: it fits no period


def add_versions(ops: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The operations with what they say of versions, from `take_versions`; stale ones are answers, too. No accepted
    write is taken to have changed the version.
    """
    firm = found.select("row", "carried", told_version=pl.when("firm").then("told"))
    ops = ops.join(firm, on="row", how="left", maintain_order="left")
    stale = (pl.col("outcome") == "stale") & pl.col("carried").is_not_null() & pl.col("mine") & ~pl.col("repeated")
    write = (pl.col("kind") == "write") & pl.col("pure")
    read = (pl.col("kind") == "read") & pl.col("pure")
    changed = pl.col("told_version") != pl.col("carried")
    written = pl.when(changed).then(pl.lit(UNLIKE)).otherwise(pl.coalesce("told_version", "carried"))
    said = {name: pl.when(~stale).then(name) for name in ("want", "set", "next", "observed")}
    return ops.with_columns(
        **said,
        wants=pl.when(~stale).then("wants").otherwise(0).cast(pl.UInt32),
        pure=pl.col("pure") | stale,
        version_is=pl.when(read).then("told_version").when(write).then(written),
        version_not=pl.when(stale).then("carried"),
    )


def find_period_versions(
    frame: pl.DataFrame, answers: pl.DataFrame, ops: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series]:
    """The periods with their `version`, where something tells it: the transition that opens it, the one that ends it,
    or a read in it. And the workflow numbers where two of these differ, or a transition carried a version that was not
    told of the state.
    """
    frame = frame.with_columns(due=pl.col("carried").shift(-1).over("w")).with_row_index("at")
    told = pl.concat(
        [
            ops.filter(pl.col("pure") & pl.col("version_is").is_not_null()).select(
                "w", state="observed", due="version_is"
            ),
            ops.filter(pl.col("known") & pl.col("told_version").is_not_null()).select(
                "w", state="next", due="told_version"
            ),
        ]
    ).unique()
    strange = frame.filter(pl.col("due").is_not_null()).join(told, on=["w", "state", "due"], how="anti")["w"]
    unlike = frame.filter(pl.col("due") != pl.col("told_version"))["w"]
    reads = answers.filter(pl.col("version_is").is_not_null() & pl.col("exact").is_not_null())
    at = (
        reads.select("begins")
        .set_sorted("begins")
        .join_asof(frame.select("at", "begin").set_sorted("begin"), left_on="begins", right_on="begin")["at"]
    )
    seen = reads.select("w", "version_is", state="exact", at=at).join(
        frame.select("at", "w", "state"), on=["at", "w", "state"]
    )
    first = seen.unique("at", keep="first", maintain_order=True).select("at", seen="version_is")
    frame = frame.join(first, on="at", how="left", maintain_order="left")
    return frame.with_columns(version=pl.coalesce("told_version", "due", "seen")), pl.concat([strange, unlike])
