"""precondition: a request that carried a version was carried out only while that version was current, and was told that
it was stale only when it was not.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from reports.history.history import Record
from reports.judge.context import CheckContext, Suspicion, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.evidence.version_decision import Lost
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.version_search import TOUCH, Told, VersionSearch
from reports.judge.text.finding_text import Text
from reports.judge.text.precondition_text import (
    describe_contradictory,
    describe_false_stale,
    describe_lost_update,
    describe_odd_moves,
    describe_old_version,
    describe_told_again,
)
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "precondition"
NAMED_MAX = 3  # of the changes in between


def check_precondition(context: CheckContext) -> CheckResult:
    """Fails for each workflow in which no order of the operations explains what requests carried."""
    decision = context.version_decision
    if not decision.judged:
        return not_applicable(CHECK, "no request carried a version that an answer had told", "requests")
    suspicions: list[Suspicion] = [fail(report_lost, context, lost) for lost in decision.failed.values()]
    deadline_s = time.monotonic() + context.evidence.limits.linearizable_s
    suspicions += [
        suspect_contradictory(context, w, search, deadline_s) for w, search in decision.contradictory.items()
    ]
    suspicions += [doubt(context.report_timeout, CHECK, w) for w in decision.undecided]
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


def suspect_contradictory(context: CheckContext, w: int, search: VersionSearch, deadline_s: float) -> Suspicion:
    """Told versions that contradict each other: a move that told an old one is wrong; of others it is not known."""
    limit_s = min(time.monotonic() + context.evidence.limits.workflow_s, deadline_s)
    odd = find_odd_moves(replace(search, deadline_s=limit_s))
    old = [each for each in odd if is_old(search, each)]
    if old:
        return fail(report_odd_moves, context, w, search, old, describe_old_version)
    if odd:
        return doubt(report_odd_moves, context, w, search, odd, describe_odd_moves, Verdict.UNKNOWN)
    return doubt(report_contradictory, context, w, search)


def find_odd_moves(search: VersionSearch) -> list[Operation]:
    """Moves that told a version which contradicts the other answers, if these agree without what the moves told."""
    moves = [each for each in search.operations if each.told is not None and each.outcome == "won"]
    if not moves or leave_told(search, None).search_told().verdict is not Verdict.PASS:
        return []
    return [each for each in moves if leave_told(search, each.row).search_told().verdict is Verdict.FAIL]


def leave_told(search: VersionSearch, row: int | None) -> VersionSearch:
    """The search without what moves told, but for one of them."""
    operations = [
        replace(each, told=None) if each.outcome == "won" and each.row != row else each for each in search.operations
    ]
    return replace(search, operations=operations)


def is_old(search: VersionSearch, move: Operation) -> bool:
    """Whether another answer had told that version before the move. Without moves that need no request: the service may
    have looked again after one of them.
    """
    if search.graph is not None and search.graph.timed:
        return False
    before = (each for each in search.versions.told if each.firm and each.returned < move.invoked)
    return any(each.version == move.told for each in before)


def report_odd_moves(
    context: CheckContext,
    w: int,
    search: VersionSearch,
    moves: Sequence[Operation],
    describe: Callable[[str, Sequence[tuple[Record, Record | None]], Sequence[Record]], Text],
    verdict: Verdict = Verdict.FAIL,
) -> Finding:
    """The first of the moves, each with the next answer that told a version."""
    told = sorted((each for each in search.versions.told if each.firm), key=lambda each: each.invoked)
    shown = moves[:NAMED_MAX]
    later = [next((each.row for each in told if each.invoked > move.returned), None) for move in shown]
    rows = [row for pair in zip((move.row for move in shown), later, strict=True) for row in pair if row is not None]
    records = context.records(dict.fromkeys(rows))
    by_row = {record.row: record for record in records}
    pairs = [(by_row[move.row], None if row is None else by_row[row]) for move, row in zip(shown, later, strict=True)]
    name = context.evidence.name_workflow(w)
    return make_finding(CHECK, records, describe(name, pairs, records), verdict, workflow=name)


def report_contradictory(context: CheckContext, w: int, search: VersionSearch) -> Finding:
    told = [each.row for each in search.versions.told if each.firm]
    records = context.records(told)
    text = describe_contradictory(context.evidence.name_workflow(w), records)
    return make_finding(CHECK, records, text, Verdict.UNKNOWN, workflow=context.evidence.name_workflow(w))
