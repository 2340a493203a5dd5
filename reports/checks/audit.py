"""audit: the trail is a legal, unbroken chain of exactly the winners, it only grows, and no answer contradicts it.

Trails that hold exactly the acknowledged transitions, edge by edge, are passed all at once (reports/readings.py); the
few others are matched one by one, and searched for an order that explains them (reports/testimony.py).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from reports.case import Case, Record, Suspicion, conclude, doubt, fail, not_applicable
from reports.readings import Reading
from reports.testimony import Testimony, find_disorder, find_end, find_rewritten
from reports.trails import Break, Mismatch, Move, Row, find_break, match
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import read_detail, say_trail

CHECK = "audit"


def check_audit(case: Case) -> CheckResult:
    """Judges every reading of every trail against the operations, each for its own time."""
    trails = case.evidence.trails.filter(pl.col("w").is_not_null())["trail"].n_unique()
    if not trails:
        return not_applicable(CHECK, "the history has no audit trail", "trails")
    by_workflow: dict[int, list[Reading]] = {}
    for reading in sorted(case.odd_readings, key=lambda reading: reading.read_ns):
        by_workflow.setdefault(reading.w, []).append(reading)
    rewritten = find_rewritten(case.evidence.trails).to_dicts()
    suspicions = [fail(partial(word_rewritten, case, row)) for row in rewritten]
    distrusted = {*case.decision.suspects, *(row["w"] for row in rewritten)}
    deadline_s = time.monotonic() + case.evidence.limits.linearizable_s
    for w, readings in by_workflow.items():
        found = [each for reading in readings for each in judge_reading(case, reading)]
        suspicions += found
        if not found and w not in distrusted:
            suspicions += suspect_testimony(case, w, readings, deadline_s)
    return conclude(case, CHECK, judged=trails, unit="trails", suspicions=suspicions)


def suspect_testimony(case: Case, w: int, readings: Sequence[Reading], deadline_s: float) -> list[Suspicion]:
    """Whether what was answered and what the trail says, each of which can be true, can both be."""
    limit_s = min(deadline_s, time.monotonic() + case.evidence.limits.workflow_s)
    wide = case.evidence.history.clock_uncertainty_ns
    testimony = Testimony(*case.lay_out(w), case.evidence.graph, readings, wide, limit_s)
    verdict = testimony.examine().verdict
    if verdict is Verdict.FAIL:
        return [fail(partial(word_contradiction, case, testimony))]
    return [doubt(partial(word_undecided, readings[0].workflow))] if verdict is Verdict.UNKNOWN else []


def judge_reading(case: Case, reading: Reading) -> list[Suspicion]:
    """Everything that is wrong with one reading of a trail, by itself."""
    graph, workflow, moves = case.evidence.graph, reading.workflow, reading.moves
    found: list[Suspicion] = []
    for row in dict.fromkeys(reading.rows):
        by_set = any(move.operation.kind == "set" and move.operation.next == row.to for move in moves)
        if graph and not graph.allows(row.origin, row.to) and not by_set:
            what = f"has a row {row.origin} -> {row.to}, which is no legal edge"
            found.append(fail(partial(word, case, workflow, what, "", ())))
    older = count_older(reading)
    broken = find_break(reading.rows, None if older else reading.start)
    if broken is not None:
        found.append(fail(partial(word_break, case, workflow, reading.rows, broken, moves)))
    rows = reading.rows[older:]
    found += suspect_mismatch(case, workflow, rows, moves, match(rows, moves), reading.w)
    disorder = find_disorder(rows, moves)
    if disorder is not None and not found:
        found.append(fail(partial(word_disorder, case, workflow, rows, disorder, moves)))
    return found


def count_older(reading: Reading) -> int:
    """How many of the first rows are of what happened before this history: as few as leave everything else explained,
    and lead to where it began.
    """
    for count in range(len(reading.rows) + 1 if reading.is_older else 0):
        leads = not count or reading.start in (None, reading.rows[count - 1].to)
        if leads and match(reading.rows[count:], reading.moves) == Mismatch((), ()):
            return count
    return 0


def suspect_mismatch(
    case: Case, workflow: str, held: Sequence[Row], moves: Sequence[Move], mismatch: Mismatch, w: int
) -> list[Suspicion]:
    found = []
    for number in mismatch.moves:
        operation = moves[number].operation
        found.append(fail(partial(word_missing, case, workflow, operation.row)))
    return found + [fail(partial(word_unexplained, case, workflow, held[number], w)) for number in mismatch.rows]


def word_break(case: Case, workflow: str, held: Sequence[Row], broken: Break, moves: Sequence[Move]) -> Finding:
    row = held[broken.row]
    if broken.twice:
        before = held[broken.row - 1]
        both = f"{before.origin} -> {before.to} and {row.origin} -> {row.to}"
        what = f"has two rows out of one visit of {row.origin}: {both}"
    elif broken.row == 0:
        what = f"begins with {row.origin} -> {row.to}, but the workflow began in {broken.due}"
    else:
        what = f"is broken: the row {row.origin} -> {row.to} comes when the workflow was in {broken.due}"
    edges = {(row.origin, row.to)} | ({(held[broken.row - 1].origin, held[broken.row - 1].to)} if broken.row else set())
    rows = [
        move.operation.row
        for move in moves
        if any(move.operation.next == to and origin in move.operation.expected for origin, to in edges)
    ]
    return word(case, workflow, what, "", rows)


def word_missing(case: Case, workflow: str, row: int) -> Finding:
    record = case.records([row])[0]
    what = f"has no row of {record['id']}, which won {'|'.join(record['expected'] or ())} -> {record['next']}"
    return word(case, workflow, what, "The win was acknowledged before the trail was read.", [row])


def word_rewritten(case: Case, row: Mapping[str, Any]) -> Finding:
    instead = (
        "and has it no more" if row["to_later"] is None else f"and has {row['from_later']} -> {row['to_later']} there"
    )
    what = f"had a row {row['from']} -> {row['to']} when it was read before, {instead}"
    return word(case, case.workflow_name(row["w"]), what, "A trail only grows.", ())


def word_disorder(
    case: Case, workflow: str, rows: Sequence[Row], disorder: tuple[int, int], moves: Sequence[Move]
) -> Finding:
    by_id = {move.request_id: move.operation.row for move in moves}
    first, second = (by_id[rows[number].request_id] for number in disorder)
    names = [record["id"] for record in case.records([first, second])]
    what = f"has the row of {names[0]} before that of {names[1]}"
    return word(case, workflow, what, f"{names[1]} had been answered when {names[0]} was asked.", [first, second])


def word_contradiction(case: Case, testimony: Testimony) -> Finding:
    found = testimony.find_contradiction()
    assert found is not None
    reading, searched = found
    rows = "no row" if not reading.rows else f"{len(reading.rows)} row{'s' * (len(reading.rows) > 1)}"
    what = f"with {rows}, in the state {find_end(reading)}, contradicts what was answered"
    witnesses = [each.row for each in searched.witnesses if each.row >= 0]
    why = "No order of the operations explains the answers and the trail; either of them alone has one."
    return word(case, reading.workflow, what, why, witnesses)


def word_undecided(workflow: str) -> Finding:
    what = "may contradict what was answered: looking for an order that explains both took too long"
    title, words = say_trail(workflow, what, "", ())
    return Finding(CHECK, Verdict.UNKNOWN, title, words, (), workflow)


def word_unexplained(case: Case, workflow: str, row: Row, w: int) -> Finding:
    what = f"has a row {row.origin} -> {row.to} that neither a win nor an unknown request explains"
    asked = case.evidence.slice(w)
    named = [
        record
        for record in case.records(asked["row"])
        if row.request_id and read_detail(record).get("request_id") == row.request_id
    ]
    why = f"It names the request {row.request_id}" if row.request_id else ""
    why += f", which was answered {named[0]['outcome']}." if named else "." if why else ""
    return word(case, workflow, what, why, [record["row"] for record in named])


def word(case: Case, workflow: str, what: str, why: str, rows: Iterable[int]) -> Finding:
    records: list[Record] = case.records(rows)
    title, words = say_trail(workflow, what, why, records)
    return Finding(CHECK, Verdict.FAIL, title, words, tuple(record["id"] for record in records), workflow)
