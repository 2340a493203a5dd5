"""capacity: of N requests for K units exactly min(N, K) win, each number told is true, no unit is given twice."""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import polars as pl

from reports.history.history import Record
from reports.judge.capacity_text import (
    describe_excess,
    describe_given_back_again,
    describe_given_back_twice,
    describe_given_twice,
    describe_left,
    describe_never_taken,
    describe_never_used_up,
    describe_no_names,
    describe_no_order,
    describe_refused_takes,
    describe_wrong_number,
)
from reports.judge.context import CheckContext, Suspicion, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.finding_text import Text, describe_timeout
from reports.judge.models.capacity import UnitOperation, explain
from reports.judge.models.named_units import count_unnamed, explain_names, find_names
from reports.judge.models.workflow import NEVER
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "capacity"
KINDS = ("take", "give_back")
TOLD = ("units", "left", "unit", "returns_after_ns")
SHOWN_MAX = 5
# Of so many operations it is tried which ones contradict each other.
CORE_MAX = 500


@dataclass
class Resource:
    """The operations of one resource, by invoke. `is_created`: a create is among the requests, so no unit was taken
    before. `units` is how many it had, where its create told; `returns_after` how long after a take its unit may come
    back by itself, in nanoseconds. `again` are give-backs of a unit for which another give-back of it stands: they give
    back nothing.
    """

    name: str
    is_created: bool = False
    units: int | None = None
    returns_after: int | None = None
    operations: list[UnitOperation] = field(default_factory=list)
    again: list[UnitOperation] = field(default_factory=list)

    @cached_property
    def moves(self) -> list[UnitOperation]:
        """Those that took effect, or may have."""
        return [each for each in self.operations if each.kind in KINDS and each.outcome in ("won", "unknown")]

    @cached_property
    def untold(self) -> list[UnitOperation]:
        """Those about a unit whose name they did not tell, as operations on any one unit: each may have taken it, or
        given it back.
        """
        untold = [each for each in self.moves if count_unnamed(each) > 0]
        return [replace(each, units=1, left=None, outcome="unknown") for each in untold]

    @cached_property
    def begins(self) -> list[int]:
        """When the takes that won, or may have, were invoked; ascending."""
        return sorted(each.invoked for each in self.moves)

    @cached_property
    def ends(self) -> list[int]:
        """When the takes that won returned; ascending."""
        return sorted(each.returned for each in self.moves if each.outcome == "won")

    @property
    def is_used_up(self) -> bool:
        """Whether there was a moment at which none was left: before it, no take can be one too many."""
        if any(each.kind == "take" and each.outcome == "conflict" for each in self.operations):
            return True
        return self.units is not None and sum(each.kind == "take" for each in self.moves) >= self.units

    @property
    def only_falls(self) -> bool:
        """Whether the number that is left only falls, by one at a time."""
        return all(each.kind == "take" for each in self.moves) and all(each.units == 1 for each in self.operations)


def check_capacity(context: CheckContext) -> CheckResult:
    """Judges every resource of which a unit was asked for."""
    resources = gather_resources(context)
    if not resources:
        return not_applicable(CHECK, "no request asked for a unit of a resource", "takes")
    deadline_s = time.monotonic() + context.evidence.limits.linearizable_s
    suspicions: list[Suspicion] = []
    for resource in resources:
        alone = [*suspect_units(context, resource), *suspect_numbers(context, resource, deadline_s)]
        suspicions += alone or suspect_names(context, resource, deadline_s)
    suspicions += doubt_refusals(context)
    if context.evidence.plan is not None and not any(each.is_used_up for each in resources):
        suspicions.append(doubt(partial(report_never_used_up, len(resources))))
    takes = sum(each.kind == "take" for resource in resources for each in resource.operations)
    untold = sum(resource.units is None for resource in resources)
    reason = f"of {untold} of {len(resources)} resources no create told how many units they have" if untold else ""
    return replace(conclude(context, CHECK, judged=takes, unit="takes", suspicions=suspicions), reason=reason)


def gather_resources(context: CheckContext) -> list[Resource]:
    """The resources of the history. Refused and busy operations say nothing; of other tenants only what they were told
    that they took: an unknown request of theirs must take nothing.
    """
    told = context.evidence.history.frame.with_row_index("row").select("row", "kind", *TOLD)
    says = pl.any_horizontal(pl.col("left", "returns_after_ns").is_not_null())
    asked = told.filter(pl.col("kind").is_in([*KINDS, "create"]) | says).drop("kind").collect()
    outcome, mine = pl.col("outcome"), pl.col("mine")
    ops = context.ops.join(context.elsewhere, on="row", how="anti", maintain_order="left")
    ops = ops.join(asked, on="row", maintain_order="left")
    ops = ops.filter((outcome == "won") | outcome.is_in(["ok", "conflict", "unknown"]) & mine)
    ops = ops.filter(pl.col("kind").is_in(KINDS).any().over("w"))
    columns = ["w", "kind", "outcome", "row", "invoked", "returned", "repeated", *TOLD]
    found: dict[int, Resource] = {}
    for w, kind, outcome_, row, invoked, returned, repeated, *told_ in ops.select(columns).iter_rows():
        units, left, unit, returns_after = told_
        resource = found.get(w) or found.setdefault(w, Resource(context.workflow_name(w)))
        is_unknown = outcome_ == "unknown"
        if kind == "create":
            resource.is_created |= outcome_ == "ok"
            if outcome_ == "ok" and (left is not None or returns_after is not None):
                resource.units, resource.returns_after = left, returns_after
        elif kind in KINDS or not is_unknown:
            ends = NEVER if is_unknown else returned
            asked_for = 1 if units is None else units
            place = resource.again if repeated else resource.operations
            place.append(UnitOperation(row, kind, outcome_, invoked, ends, asked_for, left, unit))
    return [admit_returns(admit_again(resource)) for resource in found.values()]


def admit_again(resource: Resource) -> Resource:
    """The resource with the give-backs that were sent again and may have taken effect again: their unit has a name, and
    may have been taken once more before.
    """
    takes = [each for each in resource.operations if each.kind == "take" and each.outcome in ("won", "unknown")]
    admitted = [
        replace(each, again=True)
        for each in resource.again
        if each.kind == "give_back" and each.unit is not None and count_takes(takes, each) > 1
    ]
    if not admitted:
        return resource
    rows = {each.row for each in admitted}
    operations = sorted([*resource.operations, *admitted], key=lambda each: each.invoked)
    return replace(resource, operations=operations, again=[each for each in resource.again if each.row not in rows])


def admit_returns(resource: Resource) -> Resource:
    """The resource with what may have happened without a request: the unit of a take comes back by itself.

    A give-back that was answered before that could happen stands for it. A later one may have given back nothing.
    """
    after = resource.returns_after
    takes = [each for each in resource.operations if each.kind == "take" and each.outcome in ("won", "unknown")]
    if after is None or not takes:
        return resource
    open_takes, late = list(takes), set[int]()
    for each in resource.operations:
        if each.kind != "give_back" or each.outcome != "won":
            continue
        may_be_its = (one for one in takes if each.unit is None or one.unit in (None, each.unit))
        if any(one.invoked + after <= each.returned for one in may_be_its):
            late.add(each.row)
        elif alike := [one for one in open_takes if is_given_back(one, each)]:
            # Which of them it gave back is not known where several overlap: then those that may return first stay.
            open_takes.remove(max(alike, key=lambda one: one.invoked))
    end = max(each.invoked if each.returned == NEVER else each.returned for each in resource.operations)
    returns = [come_back(each, after) for each in open_takes if each.invoked + after <= end]
    operations = [replace(each, again=True) if each.row in late else each for each in resource.operations]
    return replace(resource, operations=sorted([*operations, *returns], key=lambda each: each.invoked))


def is_given_back(take: UnitOperation, give_back: UnitOperation) -> bool:
    """Whether the give-back may be of what this take got: as many units, of the same name, and not before the take."""
    is_alike = take.units == give_back.units and take.unit == give_back.unit
    return is_alike and take.invoked <= give_back.returned


def come_back(take: UnitOperation, after: int) -> UnitOperation:
    """The return of its unit, which may come so long after it, or never."""
    begins = take.invoked + after
    return replace(take, kind="give_back", outcome="unknown", invoked=begins, returned=NEVER, left=None, by_itself=True)


def count_takes(takes: Iterable[UnitOperation], give_back: UnitOperation) -> int:
    """How many of these takes may have got its unit before it returned."""
    return sum(each.unit in (None, give_back.unit) and each.invoked <= give_back.returned for each in takes)


def doubt_refusals(context: CheckContext) -> list[Suspicion]:
    """The owner's takes that were refused: an answer that may mean that none was left proves nothing."""
    is_take = (pl.col("kind") == "take") & pl.col("mine") & (pl.col("outcome") == "refused")
    refused = context.ops.filter(is_take & ~context.touched_by_fault)
    if refused.is_empty():
        return []
    statuses = sorted(status for status in refused["status"].unique().to_list() if status is not None)
    return [doubt(partial(report_refused, context, refused["row"][:SHOWN_MAX].to_list(), refused.height, statuses))]


def report_refused(context: CheckContext, rows: list[int], total: int, statuses: list[int]) -> Finding:
    records = context.records(rows)
    return make_finding(CHECK, records, describe_refused_takes(records, total, statuses), Verdict.UNKNOWN)


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
            found.append(fail(partial(report, context, operations, partial(choose_text(operations), unit))))
    return found


def choose_text(operations: Sequence[UnitOperation]) -> Callable[[str, Sequence[Record]], Text]:
    """How to tell of operations on one unit that contradict each other."""
    if not any(each.kind == "take" for each in operations):
        return describe_never_taken
    is_taken_only = all(each.kind == "take" or each.by_itself for each in operations)
    return describe_given_twice if is_taken_only else describe_given_back_twice


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
        return [doubt(partial(report_timeout, resource.name, workflow_s))]
    return [fail(partial(report, context, operations, partial(describe_no_names, resource.name)))]


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
        return [doubt(partial(report_timeout, resource.name, context.evidence.limits.linearizable_s))]
    if resource.again and explain(units, [*resource.operations, *resource.again], deadline_s) is Verdict.PASS:
        describe = partial(describe_given_back_again, resource.name)
        return [fail(partial(report, context, resource.again[:SHOWN_MAX], describe))]
    winners = [each for each in resource.moves if each.outcome == "won"]
    if resource.only_falls and len(winners) > units:
        describe = partial(describe_excess, resource.name, units, len(winners))
        return [fail(partial(report, context, winners[-SHOWN_MAX:], describe))]
    alone = [found for each in resource.operations for found in suspect_number(context, resource, units, each)]
    return alone or [fail(partial(report_core, context, resource, units, deadline_s))]


def suspect_number(context: CheckContext, resource: Resource, units: int, each: UnitOperation) -> list[Suspicion]:
    """An answer whose number cannot be right, however the takes were ordered."""
    is_refusal = each.kind == "take" and each.outcome == "conflict"
    if not resource.only_falls or each.outcome == "unknown" or (each.left is None and not is_refusal):
        return []
    won_itself = each.kind == "take" and each.outcome == "won"
    most = min(units, bisect_right(resource.begins, each.returned))
    least = bisect_left(resource.ends, each.invoked) + won_itself
    if is_refusal and most < units:
        return [fail(partial(report_beside, context, resource, each, partial(tell_left, units, most)))]
    if each.left is None or units - most <= each.left <= units - least:
        return []
    return [fail(partial(report_beside, context, resource, each, partial(tell_number, units - most, units - least)))]


def tell_left(units: int, taken: int, records: Sequence[Record]) -> Text:
    return describe_left(records[0], units, taken, records[1:])


def tell_number(least: int, most: int, records: Sequence[Record]) -> Text:
    return describe_wrong_number(records[0], least, most, records[1:])


def report_core(context: CheckContext, resource: Resource, units: int, deadline_s: float) -> Finding:
    """The few operations that contradict each other, where they are found quickly; else the first ones."""

    def is_contradiction(operations: Sequence[UnitOperation]) -> bool:
        return time.monotonic() < deadline_s and explain(units, operations, deadline_s) is Verdict.FAIL

    core = resource.operations
    if len(core) <= CORE_MAX:
        core = shrink(core, is_contradiction)
    return report(context, core, partial(describe_no_order, resource.name, units))


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
    context: CheckContext, operations: Iterable[UnitOperation], describe: Callable[[Sequence[Record]], Text]
) -> Finding:
    """The operations in the given order, in full, as `describe` tells of them."""
    rows = [each.row for each in operations if not each.by_itself]
    by_row = {record.row: record for record in context.records(rows)}
    records = [by_row[row] for row in rows]
    return make_finding(CHECK, records, describe(records))


def report_timeout(name: str, limit_s: float) -> Finding:
    text = describe_timeout(name, limit_s)
    return make_finding(CHECK, [], text, Verdict.UNKNOWN, workflow=name)
