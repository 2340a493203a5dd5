"""final-state: after quiescence, a read agrees with the last transition."""

from dataclasses import replace

import polars as pl

from reports.judge.context import CheckContext, Suspicion, conclude, fail, make_finding, not_applicable
from reports.judge.models.workflow import Operation
from reports.judge.searches.linearizability_search import ANOTHER_STATE
from reports.judge.searches.timeline import Timeline
from reports.judge.text.finding_text import describe_wrong_end
from reports.judge.text.short_forms import show_state
from reports.judge.verdict import CheckResult, Finding

CHECK = "final-state"


def check_final_state(context: CheckContext) -> CheckResult:
    """Judges the last read of each workflow, where it was invoked after every known transition had returned."""
    ops = context.ops.lazy()
    read = pl.col("pure") & (pl.col("kind") == "read") & (pl.col("outcome") == "ok") & pl.col("observed").is_not_null()
    last = ops.filter(read).group_by("w").agg(pl.col("begins").max()).collect()
    if last.is_empty():
        return not_applicable(CHECK, "no read told a state", "workflows")
    moved = ops.filter("known").group_by("w").agg(pl.col("ends").max().alias("moved")).collect()
    final = last.join(moved, on="w", how="left").filter(
        pl.col("moved").is_null() | (pl.col("moved") < pl.col("begins"))
    )
    if final.is_empty():
        return not_applicable(CHECK, "no workflow was read after its last transition", "workflows")
    suspicions: list[Suspicion] = []
    for w in sorted(set(context.decision.suspects) & set(final["w"].to_list())):
        operations, starts = context.lay_out(w)
        read_last = find_last_read(operations)
        if not Timeline(operations, starts, context.evidence.graph).could_be(
            str(read_last.observed), read_last.invoked, read_last.returned
        ):
            suspicions.append(fail(report_end, context, operations, starts, read_last))
    return conclude(context, CHECK, judged=final.height, unit="workflows", suspicions=suspicions)


def find_last_read(operations: list[Operation]) -> Operation:
    reads = [each for each in operations if each.kind == "read" and each.outcome == "ok" and each.observed is not None]
    return max(reads, key=lambda each: each.invoked)


def report_end(
    context: CheckContext, operations: list[Operation], starts: list[str | None], read: Operation
) -> Finding:
    timeline = Timeline(operations, starts, context.evidence.graph)
    moves = [each for each in timeline.moves if each.outcome != "unknown"]
    begun_last = max((each.invoked for each in moves), default=0)
    last = [each for each in moves if each.returned >= begun_last]
    named = {each.leads_to for each in timeline.moves} | set(starts)
    ends = sorted(
        "another state" if state == ANOTHER_STATE else show_state(state)
        for state in named
        if state is not None and timeline.could_be(state, read.invoked, read.returned)
    )
    *before, record = context.records([*(each.row for each in last), read.row])
    return replace(make_finding(CHECK, [*before, record], describe_wrong_end(record, before, ends)), race=None)
