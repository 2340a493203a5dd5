"""durability: what was acknowledged survives a crash, and every other injected fault.

An acknowledged transition counts as lost only where something that was asked after a fault contradicts it: the trail,
where it was read then, else the answers. A workflow that contradicts itself without the fault says nothing here.
"""

import time
from collections.abc import Iterator
from functools import partial

import polars as pl

from reports.judge.context import Case, Suspicion, conclude, doubt, fail, not_applicable
from reports.judge.durability_words import say_indistinct, say_lost, say_missing, say_replaced
from reports.judge.faults import Fault, choose_likeliest
from reports.judge.lost_updates import Loss, OutOfTimeError, Struck
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.readings import Reading
from reports.judge.trails import explains
from reports.judge.verdict import CheckResult, Finding, Verdict
from reports.judge.words import say_timeout

CHECK = "durability"
Missing = tuple[Reading, Operation]


def check_durability(case: Case) -> CheckResult:
    """Judges the acknowledged transitions of which something was seen after a fault that may have struck them."""
    if not case.faults.all:
        return not_applicable(CHECK, "no fault was injected that can destroy anything", "transitions")
    risked = find_risked(case)
    if risked.is_empty():
        return not_applicable(CHECK, "of nothing that was acknowledged anything was seen after a fault", "transitions")
    suspicions = [*suspect_trails(case), *suspect_answers(case, risked["w"].unique().sort().to_list())]
    return conclude(case, CHECK, judged=risked.height, unit="transitions", suspicions=suspicions)


def find_risked(case: Case) -> pl.DataFrame:
    """row, w of the acknowledged transitions that a fault may have struck, and whose workflow was looked at then."""
    wins = case.ops.filter(pl.col("known") & (pl.col("kind") != "create")).select("row", "w", "invoked")
    looks = pl.concat(
        [
            case.ops.filter(pl.col("known") | pl.col("pure")).select("w", look="invoked"),
            case.evidence.trails.filter(pl.col("w").is_not_null()).select("w", look="read_ns"),
        ]
    )
    last = looks.group_by("w").agg(pl.col("look").max())
    wins = wins.join(last, on="w", how="left", maintain_order="left").with_columns(find_next_end(case, wins))
    return wins.filter(pl.col("over") < pl.col("look")).select("row", "w")


def find_next_end(case: Case, wins: pl.DataFrame) -> pl.Series:
    """When the first fault that may have struck each transition was over, from its invoke on; NEVER without one."""
    ends = pl.Series([*(fault.until for fault in case.faults.unnamed), NEVER], dtype=pl.Int64)
    anybodys = ends.gather(ends.search_sorted(wins["invoked"], side="left"))
    named = [(workflow, fault.until) for workflow, found in case.faults.named.items() for fault in found]
    mine = pl.DataFrame(named, schema={"workflow": pl.String, "until": pl.Int64}, orient="row")
    mine = mine.with_columns(case.evidence.number_workflows(mine["workflow"])).select("w", "until")
    met = wins.join(mine, on="w").filter(pl.col("until") >= pl.col("invoked"))
    first = met.group_by("row").agg(pl.col("until").min())
    theirs = wins.select("row").join(first, on="row", how="left", maintain_order="left")["until"]
    return pl.select(over=pl.min_horizontal(anybodys, theirs.fill_null(NEVER)))["over"]


def suspect_trails(case: Case) -> list[Suspicion]:
    """The transitions that a trail read after a fault does not have. An engine that leaves rows out where no fault was
    near may have left these out too.
    """
    found: list[Suspicion] = []
    calm: set[int] = set()
    left_out: int | None = None
    for reading, operation in find_missing(case):
        if not case.faults.any_during(reading.workflow, operation.invoked, reading.read_ns):
            calm.add(operation.row)
            left_out = operation.row if left_out is None and is_passed_over(reading, operation) else left_out
        elif operation.row not in calm:
            found += suspect_missing(case, reading, operation)
    return found if left_out is None or not found else [doubt(partial(word_indistinct, case, left_out))]


def find_missing(case: Case) -> Iterator[Missing]:
    """The acknowledged transitions of which a reading has no row that can be theirs, by the time of the reading."""
    for reading in sorted(case.odd_readings, key=lambda reading: reading.read_ns):
        for move in reading.moves:
            if move.certain and not any(explains(move, row) for row in reading.rows):
                yield reading, move.operation


def is_passed_over(reading: Reading, lost: Operation) -> bool:
    """Whether the trail has a row of a transition that came later, or contended with this one: then the missing row is
    no late one.
    """
    held = [move for move in reading.moves if move.certain and any(explains(move, row) for row in reading.rows)]
    return any(
        other.invoked > lost.returned or (set(other.expected) & set(lost.expected) and other.returned >= lost.invoked)
        for other in (move.operation for move in held)
    )


def suspect_missing(case: Case, reading: Reading, operation: Operation) -> list[Suspicion]:
    """One transition that is missing after a fault: lost, unless the answers before it contradicted each other. Where
    another one took its place it may have won nothing from the beginning, but for a fault that surely struck it.
    """
    faults = case.faults.between(reading.workflow, operation.invoked, reading.read_ns)
    if is_replaced(reading, operation):
        struck = [fault for fault in faults if fault.workflow is not None]
        if faults and not struck:
            return [doubt(partial(word_replaced, case, operation.row))]
        faults = struck
    if not faults:
        return []
    try:
        first = min(fault.at for fault in faults)
        clean = reading.w not in case.decision.suspects or lay_out(case, reading.w).explains_before(first)
    except OutOfTimeError:
        return [doubt(partial(word_timeout, case, reading.w))]
    return [fail(partial(word_missing, case, reading, operation, faults))] if clean else []


def is_replaced(reading: Reading, lost: Operation) -> bool:
    """Whether the trail says that others, none of them asked for after this one, had taken the state away in which it
    was due. Nothing takes it from an override.
    """
    earlier = [move for move in reading.moves if move.operation is not lost and move.operation.invoked <= lost.returned]
    taken = False
    for row in reading.rows:
        if lost.kind != "set" and any(explains(move, row) for move in earlier):
            taken = row.to not in lost.expected and (taken or row.origin in lost.expected)
    return taken


def suspect_answers(case: Case, struck: list[int]) -> list[Suspicion]:
    """The workflows without an explanation that have one if something acknowledged was lost. Those whose trail was read
    afterwards are not asked here: the trail tells more.
    """
    read = case.evidence.trails.filter(pl.col("w").is_not_null()).group_by("w").agg(pl.col("read_ns").max())
    last_read = dict(read.iter_rows())
    limit_s = time.monotonic() + case.evidence.limits.linearizable_s
    wrong_anyway = is_wrong_in_calm(case)
    suspicions: list[Suspicion] = []
    for w in sorted(set(struck) & set(case.decision.suspects)):
        if last_read.get(w, -NEVER) > case.evidence.slice(w)["invoked"].max():
            continue
        try:
            if w in case.decision.undecided or time.monotonic() > limit_s:
                raise OutOfTimeError
            laid = lay_out(case, w)
            loss = (laid.keep_moves() if wrong_anyway else laid).find_loss()
        except OutOfTimeError:
            suspicions.append(doubt(partial(word_timeout, case, w)))
            continue
        if loss is not None and last_read.get(w, -NEVER) <= loss.cut:
            suspicions.append(fail(partial(word_loss, case, w, loss)))
    return suspicions


def is_wrong_in_calm(case: Case) -> bool:
    """Whether some workflow has no explanation that no fault was near: then answers may be stale anywhere, and only
    transitions count.
    """
    for w in case.decision.failed:
        calls = case.evidence.slice(w).filter(pl.col("returned") < NEVER)
        begin, end = min(calls["invoked"].to_list(), default=0), max(calls["returned"].to_list(), default=0)
        if not case.faults.any_during(case.workflow_name(w), begin, end):
            return True
    return False


def lay_out(case: Case, w: int) -> Struck:
    """A workflow, ready to be asked for what it lost."""
    operations, starts = case.lay_out(w)
    untils = [fault.until for fault in case.faults.between(case.workflow_name(w), -NEVER, NEVER)]
    deadline_s = time.monotonic() + case.evidence.limits.workflow_s
    return Struck(operations, starts, case.evidence.graph, untils, deadline_s)


def word_loss(case: Case, w: int, loss: Loss) -> Finding:
    workflow, first, last = case.workflow_name(w), loss.lost[0], loss.lost[-1]
    faults = case.faults.between(workflow, first.invoked, loss.cut + 1)
    fault = choose_likeliest(faults, last.invoked, last.returned)
    records = case.records([*(each.row for each in loss.lost), loss.seen.row])
    title, words = say_lost(records[:-1], records[-1], faults, fault)
    return Finding(CHECK, Verdict.FAIL, title, words, tuple(each["id"] for each in records), workflow)


def word_missing(case: Case, reading: Reading, operation: Operation, faults: list[Fault]) -> Finding:
    fault = choose_likeliest(faults, operation.invoked, operation.returned)
    record = case.records([operation.row])[0]
    title, words = say_missing(record, reading.read_ns, faults, fault)
    return Finding(CHECK, Verdict.FAIL, title, words, (record["id"],), reading.workflow, record["race"])


def word_replaced(case: Case, row: int) -> Finding:
    record = case.records([row])[0]
    title, words = say_replaced(record)
    return Finding(CHECK, Verdict.UNKNOWN, title, words, (record["id"],), record["workflow"], record["race"])


def word_indistinct(case: Case, row: int) -> Finding:
    record = case.records([row])[0]
    title, words = say_indistinct(record)
    return Finding(CHECK, Verdict.UNKNOWN, title, words, (record["id"],), record["workflow"], record["race"])


def word_timeout(case: Case, w: int) -> Finding:
    workflow = case.workflow_name(w)
    title, words = say_timeout(workflow, f"within {case.evidence.limits.workflow_s:g} s")
    return Finding(CHECK, Verdict.UNKNOWN, title, words, (), workflow)
