"""linearizable: some order of the operations, respecting real time, explains every answer."""

from dataclasses import replace

from reports.judge.context import CheckContext, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.evidence.linearizability_decision import Undecided
from reports.judge.searches.conflict_core import find_conflict_core
from reports.judge.text.finding_text import describe_contradiction, describe_create_contradiction
from reports.judge.verdict import CheckResult, Finding

CHECK = "linearizable"


def check_linearizable(context: CheckContext) -> CheckResult:
    """Fails for each workflow that no order explains, names a minimal set of operations that contradict each other."""
    if context.ops.is_empty():
        return not_applicable(CHECK, "the history holds no operation")
    graph = context.evidence.graph
    if graph is not None and not graph.edges and not graph.timed:
        return not_applicable(CHECK, "the target has no [workflow]")
    decision = context.decision
    suspicions = [fail(report_failure, context, found) for found in decision.failed.values()]
    suspicions += [doubt(context.report_timeout, CHECK, w) for w in decision.undecided]
    reason = (
        f"{len(decision.searched)} of {context.evidence.workflows} workflows needed the exact search"
        if decision.searched
        else ""
    )
    return conclude(context, CHECK, judged=context.ops.height, unit="operations", suspicions=suspicions, reason=reason)


def report_failure(context: CheckContext, found: Undecided) -> Finding:
    if found.core:
        records = sorted(context.records(found.core), key=lambda record: record.invoked_ns)
        text = describe_create_contradiction(records)
    else:
        core = find_conflict_core(
            found.operations,
            found.starts,
            found.searched.conflict_core,
            context.evidence.graph,
            context.evidence.limits.explain_s,
        )
        records = context.records(operation.row for operation in core.operations)
        text = describe_contradiction(records, core.start, is_minimal=core.is_minimal, graph=context.evidence.graph)
    return replace(make_finding(CHECK, records, text), race=None)
