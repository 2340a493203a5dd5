"""audit: the trail is a legal, unbroken chain of exactly the winners.

A second, independent verdict in linear time. Trails that hold exactly the acknowledged transitions, edge by edge,
are passed all at once (reports/readings.py); the few others are matched one by one.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import polars as pl

from reports.case import Case, Record, Suspicion, conclude, fail, not_applicable
from reports.readings import Reading
from reports.trails import Break, Mismatch, Move, Row, find_break, match
from reports.verdict import CheckResult, Finding, Verdict
from reports.words import read_detail, say_trail

CHECK = "audit"


def check_audit(case: Case) -> CheckResult:
    """Judges every reading of every trail against the operations, each for its own time."""
    trails = case.evidence.trails.filter(pl.col("w").is_not_null())["trail"].n_unique()
    if not trails:
        return not_applicable(CHECK, "the history has no audit trail", "trails")
    suspicions = [each for reading in case.odd_readings for each in judge_reading(case, reading)]
    return conclude(case, CHECK, judged=trails, unit="trails", suspicions=suspicions)


def judge_reading(case: Case, reading: Reading) -> list[Suspicion]:
    """Everything that is wrong with one reading of a trail."""
    graph, workflow, moves = case.evidence.graph, reading.workflow, reading.moves
    found: list[Suspicion] = []
    for row in dict.fromkeys(reading.rows):
        by_set = any(move.operation.kind == "set" and move.operation.next == row.to for move in moves)
        if graph and not graph.allows(row.origin, row.to) and not by_set:
            what = f"has a row {row.origin} -> {row.to}, which is no legal edge"
            found.append(fail(partial(word, case, workflow, what, "", ())))
    broken = find_break(reading.rows, reading.start)
    if broken is not None:
        found.append(fail(partial(word_break, case, workflow, reading.rows, broken, moves)))
    mismatch = match(reading.rows, moves)
    return found + suspect_mismatch(case, workflow, reading.rows, moves, mismatch, reading.w)


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
