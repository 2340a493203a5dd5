"""durability: what was acknowledged survives a crash, and every other injected fault.

An acknowledged transition counts as lost only where something that was asked after a fault contradicts it: the trail,
where it was read then, else the answers. A workflow that contradicts itself without the fault says nothing here.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from reports.judge.context import (
    CheckContext,
    Suspicion,
    conclude,
    doubt,
    fail,
    make_finding,
    not_applicable,
    report_row,
)
from reports.judge.evidence.faults import Fault, choose_likeliest
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.lost_transitions import FaultedWorkflow, Loss, OutOfTimeError
from reports.judge.searches.trail_matching import TrailReading, explains
from reports.judge.text.durability_text import describe_indistinct, describe_lost, describe_missing, describe_replaced
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "durability"
Missing = tuple[TrailReading, Operation]


def check_durability(context: CheckContext) -> CheckResult:
    """Judges the acknowledged transitions of which something was seen after a fault that may have struck them."""
    if not context.faults.all:
        return not_applicable(CHECK, "no fault was injected that can destroy anything", "transitions")
    risked = find_risked(context)
    if risked.is_empty():
        return not_applicable(CHECK, "of nothing that was acknowledged anything was seen after a fault", "transitions")
    suspicions = [*suspect_trails(context), *suspect_answers(context, risked["w"].unique().sort().to_list())]
    return conclude(context, CHECK, judged=risked.height, unit="transitions", suspicions=suspicions)


def find_risked(context: CheckContext) -> pl.DataFrame:
    """row, w of the acknowledged transitions that a fault may have struck, and whose workflow was looked at then."""
    wins = context.ops.filter(pl.col("known") & (pl.col("kind") != "create")).select("row", "w", "invoked")
    looks = pl.concat(
        [
            context.ops.filter(pl.col("known") | pl.col("pure")).select("w", look="invoked"),
            context.evidence.trails.filter(pl.col("w").is_not_null()).select("w", look="read_ns"),
        ]
    )
    last = looks.group_by("w").agg(pl.col("look").max())
    wins = wins.join(last, on="w", how="left", maintain_order="left").with_columns(find_next_end(context, wins))
    return wins.filter(pl.col("over") < pl.col("look")).select("row", "w")


def find_next_end(context: CheckContext, wins: pl.DataFrame) -> pl.Series:
    """When the first fault that may have struck each transition was over, from its invoke on; NEVER without one."""
    ends = pl.Series([*(fault.until for fault in context.faults.unnamed), NEVER], dtype=pl.Int64)
    unnamed = ends.gather(ends.search_sorted(wins["invoked"], side="left"))
    named = [(workflow, fault.until) for workflow, found in context.faults.named.items() for fault in found]
    mine = pl.DataFrame(named, schema={"workflow": pl.String, "until": pl.Int64}, orient="row")
    mine = mine.with_columns(context.evidence.number_workflows(mine["workflow"])).select("w", "until")
    met = wins.join(mine, on="w").filter(pl.col("until") >= pl.col("invoked"))
    first = met.group_by("row").agg(pl.col("until").min())
    named_over = wins.select("row").join(first, on="row", how="left", maintain_order="left")["until"]
    return pl.select(over=pl.min_horizontal(unnamed, named_over.fill_null(NEVER)))["over"]


def suspect_trails(context: CheckContext) -> list[Suspicion]:
    """The transitions that a trail read after a fault does not have. An engine that leaves rows out where no fault was
    near may have left these out too.
    """
    found: list[Suspicion] = []
    calm: set[int] = set()
    left_out: int | None = None
    for reading, operation in find_missing(context):
        if not context.faults.any_during(reading.workflow, operation.invoked, reading.read_ns):
            calm.add(operation.row)
            left_out = operation.row if left_out is None and is_passed_over(reading, operation) else left_out
        elif operation.row not in calm:
            found += suspect_missing(context, reading, operation)
    if left_out is None or not found:
        return found
    return [doubt(report_row, context, CHECK, describe_indistinct, left_out, Verdict.UNKNOWN)]


def find_missing(context: CheckContext) -> Iterator[Missing]:
    """The acknowledged transitions of which a reading has no row that can be named_over, by the time of the reading."""
    for reading in sorted(context.odd_readings, key=lambda reading: reading.read_ns):
        for move in reading.moves:
            if move.certain and not any(explains(move, row) for row in reading.rows):
                yield reading, move.operation


def is_passed_over(reading: TrailReading, lost: Operation) -> bool:
    """Whether the trail has a row of a transition that came later, or contended with this one: then the missing row is
    no late one.
    """
    held = [move for move in reading.moves if move.certain and any(explains(move, row) for row in reading.rows)]
    return any(
        other.invoked > lost.returned or (set(other.expected) & set(lost.expected) and other.returned >= lost.invoked)
        for other in (move.operation for move in held)
    )


def suspect_missing(context: CheckContext, reading: TrailReading, operation: Operation) -> list[Suspicion]:
    """One transition that is missing after a fault: lost, unless the answers before it contradicted each other. Where
    another one took its place it may have won nothing from the beginning, but for a fault that surely struck it.
    """
    faults = context.faults.between(reading.workflow, operation.invoked, reading.read_ns)
    if is_replaced(reading, operation):
        struck = [fault for fault in faults if fault.workflow is not None]
        if faults and not struck:
            return [doubt(report_row, context, CHECK, describe_replaced, operation.row, Verdict.UNKNOWN)]
        faults = struck
    if not faults:
        return []
    try:
        first = min(fault.at for fault in faults)
        clean = reading.w not in context.decision.suspects or lay_out(context, reading.w).explains_before(first)
    except OutOfTimeError:
        return [doubt(context.report_timeout, CHECK, reading.w)]
    return [fail(report_missing, context, reading, operation, faults)] if clean else []


def is_replaced(reading: TrailReading, lost: Operation) -> bool:
    """Whether the trail says that others, none of them asked for after this one, had taken the state away in which it
    was due. Nothing takes it from an override.
    """
    earlier = [move for move in reading.moves if move.operation is not lost and move.operation.invoked <= lost.returned]
    taken = False
    for row in reading.rows:
        if lost.kind != "set" and any(explains(move, row) for move in earlier):
            taken = row.to not in lost.expected and (taken or row.origin in lost.expected)
    return taken


def suspect_answers(context: CheckContext, struck: list[int]) -> list[Suspicion]:
    """The workflows without an explanation that have one if something acknowledged was lost. Those whose trail was read
    afterwards are not asked here: the trail tells more.
    """
    read = context.evidence.trails.filter(pl.col("w").is_not_null()).group_by("w").agg(pl.col("read_ns").max())
    last_read = dict(read.iter_rows())
    limit_s = time.monotonic() + context.evidence.limits.linearizable_s
    wrong_anyway = is_wrong_in_calm(context)
    suspicions: list[Suspicion] = []
    for w in sorted(set(struck) & set(context.decision.suspects)):
        if last_read.get(w, -NEVER) > context.evidence.slice(w)["invoked"].max():
            continue
        try:
            if w in context.decision.undecided or time.monotonic() > limit_s:
                raise OutOfTimeError
            laid = lay_out(context, w)
            loss = (laid.keep_moves() if wrong_anyway else laid).find_loss()
        except OutOfTimeError:
            suspicions.append(doubt(context.report_timeout, CHECK, w))
            continue
        if loss is not None and last_read.get(w, -NEVER) <= loss.cut:
            suspicions.append(fail(report_loss, context, w, loss))
    return suspicions


def is_wrong_in_calm(context: CheckContext) -> bool:
    """Whether some workflow has no explanation that no fault was near: then answers may be stale anywhere, and only
    transitions count.
    """
    for w in context.decision.failed:
        calls = context.evidence.slice(w).filter(pl.col("returned") < NEVER)
        begin, end = min(calls["invoked"].to_list(), default=0), max(calls["returned"].to_list(), default=0)
        if not context.faults.any_during(context.evidence.name_workflow(w), begin, end):
            return True
    return False


def lay_out(context: CheckContext, w: int) -> FaultedWorkflow:
    """A workflow, ready to be asked for what it lost."""
    operations, starts = context.lay_out(w)
    untils = [fault.until for fault in context.faults.between(context.evidence.name_workflow(w), -NEVER, NEVER)]
    deadline_s = time.monotonic() + context.evidence.limits.workflow_s
    return FaultedWorkflow(operations, starts, context.evidence.graph, untils, deadline_s)


def report_loss(context: CheckContext, w: int, loss: Loss) -> Finding:
    workflow, first, last = context.evidence.name_workflow(w), loss.lost[0], loss.lost[-1]
    faults = context.faults.between(workflow, first.invoked, loss.cut + 1)
    fault = choose_likeliest(faults, last.invoked, last.returned)
    records = context.records([*(each.row for each in loss.lost), loss.seen.row])
    finding = make_finding(CHECK, records, describe_lost(records[:-1], records[-1], faults, fault))
    return replace(finding, race=None)


def report_missing(context: CheckContext, reading: TrailReading, operation: Operation, faults: list[Fault]) -> Finding:
    fault = choose_likeliest(faults, operation.invoked, operation.returned)
    [record] = context.records([operation.row])
    return make_finding(CHECK, [record], describe_missing(record, reading.read_ns, faults, fault))
