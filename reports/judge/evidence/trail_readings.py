"""Readings: each time that a trail was read, with the transitions that it must hold by then, or may.

Readings that hold exactly the acknowledged transitions, edge by edge, are recognised all at once; only the few others
become values of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reports.history.history import History
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.idempotency_keys import SAME
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.trail_matching import UNTOLD, Ids, Move, Row, TrailReading

# When the reading was over: without a word it was a moment.
UNTIL = pl.coalesce("returned_ns", "read_ns").alias("until_ns")
FIRST_REQUEST_ID = r'^\{"request_id":"([^"\\]*)"'


def take_odd_readings(evidence: Evidence, searched: Sequence[int]) -> list[TrailReading]:
    """All readings, by time, of the workflows of which some reading cannot be passed at first sight. `searched` are the
    workflows whose order the search found, and not the linearization.
    """
    rows = evidence.trails.filter(pl.col("w").is_not_null())
    if rows.is_empty():
        return []
    wide = evidence.history.clock_uncertainty_ns
    times = {"read_ns": pl.col("read_ns") - wide, "until_ns": UNTIL + wide}
    rows = rows.with_columns(pl.col("from", "to").to_physical(), **times)
    trails = rows.select("trail", "w", "read_ns", "until_ns").unique("trail", keep="first").sort("trail")
    odd = trails.filter(pl.col("trail").is_in(find_odd(evidence, rows, trails)) | pl.col("w").is_in(list(searched)))
    rows = rows.filter(pl.col("w").is_in(odd["w"].unique().implode()))
    ids = list_ids(evidence, odd)
    return sorted(
        (each for w, read in group_readings(rows).items() for each in lay_out(evidence, w, read, ids)),
        key=lambda reading: (reading.read_ns, reading.until_ns),
    )


@dataclass(frozen=True)
class ShownTrail:
    """What one reading showed: the edges as codes of states, each with the request id of its row."""

    workflow: str
    read_ns: int
    until_ns: int
    edges: list[tuple[int, int, str | None]]


def group_readings(rows: pl.DataFrame) -> dict[int, list[ShownTrail]]:
    """The readings of each workflow number, in their order. Thousands of them: a query for each would take long."""
    found: dict[int, dict[int, ShownTrail]] = {}
    columns = ("w", "trail", "workflow", "read_ns", "until_ns", "from", "to", "request_id")
    ordered = rows.sort("trail", "position").select(*columns[:2], pl.col("workflow").cast(pl.String), *columns[3:])
    for w, trail, workflow, read_ns, until_ns, origin, to, request_id in ordered.iter_rows():
        shown = found.setdefault(w, {}).setdefault(trail, ShownTrail(workflow, read_ns, until_ns, []))
        if origin is not None and to is not None:
            shown.edges.append((origin, to, request_id))
    return {w: list(trails.values()) for w, trails in found.items()}


def lay_out(evidence: Evidence, w: int, readings: Sequence[ShownTrail], ids: dict[int, Ids]) -> list[TrailReading]:
    """The readings of one workflow's trail."""
    named = frozenset[str | None]().union(*(ids[row] for row in evidence.slice(w)["row"]))
    operations, starts = evidence.lay_out(w)
    start, older = find_start(operations, starts), is_older(evidence, w)
    moves = [
        (each, ids[each.row])
        for each in operations
        if each.kind in ("advance", "set") and each.outcome in ("won", "unknown")
    ]
    found = []
    for shown in readings:
        read_ns, until_ns = shown.read_ns, shown.until_ns
        due = [Move(each, own, certain=is_certain(each, read_ns)) for each, own in moves if each.invoked <= until_ns]
        held = tuple(
            Row(evidence.names[origin], evidence.names[to], id_, is_named=id_ is not None and id_ in named)
            for origin, to, id_ in shown.edges
        )
        found.append(TrailReading(w, shown.workflow, read_ns, until_ns, held, tuple(due), start, older))
    return found


def is_certain(move: Operation, read_ns: int) -> bool:
    """Whether a transition must have its row by then. A win that may repeat need not have made the move."""
    return move.outcome == "won" and not move.repeats and move.returned < min(read_ns, NEVER)


def is_older(evidence: Evidence, w: int) -> bool:
    """Whether a workflow may be older than the history: no request of it made the workflow, as far as it tells. Without
    a status it was no request: a command or a list named the workflow.
    """
    return w not in evidence.created


def find_start(operations: Sequence[Operation], starts: Sequence[str | None]) -> str | None:
    """The state that the first transition must leave; None where that is not known."""
    created = {each.observed for each in operations if each.kind == "create" and each.outcome == "ok"}
    if created:
        return created.pop() if len(created) == 1 else None
    return starts[0] if len(starts) == 1 else None


def find_odd(evidence: Evidence, rows: pl.DataFrame, trails: pl.DataFrame) -> list[int]:
    """The trails that are not, at first sight, a legal chain of exactly the acknowledged transitions.

    At first sight: every transition was won, none is in doubt or leads to the state that there was already, and in the
    order in which they were asked for each returned later than the one before. Then that is also the order in which
    they returned. So the linearization, by whichever of the two it explained the workflow, took them in the order of
    the rows: one order explains the answers and the trail. It respects real time, and the reading came after all of
    them.
    """
    moved = (pl.col("known") & (pl.col("kind") != "create")) | pl.col("maybe")
    moves = evidence.ops.filter(moved).select(
        "row", "w", "kind", "outcome", "want", "wants", "next", "returned", "repeats"
    )
    stays = pl.col("repeats") & (pl.col("want") == pl.col("next"))
    plain = (pl.col("kind") == "advance") & (pl.col("outcome") == "won") & (pl.col("wants") == 1) & ~stays
    nested = pl.col("returned") <= pl.col("returned").shift().over("w")
    vague = moves.filter(~plain | nested.fill_null(value=False))["w"].unique()
    rows = rows.filter(pl.col("to").is_not_null() & pl.col("from").is_not_null()).sort("trail", "position")
    starts = evidence.starts.with_columns(pl.col("state").replace(evidence.uncreated, None))
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
    return pl.concat([wrong, uneven, doubtful, find_renamed(rows)]).unique().to_list()


def find_renamed(rows: pl.DataFrame) -> pl.Series:
    """The trails with a row that tells another request id in another reading."""
    placed = rows.select("trail", "w", "request_id", place=pl.int_range(pl.len()).over("trail"))
    told = placed.filter(pl.col("request_id").is_not_null())
    return told.filter(pl.col("request_id").n_unique().over("w", "place") > 1)["trail"]


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
        odd = pl.concat([odd, find_borrowed(evidence, left, right)])
    return pl.concat([odd, find_unlike(left, right)])


def find_borrowed(evidence: Evidence, left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """The trails with a row that tells the id of some operation of its workflow, where the transition tells none."""
    bare = right.with_columns(row=left["row"]).filter(left["request_id"].is_null(), pl.col("request_id").is_not_null())
    if bare.is_empty():
        return bare["trail"]
    numbers = evidence.ops.select("row", "w")
    bare = bare.join(numbers, on="row", how="left")
    asked = numbers.filter(pl.col("w").is_in(bare["w"].unique().implode()))
    asked = asked.with_columns(request_id=read_request_ids(evidence.history, asked["row"]))
    return bare.join(asked, on=["w", "request_id"], how="semi")["trail"]


def find_unlike(left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """The trails where two frames of as many rows differ, row by row."""
    unlike = (left["origin"] != right["origin"]) | (left["to"] != right["to"])
    if "request_id" in left.columns:
        unlike |= (left["request_id"] != right["request_id"]).fill_null(value=False)
    return left.filter(unlike.fill_null(value=True))["trail"]


def list_ids(evidence: Evidence, odd: pl.DataFrame) -> dict[int, Ids]:
    """The request ids that a row of each operation may tell, by row, in the workflows whose trails are looked at one by
    one: its own, or that of any request with its idempotency key.
    """
    rows = evidence.ops.filter(pl.col("w").is_in(odd["w"].unique().implode()))["row"]
    if rows.is_empty():
        return {}
    own = pl.DataFrame({"row": rows, "id": read_request_ids(evidence.history, rows)})
    keyed = evidence.history.encoded.select("row", *SAME).filter(pl.col("key").is_not_null())
    groups = keyed.join(own, on="row").group_by(SAME).agg("row", "id").select("row", "id")
    shared = {row: frozenset(ids) for members, ids in groups.iter_rows() for row in members}
    return {row: shared.get(row) or (UNTOLD if id_ is None else frozenset([id_])) for row, id_ in own.iter_rows()}


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
