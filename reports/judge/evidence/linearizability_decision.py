"""The decision: which workflows some order explains. Nearly all have a linearization; the search decides the rest."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from reports.judge.evidence.creates import CreateContradiction, find_create_contradictions
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.quick_linearization import find_unexplained
from reports.judge.evidence.timed_moves import insert_timed
from reports.judge.models.workflow import Operation
from reports.judge.searches.linearizability_search import Searched, search
from reports.judge.verdict import Verdict


@dataclass(frozen=True)
class Undecided:
    """A workflow without a linearization: what the search was given and what it found. `core`: rows that are
    known to contradict each other all by themselves.
    """

    operations: list[Operation]
    starts: list[str | None]
    searched: Searched
    core: tuple[int, ...] = ()


@dataclass(frozen=True)
class Decision:
    """`failed` and `undecided` by workflow number; every other workflow is explained. `searched` are those that the
    linearization did not explain.
    """

    failed: Mapping[int, Undecided] = field(default_factory=dict)
    undecided: tuple[int, ...] = ()
    searched: tuple[int, ...] = ()

    @property
    def suspects(self) -> list[int]:
        """The workflows that have no explanation, or none yet."""
        return sorted([*self.failed, *self.undecided])


def decide(evidence: Evidence) -> Decision:
    """Judges every workflow. Past `limits.linearizable_s` the remaining ones stay undecided."""
    began = time.monotonic()
    contradictions = {each.w: each for each in find_create_contradictions(evidence)}
    rest = find_unlinearized(evidence, evidence.ops)
    failed = {w: take_contradiction(evidence, each) for w, each in contradictions.items()}
    undecided: list[int] = []
    for w in rest.to_list():
        if w in contradictions:
            continue
        now = time.monotonic()
        if now > began + evidence.limits.linearizable_s:
            undecided.append(w)
            continue
        operations, starts = evidence.lay_out(w)
        searched = search(operations, starts, evidence.graph, now + evidence.limits.workflow_s)
        if searched.verdict is Verdict.FAIL:
            failed[w] = Undecided(operations, starts, searched)
        elif searched.verdict is Verdict.UNKNOWN:
            undecided.append(w)
    return Decision(failed, tuple(undecided), tuple(sorted({*rest, *contradictions})))


def find_unlinearized(evidence: Evidence, ops: pl.DataFrame) -> pl.Series:
    """The workflow numbers in `ops` without a linearization, in any order of the transitions that is tried."""
    rest = find_unexplained(evidence, ops)
    if rest.len():
        rest = find_unexplained(evidence, ops.filter(pl.col("w").is_in(rest.implode())), order="begins")
    if rest.len() and evidence.graph is not None and evidence.graph.timed:
        rest = find_unexplained(evidence, insert_timed(evidence, ops.filter(pl.col("w").is_in(rest.implode()))))
    return rest


def take_contradiction(evidence: Evidence, found: CreateContradiction) -> Undecided:
    """A workflow that was answered before it was created, or created twice: there is nothing to search for."""
    operations, starts = evidence.lay_out(found.w)
    return Undecided(operations, starts, Searched(Verdict.FAIL), (found.create, found.other))
