"""Server ids: which creates were answered with an id that another workflow of the tenant has already."""

import polars as pl

from reports.history.history import History


def find_shared_ids(history: History) -> list[list[int]]:
    """The rows of the creates, by invoke, that gave several workflows of one tenant one id; a list for each such id.

    Only creates that a request made count: what a command or a list gives is no answer of the server.
    """
    creates = history.frame.select("kind", "outcome", "status", "tenant", "workflow", "invoked_ns", "detail")
    made = (pl.col("kind") == "create") & (pl.col("outcome") == "ok") & pl.col("status").is_not_null()
    told = (
        creates.with_row_index("row").filter(made).with_columns(id=pl.col("detail").str.json_path_match("$.server_id"))
    )
    shared = (
        told.filter(pl.col("id").is_not_null())
        .sort("invoked_ns")
        .group_by("tenant", "id", maintain_order=True)
        .agg(pl.col("row"), pl.col("workflow").n_unique().alias("workflows"))
        .filter(pl.col("workflows") > 1)
    )
    return shared.collect()["row"].to_list()
