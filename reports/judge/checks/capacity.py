"""capacity: of N requests for K units exactly min(N, K) win, each number told is true, no unit is given twice."""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import polars as pl

from reports.history.history import Record
from reports.judge.capacity_resources import (
    READINGS_MAX,
    Resource,
    gather_resources,
    list_lost_give_backs,
    list_with_returns,
)
from reports.judge.context import (
    CheckContext,
    Suspicion,
    conclude,
    doubt,
    fail,
    make_finding,
    not_applicable,
    report_rows,
)
from reports.judge.models.capacity import KINDS, UnitOperation, explain
from reports.judge.models.named_units import explain_names, find_names
from reports.judge.text.capacity_text import (
    describe_excess,
    describe_given_back_again,
    describe_given_back_twice,
    describe_given_twice,
    describe_left,
    describe_lost_give_back,
    describe_many_readings,
    describe_never_taken,
    describe_never_used_up,
    describe_no_names,
    describe_no_order,
    describe_refused_takes,
    describe_wrong_number,
)
from reports.judge.text.finding_text import Text, describe_timeout
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "capacity"
SHOWN_MAX = 5
ANSWERS_MAX = 2
# Of so many operations it is tried which ones contradict each other.
CORE_MAX = 500


def check_capacity(context: CheckContext) -> CheckResult:
    """Judges every resource of which a unit was asked for."""
    resources = gather_resources(context)
    if not resources:
        return not_applicable(CHECK, "no request asked for a unit of a resource", "takes")
    deadline_s = time.monotonic() + context.evidence.limits.linearizable_s
    suspicions: list[Suspicion] = []
    for resource in resources:
        suspicions += suspect_resource(context, resource, deadline_s)
        suspicions += suspect_lost_give_backs(context, resource)
    suspicions += doubt_refusals(context)
    if context.evidence.plan is not None and not any(each.is_used_up for each in resources):
        suspicions.append(doubt(report_never_used_up, len(resources)))
    takes = sum(each.kind == "take" for resource in resources for each in resource.operations)
    untold = sum(resource.units is None for resource in resources)
    reason = f"of {untold} of {len(resources)} resources no create told how many units they have" if untold else ""
    return replace(conclude(context, CHECK, judged=takes, unit="takes", suspicions=suspicions), reason=reason)


def suspect_resource(context: CheckContext, resource: Resource, deadline_s: float) -> list[Suspicion]:
    """What is wrong with a resource, however its give-backs are read; a doubt, if a reading leaves no more."""
    readings = list_with_returns(resource)
    if readings is None:
        return [doubt(report_many_readings, resource.name)]
    found: list[Suspicion] = []
    for each in readings:
        alone = [*suspect_units(context, each), *suspect_numbers(context, each, deadline_s)]
        suspicions = alone or suspect_names(context, each, deadline_s)
        if not suspicions:
            return []
        is_certain = any(one.verdict is Verdict.FAIL for one in suspicions)
        found = suspicions if not found or not is_certain else found
    return found


def suspect_lost_give_backs(context: CheckContext, resource: Resource) -> list[Suspicion]:
    """The give-backs that lost to nothing; a doubt if they were refused, which may have another reason."""
    describe = partial(describe_lost_give_back, resource.returns_after is not None)
    return [
        fail(report, context, pair, describe)
        if pair[0].outcome == "conflict"
        else doubt(report, context, pair, describe, Verdict.UNKNOWN)
        for pair in list_lost_give_backs(resource)
    ]


def doubt_refusals(context: CheckContext) -> list[Suspicion]:
    """The owner's takes that were refused: an answer that may mean that none was left proves nothing."""
    is_take = (pl.col("kind") == "take") & pl.col("mine") & (pl.col("outcome") == "refused")
    refused = context.ops.filter(is_take & ~context.touched_by_fault)
    if refused.is_empty():
        return []
    statuses = sorted(status for status in refused["status"].unique().to_list() if status is not None)
    describe = partial(describe_refused_takes, total=refused.height, statuses=statuses)
    return [doubt(report_rows, context, CHECK, describe, refused["row"][:SHOWN_MAX].to_list(), Verdict.UNKNOWN)]


def report_never_used_up(resources: int) -> Finding:
    return make_finding(CHECK, [], describe_never_used_up(resources), Verdict.UNKNOWN)


def suspect_units(context: CheckContext, resource: Resource) -> list[Suspicion]:
    """The units that were given out again before they were given back."""
    by_unit: dict[str, list[UnitOperation]] = {}
    for each in resource.moves:
        if each.unit is not None:
            by_unit.setdefault(each.unit, []).append(each)
    found: list[Suspicion] = []
    for unit, several in by_unit.items():
        is_plain = len(several) == 1 and (several[0].kind == "take" or not resource.is_created)
        operations = [] if is_plain else [replace(each, units=1, left=None) for each in several]
        if explain(1, operations) is Verdict.FAIL:
            limit_s = time.monotonic() + context.evidence.limits.workflow_s
            untold = [each for each in resource.untold if each.unit != unit]
            if untold and explain(1, [*operations, *untold], limit_s) is not Verdict.FAIL:
                continue
            found.append(fail(report, context, operations, choose_text(resource, operations, unit)))
    return found


def choose_text(
    resource: Resource, operations: Sequence[UnitOperation], unit: str
) -> Callable[[Sequence[Record]], Text]:
    """How to tell of operations on one unit that contradict each other."""
    if not any(each.kind == "take" for each in operations):
        return partial(describe_never_taken, unit)
    if all(each.kind == "take" or each.by_itself for each in operations):
        return partial(describe_given_twice, unit, resource.returns_after is not None)
    return partial(describe_given_back_twice, unit)


def suspect_names(context: CheckContext, resource: Resource, deadline_s: float) -> list[Suspicion]:
    """The names of units and their number, if each is explained by some order, and no order explains both."""
    units, operations = take_whole(resource)
    if not any(each.kind == "give_back" for each in resource.moves) or not find_names(operations):
        return []
    held = units // 2 if resource.units is None else 0
    workflow_s = context.evidence.limits.workflow_s
    verdict = explain_names(units, operations, min(time.monotonic() + workflow_s, deadline_s), held)
    if verdict is Verdict.PASS:
        return []
    if verdict is Verdict.UNKNOWN:
        return [doubt(report_timeout, resource.name, workflow_s)]
    return [fail(report, context, operations, partial(describe_no_names, resource.name))]


def take_whole(resource: Resource) -> tuple[int, list[UnitOperation]]:
    """How many units a resource has, and its operations. Where no create told a number, it has as many as can matter,
    half of them held by others, and no answer tells a number. Without a create, the name of a unit that no request took
    says nothing: it may have been taken before.
    """
    operations = list(resource.operations)
    if not resource.is_created:
        taken = {each.unit for each in operations if each.kind == "take"}
        operations = [each if each.unit in taken else replace(each, unit=None) for each in operations]
    if resource.units is not None:
        return resource.units, operations
    moves = [replace(each, left=None) for each in operations if each.outcome in ("won", "unknown")]
    return 2 * sum(each.units for each in moves if each.kind in KINDS), moves


def suspect_numbers(context: CheckContext, resource: Resource, deadline_s: float) -> list[Suspicion]:
    """The answers that no order of the operations explains."""
    units = resource.units
    if units is None:
        return []
    verdict = explain(units, resource.operations, deadline_s)
    if verdict is Verdict.PASS:
        return []
    if verdict is Verdict.UNKNOWN:
        return [doubt(report_timeout, resource.name, context.evidence.limits.linearizable_s)]
    if resource.again and explain(units, [*resource.operations, *resource.again], deadline_s) is Verdict.PASS:
        return [fail(report_again, context, resource, units, deadline_s)]
    winners = [each for each in resource.moves if each.outcome == "won"]
    if resource.only_falls and len(winners) > units:
        describe = partial(describe_excess, resource.name, units, len(winners), resource.returns_after is not None)
        return [fail(report, context, winners[-SHOWN_MAX:], describe)]
    alone = [found for each in resource.operations for found in suspect_number(context, resource, units, each)]
    return alone or [fail(report_core, context, resource, units, deadline_s)]


def suspect_number(context: CheckContext, resource: Resource, units: int, each: UnitOperation) -> list[Suspicion]:
    """An answer whose number cannot be right, however the takes were ordered."""
    is_refusal = each.kind == "take" and each.outcome == "conflict"
    if not resource.only_falls or each.outcome == "unknown" or (each.left is None and not is_refusal):
        return []
    won_itself = each.kind == "take" and each.outcome == "won"
    most = min(units, bisect_right(resource.begins, each.returned))
    least = bisect_left(resource.ends, each.invoked) + won_itself
    if is_refusal and most < units:
        return [fail(report_beside, context, resource, each, partial(describe_left, units, most))]
    if each.left is None or units - most <= each.left <= units - least:
        return []
    return [fail(report_beside, context, resource, each, partial(describe_wrong_number, units - most, units - least))]


def report_again(context: CheckContext, resource: Resource, units: int, deadline_s: float) -> Finding:
    """The give-backs that were counted once more, the last answers that show it, and the first give-backs. What shows
    it tells a number, or that none is left; or it is a take that won.
    """
    core = find_core(resource, units, deadline_s)
    shown = [each for each in core if each.left is not None or each.outcome == "conflict"]
    shown = (shown or [each for each in core if each.kind == "take"])[-ANSWERS_MAX:]
    again = resource.again[:SHOWN_MAX]
    first = [each for each in core if each.kind == "give_back" and each not in (*shown, *again)]
    describe = partial(describe_given_back_again, resource.name, units, (len(again), len(shown)))
    return report(context, [*again, *shown, *first[:SHOWN_MAX]], describe)


def report_core(context: CheckContext, resource: Resource, units: int, deadline_s: float) -> Finding:
    core = find_core(resource, units, deadline_s)
    return report(context, core, partial(describe_no_order, resource.name, units))


def find_core(resource: Resource, units: int, deadline_s: float) -> list[UnitOperation]:
    """The few operations that contradict each other, where they are found quickly; else all."""

    def is_contradiction(operations: Sequence[UnitOperation]) -> bool:
        return time.monotonic() < deadline_s and explain(units, operations, deadline_s) is Verdict.FAIL

    core = resource.operations
    return shrink(core, is_contradiction) if len(core) <= CORE_MAX else core


def shrink(operations: list[UnitOperation], holds: Callable[[Sequence[UnitOperation]], bool]) -> list[UnitOperation]:
    """Leaves out what can be left out while it holds: answers that changed nothing only, since a take explains others.

    Without a take that won, a refusal has no cause: it would be a contradiction of another kind.
    """
    kept = operations
    for each in [one for one in operations if one.kind not in KINDS or one.outcome == "conflict"]:
        fewer = [one for one in kept if one is not each]
        kept = fewer if holds(fewer) else kept
    return kept


def report_beside(
    context: CheckContext, resource: Resource, each: UnitOperation, describe: Callable[[Sequence[Record]], Text]
) -> Finding:
    """An operation, and the last of those that took a unit by its end."""
    before = [move for move in resource.moves if move.invoked <= each.returned and move is not each]
    return report(context, [each, *before[-SHOWN_MAX:]], describe)


def report(
    context: CheckContext,
    operations: Iterable[UnitOperation],
    describe: Callable[[Sequence[Record]], Text],
    verdict: Verdict = Verdict.FAIL,
) -> Finding:
    """The operations in the given order, in full, as `describe` tells of them."""
    rows = [each.row for each in operations if not each.by_itself]
    return report_rows(context, CHECK, describe, rows, verdict)


def report_many_readings(name: str) -> Finding:
    return make_finding(CHECK, [], describe_many_readings(name, READINGS_MAX), Verdict.UNKNOWN, workflow=name)


def report_timeout(name: str, limit_s: float) -> Finding:
    text = describe_timeout(name, limit_s)
    return make_finding(CHECK, [], text, Verdict.UNKNOWN, workflow=name)
