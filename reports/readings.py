"""Readings: each time that a trail was read, with the transitions that it must hold by then, or may.

Readings that hold exactly the acknowledged transitions, edge by edge, are told apart all at once; only the few others
are laid out.
"""

from dataclasses import dataclass

import polars as pl

from reports.evidence import Evidence
from reports.history import History
from reports.model import NEVER
from reports.trails import Move, Row

# When the reading was over: without a word it was a moment.
UNTIL = pl.coalesce("returned_ns", "read_ns").alias("until_ns")
FIRST_REQUEST_ID = r'^\{"request_id":"([^"\\]*)"'


@dataclass(frozen=True)
class Reading:
    """One reading of a workflow's trail, at some moment from `read_ns` to `until_ns`. `moves` are the transitions of
    the history that had been asked for; `start` is the state that the first of their rows must leave, None where that
    is not known. `is_older`: rows of what happened before this history may come first.
    """

    w: int
    workflow: str
    read_ns: int
    until_ns: int
    rows: tuple[Row, ...]
    moves: tuple[Move, ...]
    start: str | None
    is_older: bool


def take_odd_readings(evidence: Evidence) -> list[Reading]:
    """The readings that are not, at first sight, a legal chain of exactly the acknowledged transitions."""
    rows = evidence.trails.filter(pl.col("w").is_not_null())
    if rows.is_empty():
        return []
    rows = rows.with_columns(pl.col("from", "to").to_physical())
    trails = rows.select("trail", "w", "read_ns", UNTIL).unique("trail", keep="first").sort("trail")
    odd = trails.filter(pl.col("trail").is_in(find_odd(evidence, rows, trails)))
    by_trail = rows.join(odd, on="trail", how="semi").partition_by("trail", as_dict=True)
    ids = find_request_ids(evidence, odd)
    return [lay_out(evidence, by_trail[(trail,)], w, (first, last), ids) for trail, w, first, last in odd.iter_rows()]


def lay_out(
    evidence: Evidence, rows: pl.DataFrame, w: int, during: tuple[int, int], ids: dict[int, str | None]
) -> Reading:
    names = evidence.names
    entries = rows.filter(pl.col("to").is_not_null() & pl.col("from").is_not_null()).sort("position")
    held = tuple(
        Row(names[origin], names[to], request_id)
        for origin, to, request_id in entries.select("from", "to", "request_id").iter_rows()
    )
    moves, start = find_moves(evidence, w, during, ids)
    creates = evidence.slice(w).filter("mine", pl.col("kind") == "create")
    # Without a status it was no request that made the workflow: somebody named one.
    older = creates.filter(pl.col("status").is_not_null() | (pl.col("outcome") == "unknown")).is_empty()
    return Reading(w, str(rows["workflow"][0]), *during, held, tuple(moves), start, older)


def find_odd(evidence: Evidence, rows: pl.DataFrame, trails: pl.DataFrame) -> list[int]:
    """The trails that are not, at first sight, a legal chain of exactly the acknowledged transitions."""
    moved = (pl.col("known") & (pl.col("kind") != "create")) | pl.col("maybe")
    moves = evidence.ops.filter(moved).select("row", "w", "kind", "outcome", "want", "wants", "next", "returned")
    plain = (pl.col("kind") == "advance") & (pl.col("outcome") == "won") & (pl.col("wants") == 1)
    vague = moves.filter(~plain)["w"].unique()
    rows = rows.filter(pl.col("to").is_not_null() & pl.col("from").is_not_null()).sort("trail", "position")
    starts = evidence.starts.with_columns(pl.col("state").replace(evidence.unborn, None))
    created = (
        evidence.ops.filter(pl.col("known") & (pl.col("kind") == "create"))
        .unique("w", keep="first")
        .select("w", first="next")
    )
    starts = starts.join(created, on="w", how="left").select("w", start=pl.coalesce("state", "first"))
    rows = rows.join(starts, on="w", how="left", maintain_order="left")
    same = pl.col("trail") == pl.col("trail").shift()
    due = pl.when(same.fill_null(value=False)).then(pl.col("to").shift()).otherwise("start")
    wrong = rows.filter((due.is_not_null() & (pl.col("from") != due)) | ~evidence.lawful(pl.col("from"), pl.col("to")))[
        "trail"
    ]
    uneven = compare_edges(evidence, rows, moves.join(trails, on="w", maintain_order="left"))
    doubtful = trails.filter(pl.col("w").is_in(vague.implode()))["trail"]
    return pl.concat([wrong, uneven, doubtful]).unique().to_list()


def compare_edges(evidence: Evidence, rows: pl.DataFrame, moves: pl.DataFrame) -> pl.Series:
    """The trails whose rows are not the given transitions, in the order in which they were asked for: edges and, where
    both tell, request ids.
    """
    held = rows.group_by("trail").agg(held=pl.len())
    due = moves.group_by("trail").agg(due=pl.len(), last=pl.col("returned").max(), read_ns=pl.col("read_ns").first())
    counts = due.join(held, on="trail", how="full", coalesce=True)
    uneven = pl.col("held").ne_missing(pl.col("due")) | (pl.col("last") >= pl.col("read_ns"))
    odd = counts.filter(uneven)["trail"]
    fair = pl.col("trail").is_in(odd.implode()).not_()
    left = moves.filter(fair).select("trail", "row", origin="want", to="next").sort("trail", maintain_order=True)
    right = rows.filter(fair).select("trail", "request_id", origin="from", to="to")
    if right["request_id"].null_count() < right.height:
        left = left.with_columns(request_id=read_request_ids(evidence.history, left["row"]))
    return pl.concat([odd, find_unlike(left, right)])


def find_unlike(left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """The trails where two frames of as many rows differ, row by row."""
    unlike = (left["origin"] != right["origin"]) | (left["to"] != right["to"])
    if "request_id" in left.columns:
        unlike |= (left["request_id"] != right["request_id"]).fill_null(value=False)
    return left.filter(unlike.fill_null(value=True))["trail"]


def find_request_ids(evidence: Evidence, odd: pl.DataFrame) -> dict[int, str | None]:
    """The request id of every transition, by row, in the workflows whose trails are looked at one by one."""
    moved = pl.col("known") | pl.col("maybe")
    rows = evidence.ops.filter(moved & pl.col("w").is_in(odd["w"].unique().implode()))["row"]
    return (
        dict(zip(rows.to_list(), read_request_ids(evidence.history, rows).to_list(), strict=True)) if rows.len() else {}
    )


def find_moves(
    evidence: Evidence, w: int, during: tuple[int, int], ids: dict[int, str | None]
) -> tuple[list[Move], str | None]:
    """The transitions that a trail read then must hold, or may; and the state that the first row must leave."""
    read_ns, until_ns = during
    operations, starts = evidence.lay_out(w)
    created = [each.told for each in operations if each.kind == "create" and each.outcome == "ok"]
    start = created[0] if created else starts[0] if len(starts) == 1 else None
    moves = [each for each in operations if each.kind in ("advance", "set") and each.outcome in ("won", "unknown")]
    moves = [each for each in moves if each.invoked <= until_ns]
    sure = [each.outcome == "won" and each.returned < min(read_ns, NEVER) for each in moves]
    return [Move(each, ids[each.row], certain) for each, certain in zip(moves, sure, strict=True)], start


def read_request_ids(history: History, rows: pl.Series) -> pl.Series:
    """The request id in the detail of each of these operations; null without one."""
    asked = history.frame.select("detail").with_row_index("row")
    picked = asked.filter(pl.col("row").is_in(rows.implode()))
    detail = pl.col("detail")
    # Our own writers put it first; JSON in any other form is parsed, which takes three times as long.
    plain = detail.str.extract(FIRST_REQUEST_ID)
    parsed = pl.when(plain.is_null()).then(detail).str.json_path_match("$.request_id")
    found = picked.select("row", request_id=pl.coalesce(plain, parsed)).collect()
    return pl.DataFrame({"row": rows}).join(found, on="row", how="left", maintain_order="left")["request_id"]
