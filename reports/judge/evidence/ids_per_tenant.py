"""Ids per tenant: whether a stranger's requests met another object than the workflow of the owner.

A service may number the workflows of each tenant by themselves: each shop has an order 17. Then an id of one tenant is
another object for another one, and what that tenant is answered says nothing about isolation.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import permutations

import polars as pl

from reports.history.events import Effects
from reports.judge.evidence.creates import find_ids_of_tenants
from reports.judge.evidence.evidence import MODEL_COLUMNS, Evidence, list_named
from reports.judge.evidence.linearizability_decision import Decision
from reports.judge.evidence.trail_readings import read_request_ids
from reports.judge.models.workflow import MOVES, NEVER, Operation
from reports.judge.searches.linearizability_search import search
from reports.judge.verdict import Verdict

SERVED = ("won", "ok", "conflict", "stale")
Pair = tuple[int, int]  # the tenant codes of a stranger and of an owner


class Seen(Enum):
    """What shows two objects. CREATED: a create of each tenant was told the same id. TOLD: the stranger was told a
    state in which the owner's workflow was not. MOVED: the stranger won a move that the owner's workflow did not make.
    """

    CREATED = "created"
    TOLD = "told"
    MOVED = "moved"


@dataclass(frozen=True)
class OtherObject:
    """What shows that the owner's ids are other objects for the stranger: the row of a request of each."""

    seen: Seen
    own: int
    foreign: int


@dataclass(frozen=True)
class Meeting:
    """A workflow and one stranger: the operations of the owner, the answers to the stranger, and `others`, which may
    have moved it too.
    """

    evidence: Evidence
    own: list[Operation]
    starts: list[str | None]
    foreign: list[Operation]
    others: list[Operation]

    def judge(self, foreign: Sequence[Operation]) -> Verdict:
        """Whether some order explains the owner's answers together with these."""
        operations = [*self.own, *self.others, *foreign]
        return self.search(operations, self.starts if len(self.starts) == 1 else [*list_named(operations)])

    def judge_alone(self) -> Verdict:
        """Whether some order explains the stranger's answers by themselves."""
        return self.search(self.foreign, [*list_named(self.foreign)])

    def search(self, operations: Sequence[Operation], starts: Sequence[str | None]) -> Verdict:
        limit = time.monotonic() + self.evidence.limits.workflow_s
        return search(operations, starts, self.evidence.graph, limit).verdict

    def find_contradictions(self) -> Iterator[tuple[Seen, Operation]]:
        """The stranger's answers that no order explains, even if all else that strangers asked for happened or not.

        That a stranger won says nothing unless it lost, too: a service may answer won and do nothing.
        """
        graph, has_lost = self.evidence.graph, any(each.outcome == "conflict" for each in self.foreign)
        for one in self.foreign if self.own else ():
            seen, answer = (Seen.MOVED, replace(one, observed=None)) if one.is_win else (Seen.TOLD, take_told(one))
            tells = one.observed is not None and (graph is None or one.observed in graph.states)
            if not (has_lost if seen is Seen.MOVED else tells):
                continue
            rest = [make_optional(each) for each in self.foreign if each.is_win and each is not one]
            if self.judge([answer, *rest]) is Verdict.FAIL:
                yield seen, one

    def find_own(self, foreign: Operation) -> Operation:
        """The owner's last operation that took effect and was asked for before this answer came."""
        effective = [each for each in self.own if not each.is_pure and each.outcome != "unknown"] or self.own
        before = [each for each in effective if each.invoked <= foreign.returned] or effective[:1]
        return before[-1]


def take_told(operation: Operation) -> Operation:
    """Only the state that an answer told, as a read: whether it is right that the stranger lost is not asked."""
    return replace(operation, kind="read", outcome="ok", expected=(), next=None)


def make_optional(move: Operation) -> Operation:
    """The move, which may have happened at any time, or never."""
    return replace(move, outcome="unknown", observed=None, returned=NEVER)


def find_other_objects(evidence: Evidence, decision: Decision, touched: frozenset[int]) -> dict[Pair, OtherObject]:
    """The strangers and owners of whom the history shows that one id is two objects.

    Not so where the service shows a request of the stranger in a workflow of the owner, or where such a request alone
    explains what the owner was answered. The workflows in `touched`, which a fault struck, show nothing.
    """
    served = take_served(evidence)
    if served.is_empty():
        return {}
    created, found = find_created(evidence), dict[Pair, OtherObject]()
    for (stranger, owner), group in served.partition_by("tenant", "owner", as_dict=True, maintain_order=True).items():
        if has_left_trace(evidence, group["row"]):
            continue
        numbers = sorted({*group["w"]} - touched)
        seen = compare(evidence, decision, stranger, numbers, created.get((stranger, owner)))
        if seen is not None:
            found[stranger, owner] = seen
    return found


def take_served(evidence: Evidence) -> pl.DataFrame:
    """The answers to strangers that were neither refused nor unknown: row, w, tenant, owner."""
    is_served = ~pl.col("mine") & ~pl.col("repeated") & pl.col("outcome").is_in(SERVED)
    return name_owners(evidence.ops, evidence.ops.filter(is_served))


def name_owners(ops: pl.DataFrame, foreign: pl.DataFrame) -> pl.DataFrame:
    """Operations of strangers, each with the owner of its workflow: row, w, tenant, owner."""
    of_owners = ops.filter(pl.col("w").is_in(foreign["w"].unique().implode()) & pl.col("mine"))
    owners = of_owners.group_by("w").agg(owner=pl.col("tenant").first())
    return foreign.select("row", "w", "tenant").join(owners, on="w", maintain_order="left")


def find_created(evidence: Evidence) -> dict[Pair, OtherObject]:
    """The pairs of tenants to whom a create told the same id."""
    found: dict[Pair, OtherObject] = {}
    codes = dict(evidence.ops.select("row", "tenant").iter_rows())
    for rows in find_ids_of_tenants(evidence.history):
        for foreign, own in permutations(rows, 2):
            found.setdefault((codes[foreign], codes[own]), OtherObject(Seen.CREATED, own, foreign))
    return found


def has_left_trace(evidence: Evidence, rows: pl.Series) -> bool:
    """Whether the trail of a workflow, or its markers, show one of these requests and none of the owner's instead."""
    history = evidence.history
    told = history.frame.select(pl.col("marker").is_not_null().any()).collect().item()
    marker = pl.col("marker") if told else pl.col("id").cast(pl.String)
    frame = (
        history.frame.with_row_index("row").select("row", pl.col("workflow").cast(pl.String), marker=marker).collect()
    )
    mine = frame.join(evidence.ops.filter("mine").select("row"), on="row", how="semi")
    asked = frame.filter(pl.col("row").is_in(rows.implode())).join(mine, on=("workflow", "marker"), how="anti")
    asked = asked.with_columns(request_id=read_request_ids(history, asked["row"]))
    trails = history.audit.select(pl.col("workflow", "request_id").cast(pl.String)).drop_nulls().unique()
    shown = {*trails.iter_rows()}
    marked = {(event.workflow, str(each)) for event in history.having(Effects) for each in event.markers}
    return any(
        (workflow, request_id) in shown or (workflow, marker) in marked
        for workflow, marker, request_id in asked.select("workflow", "marker", "request_id").iter_rows()
    )


def compare(
    evidence: Evidence, decision: Decision, stranger: int, numbers: Sequence[int], created: OtherObject | None
) -> OtherObject | None:
    """What shows that the stranger met other objects than these workflows; None without it."""
    ends, suspects = time.monotonic() + evidence.limits.linearizable_s, {*decision.suspects}
    moved: OtherObject | None = None
    found, meetings = created, list[Meeting]()
    for w in numbers:
        if time.monotonic() > ends:
            break
        meetings.append(meeting := lay_out_meeting(evidence, w, stranger))
        together = meeting.judge(meeting.foreign)
        if w in suspects:
            if w in decision.failed and together is Verdict.PASS:
                return None
        elif together is Verdict.FAIL and found is None:
            for seen, one in meeting.find_contradictions():
                other = OtherObject(seen, meeting.find_own(one).row, one.row)
                found, moved = (found or other, moved) if seen is Seen.TOLD else (found, moved or other)
    if found is None and moved is not None and all(each.judge_alone() is Verdict.PASS for each in meetings):
        return moved
    return found


def lay_out_meeting(evidence: Evidence, w: int, stranger: int) -> Meeting:
    own, starts = evidence.lay_out(w)
    strangers = evidence.slice(w).filter(~pl.col("mine") & ~pl.col("repeated"))
    is_move = pl.col("kind").is_in(MOVES)
    answers = is_move & pl.col("outcome").is_in(["won", "conflict"]) | (
        (pl.col("kind") == "read") & (pl.col("outcome") == "ok")
    )
    is_its = (pl.col("tenant") == stranger) & answers
    others = is_move & pl.col("outcome").is_in(["won", "unknown"]) & ~is_its
    foreign, rest = (
        [evidence.to_operation(*row) for row in strangers.filter(chosen).select(MODEL_COLUMNS).iter_rows()]
        for chosen in (is_its, others)
    )
    return Meeting(evidence, own, starts, foreign, [make_optional(each) for each in rest])
