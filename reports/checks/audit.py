"""audit: the trail is a legal, unbroken chain of exactly the winners.

A second, independent verdict in linear time. Trails that hold exactly the acknowledged transitions, edge by edge,
are judged all at once; the few others are matched one by one.
"""

from collections.abc import Iterable
from functools import partial

import polars as pl

from reports.case import Case, Record, Suspicion, conclude, fail, not_applicable
from reports.model import NEVER
from reports.trails import Break, Mismatch, Move, Row, find_break, match
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import read_detail, say_trail

CHECK = "audit"


def check_audit(case: Case) -> CheckResult:
    """Judges every reading of every trail against the operations, each for its own time."""
    rows = case.evidence.trails.filter(pl.col("w").is_not_null())
    if rows.is_empty():
        return not_applicable(CHECK, "the history has no audit trail", "trails")
    rows = rows.with_columns(pl.col("from", "to").to_physical())
    trails = rows.select("trail", "w", "read_ns").unique("trail", keep="first").sort("trail")
    odd = trails.filter(pl.col("trail").is_in(find_odd(case, rows, trails)))
    by_trail = rows.join(odd, on="trail", how="semi").partition_by("trail", as_dict=True)
    ids = find_request_ids(case, odd)
    suspicions: list[Suspicion] = []
    for trail, w, read_ns in odd.iter_rows():
        suspicions += judge_trail(case, by_trail[(trail,)], w, read_ns, ids)
    return conclude(case, CHECK, judged=trails.height, unit="trails", suspicions=suspicions)


def find_odd(case: Case, rows: pl.DataFrame, trails: pl.DataFrame) -> list[int]:
    """The trails that are not, at first sight, a legal chain of exactly the acknowledged transitions."""
    moved = (pl.col("known") & (pl.col("kind") != "create")) | pl.col("maybe")
    moves = case.ops.filter(moved).select("row", "w", "kind", "outcome", "want", "wants", "next", "returned")
    plain = (pl.col("kind") == "advance") & (pl.col("outcome") == "won") & (pl.col("wants") == 1)
    vague = moves.filter(~plain)["w"].unique()
    rows = rows.filter(pl.col("to").is_not_null() & pl.col("from").is_not_null()).sort("trail", "position")
    starts = case.evidence.starts.with_columns(pl.col("state").replace(case.evidence.unborn, None))
    created = (
        case.ops.filter(pl.col("known") & (pl.col("kind") == "create"))
        .unique("w", keep="first")
        .select("w", first="next")
    )
    starts = starts.join(created, on="w", how="left").select("w", start=pl.coalesce("state", "first"))
    rows = rows.join(starts, on="w", how="left", maintain_order="left")
    same = pl.col("trail") == pl.col("trail").shift()
    due = pl.when(same.fill_null(value=False)).then(pl.col("to").shift()).otherwise("start")
    wrong = rows.filter(
        (due.is_not_null() & (pl.col("from") != due)) | ~case.evidence.lawful(pl.col("from"), pl.col("to"))
    )["trail"]
    uneven = compare_edges(case, rows, moves.join(trails, on="w", maintain_order="left"))
    doubtful = trails.filter(pl.col("w").is_in(vague.implode()))["trail"]
    return pl.concat([wrong, uneven, doubtful]).unique().to_list()


def compare_edges(case: Case, rows: pl.DataFrame, moves: pl.DataFrame) -> pl.Series:
    """The trails whose rows are not the given transitions, as multisets of edges and, where both tell, request ids."""
    held = rows.group_by("trail").agg(held=pl.len())
    due = moves.group_by("trail").agg(due=pl.len(), last=pl.col("returned").max(), read_ns=pl.col("read_ns").first())
    counts = due.join(held, on="trail", how="full", coalesce=True)
    uneven = pl.col("held").ne_missing(pl.col("due")) | (pl.col("last") >= pl.col("read_ns"))
    odd = counts.filter(uneven)["trail"]
    fair = pl.col("trail").is_in(odd.implode()).not_()
    left = moves.filter(fair).select("trail", "row", origin="want", to="next").sort("trail", maintain_order=True)
    right = rows.filter(fair).select("trail", "request_id", origin="from", to="to")
    if right["request_id"].null_count() < right.height:
        left = left.with_columns(request_id=case.read_request_ids(left["row"]))
    # Nearly always the rows stand in the order of the invokes; the few other trails are compared again, sorted.
    unlike = pl.col("trail").is_in(find_unlike(left, right).unique().implode())
    edge = ("trail", "origin", "to")
    return pl.concat([odd, find_unlike(left.filter(unlike).sort(edge), right.filter(unlike).sort(edge))])


def find_unlike(left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """The trails where two frames of as many rows differ, row by row."""
    unlike = (left["origin"] != right["origin"]) | (left["to"] != right["to"])
    if "request_id" in left.columns:
        unlike |= (left["request_id"] != right["request_id"]).fill_null(value=False)
    return left.filter(unlike.fill_null(value=True))["trail"]


def find_request_ids(case: Case, odd: pl.DataFrame) -> dict[int, str | None]:
    """The request id of every transition, by row, in the workflows whose trails are looked at one by one."""
    moved = pl.col("known") | pl.col("maybe")
    rows = case.ops.filter(moved & pl.col("w").is_in(odd["w"].unique().implode()))["row"]
    return dict(zip(rows.to_list(), case.read_request_ids(rows).to_list(), strict=True)) if rows.len() else {}


def judge_trail(case: Case, rows: pl.DataFrame, w: int, read_ns: int, ids: dict[int, str | None]) -> list[Suspicion]:
    """Everything that is wrong with one reading of a trail."""
    names, graph = case.evidence.names, case.evidence.graph
    entries = rows.filter(pl.col("to").is_not_null() & pl.col("from").is_not_null()).sort("position")
    held = [
        Row(names[origin], names[to], request_id)
        for origin, to, request_id in entries.select("from", "to", "request_id").iter_rows()
    ]
    moves, start = find_moves(case, w, read_ns, ids)
    workflow = str(rows["workflow"][0])
    found: list[Suspicion] = []
    for row in dict.fromkeys(held):
        by_set = any(move.operation.kind == "set" and move.operation.next == row.to for move in moves)
        if graph and not graph.allows(row.origin, row.to) and not by_set:
            what = f"has a row {row.origin} -> {row.to}, which is no legal edge"
            found.append(fail(partial(word, case, workflow, what, "", ())))
    broken = find_break(held, start)
    if broken is not None:
        found.append(fail(partial(word_break, case, workflow, held, broken, moves)))
    return found + suspect_mismatch(case, workflow, held, moves, match(held, moves), w)


def find_moves(case: Case, w: int, read_ns: int, ids: dict[int, str | None]) -> tuple[list[Move], str | None]:
    """The transitions that a trail read at `read_ns` must hold, or may; and the state that its first row must leave."""
    operations, starts = case.evidence.lay_out(w)
    created = [each.told for each in operations if each.kind == "create" and each.outcome == "ok"]
    start = created[0] if created else starts[0] if len(starts) == 1 else None
    moves = [each for each in operations if each.kind in ("advance", "set") and each.outcome in ("won", "unknown")]
    moves = [each for each in moves if each.invoked <= read_ns]
    sure = [each.outcome == "won" and each.returned < min(read_ns, NEVER) for each in moves]
    return [Move(each, ids[each.row], certain) for each, certain in zip(moves, sure, strict=True)], start


def suspect_mismatch(
    case: Case, workflow: str, held: list[Row], moves: list[Move], mismatch: Mismatch, w: int
) -> list[Suspicion]:
    found = []
    for number in mismatch.moves:
        operation = moves[number].operation
        found.append(fail(partial(word_missing, case, workflow, operation.row)))
    return found + [fail(partial(word_unexplained, case, workflow, held[number], w)) for number in mismatch.rows]


def word_break(case: Case, workflow: str, held: list[Row], broken: Break, moves: list[Move]) -> Finding:
    row = held[broken.row]
    if broken.twice:
        before = held[broken.row - 1]
        both = f"{before.origin} -> {before.to} and {row.origin} -> {row.to}"
        what = f"has two rows out of one visit of {row.origin}: {both}"
    elif broken.row == 0:
        what = f"begins with {row.origin} -> {row.to}, but the workflow began in {broken.due}"
    else:
        what = f"is broken: the row {row.origin} -> {row.to} comes when the workflow was in {broken.due}"
    edges = {(row.origin, row.to)} | ({(held[broken.row - 1].origin, held[broken.row - 1].to)} if broken.row else set())
    rows = [
        move.operation.row
        for move in moves
        if any(move.operation.next == to and origin in move.operation.expected for origin, to in edges)
    ]
    return word(case, workflow, what, "", rows)


def word_missing(case: Case, workflow: str, row: int) -> Finding:
    record = case.records([row])[0]
    what = f"has no row of {record['id']}, which won {'|'.join(record['expected'] or ())} -> {record['next']}"
    return word(case, workflow, what, "The win was acknowledged before the trail was read.", [row])


def word_unexplained(case: Case, workflow: str, row: Row, w: int) -> Finding:
    what = f"has a row {row.origin} -> {row.to} that neither a win nor an unknown request explains"
    asked = case.evidence.slice(w)
    named = [
        record
        for record in case.records(asked["row"])
        if row.request_id and read_detail(record).get("request_id") == row.request_id
    ]
    why = f"It names the request {row.request_id}" if row.request_id else ""
    why += f", which was answered {named[0]['outcome']}." if named else "." if why else ""
    return word(case, workflow, what, why, [record["row"] for record in named])


def word(case: Case, workflow: str, what: str, why: str, rows: Iterable[int]) -> Finding:
    records: list[Record] = case.records(rows)
    title, words = say_trail(workflow, what, why, records)
    return Finding(CHECK, Verdict.FAIL, title, words, tuple(record["id"] for record in records), workflow)
