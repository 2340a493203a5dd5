"""precondition: a request that carried a version was carried out only while that version was current, and was told that
it was stale only when it was not.
"""

import time
from collections.abc import Sequence
from functools import partial

from reports.judge.context import CheckContext, Suspicion, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.precondition_text import (
    describe_contradictory,
    describe_false_stale,
    describe_lost_update,
    describe_told_again,
)
from reports.judge.verdict import CheckResult, Finding, Verdict
from reports.judge.version_decision import Lost
from reports.judge.version_search import TOUCH, VersionSearch
from reports.judge.versions import Told

CHECK = "precondition"
NAMED_MAX = 3  # of the changes in between


def check_precondition(context: CheckContext) -> CheckResult:
    """Fails for each workflow in which no order of the operations explains what requests carried."""
    decision = context.version_decision
    if not decision.judged:
        return not_applicable(CHECK, "no request carried a version that an answer had told", "requests")
    suspicions: list[Suspicion] = [fail(partial(report_lost, context, lost)) for lost in decision.failed.values()]
    suspicions += [
        doubt(partial(report_contradictory, context, w, search)) for w, search in decision.contradictory.items()
    ]
    suspicions += [doubt(partial(context.report_timeout, CHECK, w)) for w in decision.undecided]
    reason = describe_told_again(decision.told_again)
    return conclude(context, CHECK, judged=decision.judged, unit="requests", suspicions=suspicions, reason=reason)


def report_lost(context: CheckContext, lost: Lost) -> Finding:
    """The requests that contradict what was told, with the answers that told their version, and what changed it."""
    culprits = lost.find_culprits(time.monotonic() + context.evidence.limits.explain_s)
    told = find_sources(lost.search, culprits)
    between = find_between(lost.search, culprits, told)
    rows = dict.fromkeys([each.row for each in culprits] + [each.row for each in told] + [each.row for each in between])
    records = context.records(rows)
    by_row = {record.row: record for record in records}
    accused, sources = [by_row[each.row] for each in culprits], [by_row[each.row] for each in told]
    if culprits[-1].outcome == "stale":
        text = describe_false_stale(accused, sources, records)
    else:
        text = describe_lost_update(accused, sources, [by_row[each.row] for each in between], records)
    return make_finding(CHECK, records, text)


def find_sources(search: VersionSearch, culprits: Sequence[Operation]) -> list[Told]:
    """For each version that was carried, the last firm answer that told it before, else the last one of any sort."""
    found: dict[str, Told] = {}
    for culprit in culprits:
        told = [each for each in search.versions.told if each.version == culprit.carried and each.row != culprit.row]
        before = [each for each in told if each.returned <= culprit.invoked] or told
        best = max(before, key=lambda each: (each.firm, each.returned), default=None)
        if best is not None and culprit.carried is not None:
            found.setdefault(culprit.carried, best)
    return list(found.values())


def find_between(search: VersionSearch, culprits: Sequence[Operation], told: Sequence[Told]) -> list[Operation]:
    """The last changes that may lie between the answers that told the versions and the last of the requests."""
    rows = {each.row for each in culprits} | {each.row for each in told}
    since = min((each.invoked for each in told), default=-NEVER)
    until = max(each.returned for each in culprits)
    changes = [
        each
        for each in search.operations
        if each.row not in rows and not each.is_pure and each.kind != "create" and each.outcome != "unknown"
        if each.returned >= since and each.invoked <= until
    ]
    moves = [each for each in changes if each.kind != TOUCH] or changes
    return sorted(moves, key=lambda each: each.invoked)[-NAMED_MAX:]


def report_contradictory(context: CheckContext, w: int, search: VersionSearch) -> Finding:
    told = [each.row for each in search.versions.told if each.firm]
    records = context.records(told)
    text = describe_contradictory(context.workflow_name(w), records)
    return make_finding(CHECK, records, text, Verdict.UNKNOWN, workflow=context.workflow_name(w))
