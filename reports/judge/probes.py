"""Probes: questions that a source asked beside its operations, and what a fault excuses of them."""

from reports.history.events import AccessDenied, Hidden, Probe, Unsent
from reports.judge.context import CheckContext, Suspicion, fail, make_finding
from reports.judge.text.finding_text import (
    describe_probe,
)
from reports.judge.verdict import Finding


def find_probes(context: CheckContext, check: str) -> list[Probe]:
    return [event for event in context.evidence.history.having(Probe) if event.check == check]


def suspect_probes(check: str, probes: list[Probe]) -> list[Suspicion]:
    return [fail(report_probe, check, probe) for probe in probes if probe.problem]


def report_probe(check: str, probe: Probe) -> Finding:
    return make_finding(check, (), describe_probe(probe))


def is_excused(context: CheckContext, question: Probe | Hidden | AccessDenied | Unsent) -> bool:
    """Whether a fault touched a question that is no operation: a fault of its workflow, or of any. A question
    that does not tell when it was is never excused.
    """
    span = question.span
    if span is None:
        return False
    if question.workflow is not None and context.faults.any_during(question.workflow, *span):
        return True
    of_any = context.faults.meetings if question.workflow is not None else context.faults.all + context.faults.meetings
    return any(fault.at <= span[1] and fault.until >= span[0] for fault in of_any)
