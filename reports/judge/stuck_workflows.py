"""Stuck workflows: to a request that no other one can hold up, they are busy, and stay so to the end.

Busy means that another request holds the workflow. Where none was in flight, some request has left a lock behind.
"""

from collections.abc import Sequence
from itertools import accumulate

import polars as pl

from engine.target.graph import TransitionGraph
from reports.history.events import Probe, Restarted
from reports.history.history import History, Record
from reports.judge.context import CheckContext
from reports.judge.models.workflow import NEVER

# A lock may be released a little after the answer: only a workflow that was asked so often, and so long after the
# first of these answers, stays busy.
ASKED_MIN = 3
STAYS_NS = 1_000_000_000
# Statuses of a busy answer that say nothing about a workflow: log in again, too many requests, unavailable.
ELSEWHERE = (401, 429, 503)


def find_stuck(context: CheckContext) -> list[list[int]]:
    """The rows of the answers that show it, by workflow.

    They are due moves while the history has no other operation in flight: one on another workflow may hold a lock that
    this one needs. All later due moves were busy, too. Each was asked no sooner than the answers before it told to ask
    again. Nothing unknown, and no fault, may hold the workflow.
    """
    graph, lone = context.evidence.graph, take_lone(context)
    if graph is None or lone.is_empty():
        return []
    spared, found = find_spared(context), list[list[int]]()
    for w in lone.filter(pl.len().over("w") >= ASKED_MIN)["w"].unique().sort():
        streak = find_streak(context, graph, w) if w not in spared else []
        alone = {*lone.filter(pl.col("w") == w)["row"]}
        if len(alone & {*streak}) >= ASKED_MIN:
            waited = [each for each in take_patient(context.records(streak)) if each.row in alone]
            found += [[each.row for each in waited]] if is_long(waited, context.evidence.history) else []
    return found


def is_long(records: Sequence[Record], history: History) -> bool:
    """Whether these are enough, and far enough apart in time."""
    least = STAYS_NS + 2 * history.clock_uncertainty_ns
    return len(records) >= ASKED_MIN and records[-1].invoked_ns - records[0].invoked_ns >= least


def take_lone(context: CheckContext) -> pl.DataFrame:
    """The owners' busy moves (row, w) during which no other operation was in flight, on any workflow. One whose
    idempotency key got another answer before or after is left out: `idempotent` looks at it.
    """
    ops, says = context.ops, ~pl.col("status").is_in(ELSEWHERE)
    busy = ops.filter("mine", says, pl.col("kind") == "advance", pl.col("outcome") == "busy")
    if busy.is_empty():
        return busy.select("row", "w")
    begun = ops["invoked"].sort().search_sorted(busy["returned"], side="right").cast(pl.Int64)
    ended = ops["returned"].sort().search_sorted(busy["invoked"], side="left").cast(pl.Int64)
    lone = busy.filter(begun - ended == 1).select("row", "w")
    encoded = context.evidence.history.encoded.filter(pl.col("key").is_not_null())
    keyed = encoded.select("row", "key", "tenant", busy=pl.col("outcome") == "busy")
    kept = keyed.filter(~pl.col("busy").all().over("tenant", "key"))["row"]
    return lone.filter(~pl.col("row").is_in(kept.implode()))


def find_spared(context: CheckContext) -> set[int]:
    """The workflows that something else than a lock left behind may hold: a request without a known answer, or a fault
    during their lives; and those of which the answers have no explanation.
    """
    ops, faults = context.ops, context.faults
    foreign = ~pl.col("mine") & (pl.col("outcome") == "won")
    lost = ops.filter((pl.col("outcome") == "unknown") | (pl.col("returned") >= NEVER) | foreign)["w"]
    probes = [event for event in context.evidence.history.having(Probe) if event.status is None]
    restarts = [event.span for event in context.evidence.history.having(Restarted)]
    names = [*faults.named, *(event.workflow for event in probes if event.workflow is not None)]
    numbers = context.evidence.number_workflows(names).drop_nulls()
    spans = [span if span is not None else (-NEVER, NEVER) for span in restarts]
    spans += [(each.at, each.until) for each in (*faults.unnamed, *faults.meetings)]
    lives = ops.group_by("w").agg(pl.col("invoked").min(), pl.col("returned").max())
    struck = [lives.filter(pl.col("invoked") <= until, pl.col("returned") >= at)["w"] for at, until in spans]
    return {*lost, *numbers, *context.decision.suspects, *(w for found in struck for w in found)}


def find_streak(context: CheckContext, graph: TransitionGraph, w: int) -> list[int]:
    """The rows of the due moves after the last transition, if all of them were busy."""
    names, members = context.evidence.names, context.evidence.set_members
    ops = context.evidence.slice(w)
    state, entered, known = find_rest(ops)
    if state is None:
        return []
    leaves = min((move.after_ns for move in graph.timed_from.get(names[state], ())), default=None)
    asked = ops.filter("mine", pl.col("kind") == "advance", pl.col("invoked") > known).sort("invoked", "row")
    asked = asked.filter((pl.col("outcome") != "busy") | ~pl.col("status").is_in(ELSEWHERE).fill_null(value=True))
    rows = asked.select("row", "outcome", "want", "set", "next", "returned").iter_rows()
    due = [
        (row, outcome, returned)
        for row, outcome, want, several, following, returned in rows
        if names[state] in (members[several] if several is not None else (names[want],))
        and (names[state], names[following]) in graph.edges
    ]
    if any(outcome != "busy" or (leaves is not None and returned - entered >= leaves) for _, outcome, returned in due):
        return []
    return [row for row, *_ in due]


def find_rest(ops: pl.DataFrame) -> tuple[int | None, int, int]:
    """The code of the state in which the transitions of a workflow left it, since when it may be there, and from when
    on that is known. None if the answers do not tell: the order of the last two is open, and no read tells.
    """
    moves = ops.filter("known").sort("returned").select("kind", "status", "next", "invoked", "returned").rows()
    over = max((returned for *_, returned in moves), default=-NEVER)
    before = max((returned for *_, returned in moves[:-1]), default=-NEVER)
    if moves and moves[-1][3] > before:
        kind, status, state, invoked, returned = moves[-1]
        # What no request created may be older.
        return state, -NEVER if kind == "create" and status is None else invoked, returned
    tells = (pl.col("kind") == "read") & pl.col("observed").is_not_null()
    reads = ops.filter("pure", tells, pl.col("invoked") > over).sort("returned").select("observed", "returned").rows()
    return (reads[0][0], -NEVER, reads[0][1]) if reads else (None, -NEVER, -NEVER)


def take_patient(records: Sequence[Record]) -> list[Record]:
    """Those that were asked no sooner than all answers before them told to ask again."""
    promised = accumulate(map(find_next_ns, records), max, initial=-NEVER)
    return [each for each, at in zip(records, promised, strict=False) if each.invoked_ns >= at]


def find_next_ns(record: Record) -> int:
    """When the answer told the client to ask again."""
    wait_s = record.read_detail().retry_after_s
    is_told = isinstance(wait_s, int | float)
    return (record.returned_ns or record.invoked_ns) + (round(wait_s * 1e9) if is_told else 0)
