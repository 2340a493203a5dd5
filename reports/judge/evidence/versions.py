"""Versions, as requests carried and answers told them. What of them counts as evidence; values only.

A telling is firm if it is certain of which moment it is: a read that answered, and a create, a win or a write during
which nothing else can have changed the workflow. All others (a conflict, a win that overlaps another one, a guard) are
loose: a version that they tell may have been current then, and nothing follows from it. A version that a request
carried counts only if some answer had told it before: where else it comes from, the history does not say.
"""

import polars as pl

from reports.judge.evidence.evidence import Evidence
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.version_search import Told, Versions

WEAK = "W/"
ROWS = ("row", "kind", "outcome", "carried", "told", "firm", "weak", "invoked", "returned", "next", "observed")


def take_versions(evidence: Evidence) -> pl.DataFrame:
    """The owner's operations that carried or told a version, in the order of `ops`: its columns, and carried (null
    where it does not count), told, firm, weak (it carried one that never matches, by RFC 9110).
    """
    carried, told = (pl.col(f"token_{name}").str.strip_prefix(WEAK).alias(name) for name in ("carried", "told"))
    some = pl.any_horizontal(pl.col("token_carried", "token_told").is_not_null())
    weak = pl.col("token_carried").str.starts_with(WEAK).fill_null(value=False).alias("weak")
    frame = evidence.history.frame.select("token_carried", "token_told").with_row_index("row").filter(some)
    found = frame.select("row", carried, told, weak).collect()
    if found.is_empty():
        return evidence.ops.clear().with_columns(
            carried=pl.lit(None, pl.String),
            told=pl.lit(None, pl.String),
            firm=pl.lit(value=False),
            weak=pl.lit(value=False),
        )
    found = evidence.ops.filter("mine", ~pl.col("repeated")).join(found, on="row", how="inner", maintain_order="left")
    return mark_carried(evidence, mark_firm(evidence, found))


def mark_firm(evidence: Evidence, found: pl.DataFrame) -> pl.DataFrame:
    """With `firm`: whether it is certain of which moment the told version is."""
    ok = pl.col("outcome") == "ok"
    read = (pl.col("kind") == "read") & ok & (pl.col("wants") == 0)
    change = pl.col("known") | ((pl.col("kind") == "write") & ok)
    tellers = found.filter(pl.col("told").is_not_null() & change).select("row", "w", "invoked", "returned")
    others = list_changes(evidence.ops).filter(pl.col("w").is_in(tellers["w"].unique().implode()))
    met = tellers.join(others.select("w", other="row", since="invoked", until="until"), on="w").filter(
        (pl.col("row") != pl.col("other"))
        & (pl.col("since") <= pl.col("returned"))
        & (pl.col("until") >= pl.col("invoked"))
    )
    alone = ~pl.col("row").is_in(met["row"].unique().implode())
    if evidence.graph is not None and evidence.graph.timed:
        soonest = min(move.after_ns for move in evidence.graph.timed)
        alone &= pl.col("returned") - pl.col("invoked") < soonest
    return found.with_columns(firm=pl.col("told").is_not_null() & (read | (change & alone)))


def list_changes(ops: pl.DataFrame) -> pl.DataFrame:
    """The operations that changed the workflow or its version, or may have, with the moment `until` when."""
    write = (
        (pl.col("kind") == "write") & pl.col("outcome").is_in(["ok", "unknown"]) & pl.col("mine") & ~pl.col("repeated")
    )
    until = pl.when(pl.col("outcome") == "unknown").then(pl.lit(NEVER)).otherwise("returned")
    return ops.filter(pl.col("known") | pl.col("maybe") | write).with_columns(until=until)


def mark_carried(evidence: Evidence, found: pl.DataFrame) -> pl.DataFrame:
    """With `carried` null where no answer had told that version when the request was sent, by any reading of the
    clocks, and of a stale answer to one that never matches.
    """
    wide = 4 * evidence.history.clock_uncertainty_ns
    first = (
        found.filter(pl.col("told").is_not_null()).group_by("w", "told").agg(since=pl.col("returned").min())
    ).rename({"told": "carried"})
    found = found.join(first, on=["w", "carried"], how="left", maintain_order="left")
    counts = (pl.col("since") - wide <= pl.col("invoked")) & ~(pl.col("weak") & (pl.col("outcome") == "stale"))
    return found.with_columns(carried=pl.when(counts).then("carried")).drop("since")


def lay_out_versions(
    evidence: Evidence, rows: pl.DataFrame, operations: list[Operation], starts: list[str | None]
) -> Versions:
    """The versions of one workflow, from its rows of `take_versions`."""
    names = evidence.names
    told = []
    for row, kind, outcome, _, version, firm, _, invoked, returned, following, observed in rows.select(
        ROWS
    ).iter_rows():
        if version is None:
            continue
        leads = firm or (kind == "create" and outcome == "ok")
        answers = outcome in ("ok", "conflict", "stale") and kind != "write"
        code = following if leads and kind in ("create", "advance", "set") else observed if answers else None
        told.append(Told(row, version, firm, None if code is None else names[code], invoked, returned))
    where: dict[str, frozenset[str] | None] = {}
    for each in told:
        states = (
            frozenset((each.state,)) if each.state is not None else find_reached(evidence, each, operations, starts)
        )
        known = where.get(each.version, frozenset())
        where[each.version] = None if states is None or known is None else known | states
    carried = dict(rows.filter(pl.col("carried").is_not_null()).select("row", "carried").iter_rows())
    firm = {each.row: each.version for each in told if each.firm}
    return Versions(carried, firm, tuple(sorted(told, key=lambda each: each.invoked)), where)


def find_reached(
    evidence: Evidence, told: Told, operations: list[Operation], starts: list[str | None]
) -> frozenset[str] | None:
    """The states in which the workflow can have been until this answer; None: any."""
    led = {each.leads_to for each in operations if not each.is_pure and each.invoked <= told.returned}
    alone = {move.to for move in evidence.graph.timed} if evidence.graph else set()
    states = {state for state in (*starts, *led, *alone) if state is not None}
    return None if len(starts) > 1 else frozenset(states)
