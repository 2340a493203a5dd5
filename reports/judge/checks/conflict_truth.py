"""conflict-truth: every conflict is justified by a moment of its own call."""

from collections.abc import Iterator
from functools import partial

import polars as pl

from reports.judge.context import CheckContext, conclude, fail, not_applicable, report_row
from reports.judge.evidence.creates import find_early
from reports.judge.evidence.trail_readings import is_older
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.timeline import Timeline
from reports.judge.text.finding_text import describe_timed, describe_unjustified
from reports.judge.text.short_forms import show_state, show_states
from reports.judge.verdict import CheckResult

CHECK = "conflict-truth"
MOVERS = "no request that won, or may have won,"
OTHERS = "no request but itself, as the trail shows,"
UNBORN = "It was answered before the workflow's create was invoked: there was no state that could justify it."


def check_conflict_truth(context: CheckContext) -> CheckResult:
    """Where an order explains the workflow, it justifies its conflicts, but for those that tell a state that they
    expected: an order needs no such state. These, and all of the other workflows, are held against the timeline.
    """
    conflicts = int((context.ops["pure"] & (context.ops["outcome"] == "conflict")).sum())
    if not conflicts:
        return not_applicable(CHECK, "no move was answered with a conflict", "conflicts")
    early = find_early(context.evidence).filter(pl.col("outcome") == "conflict")
    told_early = early["row"].to_list()
    lies = [(row, UNBORN) for row in told_early]
    for w in sorted({*context.decision.suspects, *find_tellers(context)}):
        lies += [(row, why) for row, why in find_lies(context, w) if row not in told_early]
    suspicions = [fail(report_row, context, CHECK, partial(describe_unjustified, why=why), row) for row, why in lies]
    return conclude(context, CHECK, judged=conflicts, unit="conflicts", suspicions=suspicions)


def find_lies(context: CheckContext, w: int) -> Iterator[tuple[int, str]]:
    """The rows of the conflicts of a workflow that nothing justifies, each with why.

    A row of the trail that no request explains may justify a conflict, but not the one whose own row it is.
    """
    operations, starts = context.lay_out(w)
    rows = find_unexplained(context, w, operations)
    timeline = Timeline([*operations, *to_moves(rows)], starts, context.evidence.graph)
    conflicts = [each for each in operations if each.outcome == "conflict"]
    asked = pl.Series([each.row for each in conflicts], dtype=pl.UInt32)
    ids = context.read_request_ids(asked).to_list() if rows["request_id"].count() else [None] * len(conflicts)
    for conflict, id_ in zip(conflicts, ids, strict=True):
        others = rows.filter(pl.col("request_id").ne_missing(pl.lit(id_, dtype=pl.String)))
        if id_ is None or others.height == rows.height:
            why = find_lie(timeline, conflict, MOVERS)
        else:
            alone = Timeline([*operations, *to_moves(others)], starts, context.evidence.graph)
            why = find_lie(alone, conflict, OTHERS)
        if why is not None:
            yield conflict.row, why


def find_unexplained(context: CheckContext, w: int, operations: list[Operation]) -> pl.DataFrame:
    """The transitions that the trail has, and no operation explains (from, to, request_id). Which request took effect
    though it was told otherwise is for `audit` to say, and a conflict that is due to it true.

    None where the workflow may be older than the history: they may be of before it.
    """
    rows = context.evidence.trails.filter(
        (pl.col("w") == w) & pl.col("from").is_not_null() & pl.col("to").is_not_null()
    )
    rows = rows.select("trail", pl.col("from", "to").cast(pl.String), "request_id")
    if is_older(context.evidence, w):
        return rows.clear()
    moves = [each for each in operations if each.is_move]
    edges = rows.group_by("trail", "from", "to").len().group_by("from", "to").agg(pl.col("len").max())
    free = [
        (origin, to)
        for origin, to, times in edges.sort("from", "to").iter_rows()
        if times > sum(each.next == to and (each.kind == "set" or origin in each.expected) for each in moves)
    ]
    found = pl.DataFrame(free, schema={"from": pl.String, "to": pl.String}, orient="row")
    return rows.join(found, on=["from", "to"], how="inner", maintain_order="left").unique(
        ["from", "to", "request_id"], maintain_order=True
    )


def to_moves(rows: pl.DataFrame) -> list[Operation]:
    """Each edge of the rows as a transition that may have happened at any moment."""
    edges = rows.select("from", "to").unique(maintain_order=True)
    return [Operation(-1, "advance", "unknown", (origin,), to, None, -NEVER, NEVER) for origin, to in edges.iter_rows()]


def find_tellers(context: CheckContext) -> list[int]:
    """The workflows with a conflict that tells a state that it expected."""
    single, several = pl.col("wants") == 1, pl.col("wants") > 1
    told = single & (pl.col("observed") == pl.col("want"))
    told |= several & context.evidence.belongs(pl.col("set"), pl.col("observed"))
    conflict = pl.col("pure") & (pl.col("outcome") == "conflict")
    return context.ops.lazy().filter(conflict & told).select(pl.col("w").unique()).collect()["w"].to_list()


def find_lie(timeline: Timeline, conflict: Operation, movers: str = MOVERS) -> str | None:
    """Why nothing justifies a conflict; None when something may."""
    told, expected, graph = conflict.observed, conflict.expected, timeline.graph
    due = tuple(
        state for state in expected if graph is None or conflict.next is None or (state, conflict.next) in graph.edges
    )
    call = (conflict.invoked, conflict.returned)
    shown = None if told is None else show_state(told)
    if told in due and not timeline.could_enter(told, *call):
        return (
            f"It was told {shown}, the very state that it was due in, and {movers} can have led there during the call."
        )
    if told is not None and told not in due:
        if not timeline.could_be(told, *call):
            alone = describe_timed(graph, None, told)
            return f"It was told {shown}, and {movers} can have brought the workflow there by then.{alone}"
        if told not in expected:
            return None
    if due and timeline.surely_within(due, *call):
        states = show_states(due)
        return f"It expected {states}, the edge is legal, and {movers} can have led out of it during the call."
    return None
