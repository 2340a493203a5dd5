"""conflict-truth: every conflict is justified by a moment of its own call."""

from functools import partial

import polars as pl

from reports.births import find_early
from reports.case import Case, conclude, fail, not_applicable
from reports.losses import is_move
from reports.model import NEVER, Operation
from reports.readings import is_older
from reports.timeline import Timeline
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import say_unjustified

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
    asked = {(state, each.next) for each in operations if is_move(each) for state in each.expected}
    sets = {each.next for each in operations if is_move(each) and each.kind == "set"}
    rows = case.evidence.trails.filter((pl.col("w") == w) & pl.col("from").is_not_null() & pl.col("to").is_not_null())
    shown = rows.select(pl.col("from", "to").cast(pl.String)).unique(maintain_order=True).iter_rows()
    return [
        Operation(-1, "advance", "unknown", (origin,), to, None, -NEVER, NEVER)
        for origin, to in shown
        if (origin, to) not in asked and to not in sets
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
    if told is not None and told in due and not timeline.could_enter(told, conflict.invoked, conflict.returned):
        return f"It was told {told}, the very state that it was due in, and nothing led there during the call."
    if told is not None and told not in due:
        if not timeline.could_be(told, conflict.invoked, conflict.returned):
            return f"It was told {told}, a state that the workflow was not in at any moment of the call."
        if told not in expected:
            return None
    if due and timeline.surely_within(due, conflict.invoked, conflict.returned):
        states = " or ".join(due)
        return f"During the whole call the workflow was in {states}, as the request expected, and the edge is legal."
    return None


def word_lie(case: Case, row: int, why: str) -> Finding:
    record = case.records([row])[0]
    title, words = say_unjustified(record, why)
    return Finding(CHECK, Verdict.FAIL, title, words, (record["id"],), record["workflow"], record["race"])
