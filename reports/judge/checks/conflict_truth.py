"""conflict-truth: every conflict is justified by a moment of its own call."""

from functools import partial

import polars as pl

from reports.judge.births import find_early
from reports.judge.context import Case, conclude, fail, not_applicable
from reports.judge.interleaving import show_state
from reports.judge.lost_updates import is_move
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.readings import is_older
from reports.judge.timeline import Timeline
from reports.judge.verdict import CheckResult, Finding, Verdict
from reports.judge.words import say_unjustified

CHECK = "conflict-truth"
UNBORN = "It was answered before the workflow's create was invoked: there was no state that could justify it."


def check_conflict_truth(case: Case) -> CheckResult:
    """Where an order explains the workflow, it justifies its conflicts, but for those that tell a state that they
    expected: an order needs no such state. These, and all of the other workflows, are held against the timeline.
    """
    conflicts = int((case.ops["pure"] & (case.ops["outcome"] == "conflict")).sum())
    if not conflicts:
        return not_applicable(CHECK, "nothing was answered with a conflict", "conflicts")
    early = find_early(case.evidence).filter(pl.col("outcome") == "conflict")
    told_early = early["row"].to_list()
    suspicions = [fail(partial(word_lie, case, row, UNBORN)) for row in told_early]
    for w in sorted({*case.decision.suspects, *find_tellers(case)}):
        operations, starts = case.lay_out(w)
        timeline = Timeline([*operations, *find_shown(case, w, operations)], starts, case.evidence.graph)
        for operation in operations:
            is_judged = operation.outcome == "conflict" and operation.row not in told_early
            why = find_lie(timeline, operation) if is_judged else None
            if why is not None:
                suspicions.append(fail(partial(word_lie, case, operation.row, why)))
    return conclude(case, CHECK, judged=conflicts, unit="conflicts", suspicions=suspicions)


def find_shown(case: Case, w: int, operations: list[Operation]) -> list[Operation]:
    """The transitions that the trail has, and no operation explains, each as one that may have happened at any moment:
    which request took effect though it was told otherwise is for `audit` to say, and a conflict that is due to it true.
    Where the workflow may be older than the history, they may be of before it.
    """
    if is_older(case.evidence, w):
        return []
    moves = [each for each in operations if is_move(each)]
    rows = case.evidence.trails.filter((pl.col("w") == w) & pl.col("from").is_not_null() & pl.col("to").is_not_null())
    edges = rows.select("trail", pl.col("from", "to").cast(pl.String)).group_by("trail", "from", "to").len()
    most = edges.group_by("from", "to").agg(pl.col("len").max()).sort("from", "to")
    return [
        Operation(-1, "advance", "unknown", (origin,), to, None, -NEVER, NEVER)
        for origin, to, times in most.iter_rows()
        if times > sum(each.next == to and (each.kind == "set" or origin in each.expected) for each in moves)
    ]


def find_tellers(case: Case) -> list[int]:
    """The workflows with a conflict that tells a state that it expected."""
    single, several = pl.col("wants") == 1, pl.col("wants") > 1
    told = single & (pl.col("told") == pl.col("want"))
    told |= several & case.evidence.belongs(pl.col("set"), pl.col("told"))
    conflict = pl.col("pure") & (pl.col("outcome") == "conflict")
    return case.ops.lazy().filter(conflict & told).select(pl.col("w").unique()).collect()["w"].to_list()


def find_lie(timeline: Timeline, conflict: Operation) -> str | None:
    """Why nothing justifies a conflict; None when something may."""
    told, expected, graph = conflict.told, conflict.expected, timeline.graph
    due = tuple(
        state for state in expected if graph is None or conflict.next is None or (state, conflict.next) in graph.edges
    )
    call, movers = (conflict.invoked, conflict.returned), "no request that won, or may have won,"
    shown = None if told is None else show_state(told)
    if told in due and not timeline.could_enter(told, *call):
        return (
            f"It was told {shown}, the very state that it was due in, and {movers} can have led there during the call."
        )
    if told is not None and told not in due:
        if not timeline.could_be(told, *call):
            return f"It was told {shown}, and {movers} can have brought the workflow there by then."
        if told not in expected:
            return None
    if due and timeline.surely_within(due, *call):
        states = " or ".join(map(show_state, due))
        return f"It expected {states}, the edge is legal, and {movers} can have led out of it during the call."
    return None


def word_lie(case: Case, row: int, why: str) -> Finding:
    record = case.records([row])[0]
    title, words = say_unjustified(record, why)
    return Finding(CHECK, Verdict.FAIL, title, words, (record["id"],), record["workflow"], record["race"])
