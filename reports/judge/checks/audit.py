"""audit: some order of the operations explains the whole trail, each reading of it and, with it, every answer.

A trail is one sequence of transitions. Trails that hold exactly the acknowledged transitions, edge by edge, are passed
all at once (trail_readings.py); for each of the few others the search decides (trail_search.py). Where it finds no
order, what is wrong is looked for from the plainest to the most involved.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import polars as pl

from reports.judge.context import CheckContext, Suspicion, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.models.workflow import NEVER
from reports.judge.searches.trail_matching import (
    Break,
    Mismatch,
    Move,
    Row,
    TrailReading,
    find_break,
    find_disorder,
    match,
)
from reports.judge.searches.trail_search import Clash, TrailConflict, TrailSearch, find_clash, look
from reports.judge.text.finding_text import describe_precedence, describe_timed, describe_trail
from reports.judge.text.short_forms import show_states
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "audit"
Faults = dict[Hashable, Callable[[], Finding]]  # what is wrong, once each
# A trail that is cut has at least so many rows.
PAGE_MIN = 5
PAGED = "If the service shows only the newest rows, or a page of them, let audit.request ask for all."


def check_audit(context: CheckContext) -> CheckResult:
    """Judges every trail by all of its readings, each for its own time."""
    trails = context.evidence.trails.filter(pl.col("w").is_not_null())["trail"].n_unique()
    if not trails:
        return not_applicable(CHECK, "the history has no audit trail", "trails")
    by_workflow: dict[int, list[TrailReading]] = {}
    for reading in context.odd_readings:
        by_workflow.setdefault(reading.w, []).append(reading)
    deadline_s = time.monotonic() + context.evidence.limits.linearizable_s
    suspicions = [each for w, readings in by_workflow.items() for each in judge_trail(context, w, readings, deadline_s)]
    return conclude(context, CHECK, judged=trails, unit="trails", suspicions=suspicions)


def judge_trail(context: CheckContext, w: int, readings: Sequence[TrailReading], deadline_s: float) -> list[Suspicion]:
    """What is wrong with a trail. The answers of a workflow that no order explains are not held against it: there only
    its transitions count.
    """
    clash = find_clash(readings)
    if clash is not None:
        return [fail(report_clash, context, clash), *map(fail, find_plain(context, readings).values())]
    limit_s = min(deadline_s, time.monotonic() + context.evidence.limits.workflow_s)
    ids = {move.operation.row: move.ids for reading in readings for move in reading.moves}
    trail = TrailSearch(*context.lay_out(w), context.evidence.graph, readings, ids, limit_s)
    believed = w not in context.decision.suspects
    verdict = (trail.search_all() if believed else trail.search_transitions()).verdict
    if verdict is Verdict.PASS:
        return []
    plain = find_plain(context, readings)
    if plain:
        return list(map(fail, plain.values()))
    moves = trail.search_transitions().verdict if believed else verdict
    if moves is Verdict.FAIL:
        return [fail(report_disagreement, context, trail)]
    if verdict is Verdict.UNKNOWN:
        return [doubt(report_undecided, readings[0].workflow)]
    return [fail(report_contradiction, context, trail, moves)]


def find_plain(context: CheckContext, readings: Sequence[TrailReading]) -> Faults:
    """All that is wrong with the readings, each by itself, and can be told by looking at rows and transitions."""
    found: Faults = {}
    for reading in readings:
        found = judge_reading(context, reading) | found
    return found


def judge_reading(context: CheckContext, reading: TrailReading) -> Faults:
    graph, workflow, moves = context.evidence.graph, reading.workflow, reading.moves
    found: Faults = {}
    for row in dict.fromkeys(reading.rows):
        by_set = any(move.operation.kind == "set" and move.operation.next == row.to for move in moves)
        if graph and not graph.can_go(row.origin, row.to) and not by_set:
            what = f"has a row {row.origin} -> {row.to}, which is no legal edge"
            found["illegal", row.origin, row.to] = partial(word, context, workflow, what, "", ())
    older = count_older(reading)
    broken = find_break(reading.rows, None if older else reading.start, graph)
    if broken is not None and not (broken.row == 0 and reading.is_older):
        found["broken", broken.row] = partial(report_break, context, workflow, reading.rows, broken, moves)
    rows = reading.rows[older:]
    found |= find_mismatch(context, reading, rows)
    disorder = find_disorder(rows, moves)
    if disorder is not None and not found:
        found["disorder", disorder] = partial(report_disorder, context, workflow, rows, disorder, moves)
    return found


def count_older(reading: TrailReading) -> int:
    """How many of the first rows are of what happened before this history: as few as leave everything else explained,
    and lead to where it began.
    """
    for count in range(len(reading.rows) + 1 if reading.is_older else 0):
        leads = not count or reading.start in (None, reading.rows[count - 1].to)
        if leads and match(reading.rows[count:], reading.moves) == Mismatch((), ()):
            return count
    return 0


def find_mismatch(context: CheckContext, reading: TrailReading, rows: Sequence[Row]) -> Faults:
    """Wins without a row, and rows without a request. Of a workflow that is older than the history any row may be."""
    found: Faults = {}
    mismatch = match(rows, reading.moves)
    for number in mismatch.moves:
        row = reading.moves[number].operation.row
        found["missing", row] = partial(report_missing, context, reading.workflow, rows, row)
    timed = {(move.origin, move.to) for move in (context.evidence.graph.timed if context.evidence.graph else ())}
    asked = [number for number in mismatch.rows if (rows[number].origin, rows[number].to) not in timed]
    for number in () if reading.is_older else asked:
        found["row", number] = partial(report_unexplained, context, reading.workflow, rows[number], reading.w)
    return found


def report_break(
    context: CheckContext, workflow: str, held: Sequence[Row], broken: Break, moves: Sequence[Move]
) -> Finding:
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
    return word(context, workflow, what, "" if broken.row else hint_page(held), rows)


def report_missing(context: CheckContext, workflow: str, rows: Sequence[Row], row: int) -> Finding:
    record = context.records([row])[0]
    what = f"has no row of {record.id}, which won {show_states(record.expected or ())} -> {record.next}"
    why = f"The win was acknowledged before the trail was read. {hint_page(rows)}".strip()
    return word(context, workflow, what, why, [row])


def hint_page(rows: Sequence[Row]) -> str:
    """What else may be the reason where rows are missing."""
    return PAGED if len(rows) >= PAGE_MIN else ""


def report_clash(context: CheckContext, clash: Clash) -> Finding:
    row, instead, when = clash.row, clash.instead, "in another reading"
    if instead is None:
        there, when = "and has it no more", "when it was read before"
    elif (row.origin, row.to) == (instead.origin, instead.to):
        there = f"of the request {row.request_id}, and has one of the request {instead.request_id} there"
    else:
        there = f"and has {instead.origin} -> {instead.to} there"
    what = f"had a row {row.origin} -> {row.to} {when}, {there}"
    why = f"A trail only grows. {hint_page(clash.later.rows)}".strip()
    return word(context, clash.later.workflow, what, why, ())


def report_disorder(
    context: CheckContext, workflow: str, rows: Sequence[Row], disorder: tuple[int, int], moves: Sequence[Move]
) -> Finding:
    by_id = {request_id: move.operation.row for move in moves for request_id in move.ids}
    first, second = (by_id[rows[number].request_id] for number in disorder)
    names = [record.id for record in context.records([first, second])]
    what = f"has the row of {names[0]} before that of {names[1]}"
    return word(context, workflow, what, f"{names[1]} had been answered when {names[0]} was asked.", [first, second])


def report_contradiction(context: CheckContext, trail: TrailSearch, moves: Verdict) -> Finding:
    """The answers have an explanation, and so has the trail by the transitions, if `moves` passed; no order is both."""
    reading = trail.readings[-1]
    what = f"with {count_rows(len(reading.rows))}, in the state {find_end(reading)}, contradicts what was answered"
    alone = "either of them alone has one" if moves is Verdict.PASS else "the answers alone have one"
    why = f"No order of the operations explains the answers and the trail; {alone}."
    return report_needed(
        context, TrailConflict(trail, trail.looks, answers=True, deadline_s=find_limit(context)), what, why
    )


def report_disagreement(context: CheckContext, trail: TrailSearch) -> Finding:
    """No order of the transitions explains the trail, though each row can be of some request, and each win has one."""
    explained, count, looks = trail.count_rows(find_limit(context)), len(trail.rows), trail.looks
    if explained is not None and explained < count:
        row = trail.rows[explained]
        before = f" after the {count_rows(explained)} before it" if explained else ""
        what = f"has a row {row.origin} -> {row.to} where it cannot stand, as row {explained + 1}"
        timed = describe_timed(context.evidence.graph, row.origin, row.to)
        why = f"No order of the requests that respects real time leads to it{before}.{timed}"
        looks = [look(-1, explained + 1, -NEVER, NEVER)]
    else:
        read = " and ".join(count_rows(len(reading.rows)) for reading in trail.readings)
        what = f"had {read} when it was read, and no order of the requests leads to that"
        can = "Requests can have led to these rows in this order, but not to these alone by the time of the reading."
        why = (
            can if explained is not None else "No order that respects real time gives each row and each win its place."
        )
    return report_needed(context, TrailConflict(trail, looks, answers=False, deadline_s=find_limit(context)), what, why)


def report_needed(context: CheckContext, doubted: TrailConflict, what: str, why: str) -> Finding:
    """The finding with a smallest set of operations that the trail contradicts."""
    needed, is_minimal = doubted.explain()
    records = context.records(each.row for each in needed)
    said = describe_precedence(records)
    if len(records) > 1:
        said.append("Each of them is needed for the contradiction." if is_minimal else "Some may not be needed.")
    return word(
        context, doubted.trail.readings[0].workflow, what, "\n".join([why, *said]), [each.row for each in needed]
    )


def find_limit(context: CheckContext) -> float:
    return time.monotonic() + context.evidence.limits.explain_s


def find_end(reading: TrailReading) -> str | None:
    return reading.rows[-1].to if reading.rows else reading.start


def count_rows(count: int) -> str:
    return "no row" if not count else f"{count} row{'s' * (count > 1)}"


def report_undecided(workflow: str) -> Finding:
    what = "may contradict what was answered: looking for an order that explains both took too long"
    return make_finding(CHECK, (), describe_trail(workflow, what, "", ()), Verdict.UNKNOWN, workflow=workflow)


def report_unexplained(context: CheckContext, workflow: str, row: Row, w: int) -> Finding:
    what = f"has a row {row.origin} -> {row.to} that neither a win nor an unknown request explains"
    asked = context.evidence.slice(w)
    named = [
        record
        for record in context.records(asked["row"])
        if row.request_id is not None and record.read_detail().request_id == row.request_id
    ]
    why = f"It names the request {row.request_id}" if row.request_id else ""
    why += f", which was answered {named[0].outcome}." if named else "." if why else ""
    return word(context, workflow, what, why, [record.row for record in named])


def word(context: CheckContext, workflow: str, what: str, why: str, rows: Iterable[int]) -> Finding:
    records = context.records(rows)
    finding = make_finding(CHECK, records, describe_trail(workflow, what, why, records))
    return replace(finding, workflow=workflow, race=None)
