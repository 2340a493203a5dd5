"""linearizable: some order of the operations, respecting real time, explains every answer."""

from functools import partial

from reports.judge.context import Case, conclude, doubt, fail, not_applicable
from reports.judge.decision import Undecided
from reports.judge.explain import explain
from reports.judge.verdict import CheckResult, Finding, Verdict
from reports.judge.words import say_contradiction, say_misbirth, say_timeout

CHECK = "linearizable"


def check_linearizable(case: Case) -> CheckResult:
    """Fails for each workflow that no order explains, names a minimal set of operations that contradict each other."""
    if case.ops.is_empty():
        return not_applicable(CHECK, "the history holds no operation")
    decision = case.decision
    suspicions = [fail(partial(word_failure, case, found)) for found in decision.failed.values()]
    suspicions += [doubt(partial(word_timeout, case, w)) for w in decision.undecided]
    reason = (
        f"{len(decision.searched)} of {case.evidence.workflows} workflows needed the exact search"
        if decision.searched
        else ""
    )
    return conclude(case, CHECK, judged=case.ops.height, unit="operations", suspicions=suspicions, reason=reason)


def word_failure(case: Case, found: Undecided) -> Finding:
    if found.core:
        records = sorted(case.records(found.core), key=lambda record: record["invoked_ns"])
        title, words = say_misbirth(records)
    else:
        explanation = explain(
            found.operations,
            found.starts,
            found.searched.witnesses,
            case.evidence.graph,
            case.evidence.limits.explain_s,
        )
        records = case.records(operation.row for operation in explanation.operations)
        title, words = say_contradiction(records, explanation.start, is_minimal=explanation.is_minimal)
    ids = tuple(record["id"] for record in records)
    return Finding(CHECK, Verdict.FAIL, title, words, ids, case.workflow_name(found.w))


def word_timeout(case: Case, w: int) -> Finding:
    workflow = case.workflow_name(w)
    title, words = say_timeout(workflow, f"within {case.evidence.limits.workflow_s:g} s")
    return Finding(CHECK, Verdict.UNKNOWN, title, words, (), workflow)
