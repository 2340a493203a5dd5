"""conflict-truth: every conflict is justified by a moment of its own call."""

from functools import partial

from reports.case import Case, Suspicion, conclude, fail, not_applicable
from reports.model import Operation
from reports.timeline import Timeline
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import say_unjustified

CHECK = "conflict-truth"


def check_conflict_truth(case: Case) -> CheckResult:
    """Where an order explains the workflow, it justifies its conflicts; elsewhere each is held against the timeline."""
    conflicts = int((case.ops["pure"] & (case.ops["outcome"] == "conflict")).sum())
    if not conflicts:
        return not_applicable(CHECK, "nothing was answered with a conflict", "conflicts")
    suspicions: list[Suspicion] = []
    for w in case.decision.suspects:
        operations, starts = case.lay_out(w)
        timeline = Timeline(operations, starts, case.evidence.graph)
        for operation in operations:
            why = find_lie(timeline, operation) if operation.outcome == "conflict" else None
            if why is not None:
                suspicions.append(fail(partial(word_lie, case, operation.row, why)))
    return conclude(case, CHECK, judged=conflicts, unit="conflicts", suspicions=suspicions)


def find_lie(timeline: Timeline, conflict: Operation) -> str | None:
    """Why nothing justifies a conflict; None when something may."""
    told, expected, graph = conflict.told, conflict.expected, timeline.graph
    if told is not None and told not in expected:
        if timeline.could_be(told, conflict.invoked, conflict.returned):
            return None
        return f"It was told {told}, a state that the workflow was not in at any moment of the call."
    due = tuple(
        state for state in expected if graph is None or conflict.next is None or (state, conflict.next) in graph.edges
    )
    if due and timeline.surely_within(due, conflict.invoked, conflict.returned):
        states = " or ".join(due)
        return f"During the whole call the workflow was in {states}, as the request expected, and the edge is legal."
    return None


def word_lie(case: Case, row: int, why: str) -> Finding:
    record = case.records([row])[0]
    title, words = say_unjustified(record, why)
    return Finding(CHECK, Verdict.FAIL, title, words, (record["id"],), record["workflow"], record["race"])
