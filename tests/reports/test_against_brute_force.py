"""Goal: linearizable is exact. Method: small histories of every shape, against a search over all orders.

Drawn are cycles, unknowns, busy and stale answers, sets, writes, lists of expected states, equal timestamps, told
states (of wins too), with a graph or without, with the initial state given, told by a create, told by none though there
was one, or free;
answers before the create, several creates, and clocks that are apart. Each drawn case holds several, one per workflow,
because a history is judged as a whole. ONEWINNER_PROFILE=full goes on until there have been 100,000.
"""

import os
from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.target.graph import TransitionGraph
from reports.history.events import Header
from reports.history.history import take_frame
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.evidence.creates import find_create_contradictions
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.linearizability_decision import decide
from reports.judge.evidence.quick_linearization import find_unexplained
from tests.reports.brute_force import is_explained
from tests.reports.drawing import draw_case

PLANNED = "100000" if os.environ.get("ONEWINNER_PROFILE") == "full" else "300"
HISTORIES = int(os.environ.get("ONEWINNER_HISTORIES", PLANNED))
AT_ONCE = 40
Workflows = list[list[dict[str, Any]]]


def make_evidence(workflows: Workflows, graph: TransitionGraph | None, initial: str | None, wide: int = 0) -> Evidence:
    """The evidence of these workflows, named w0, w1, ..., by clocks that are `wide` apart."""
    rows = []
    for number, records in enumerate(workflows):
        rows += [dict.fromkeys(OPERATION_SCHEMA) | record | {"workflow": f"w{number}"} for record in records]
    for number, row in enumerate(rows):
        row.update(id=str(number), process="p", tenant="acme")
    header = Header(clock_uncertainty_ns=wide)
    history = replace(take_frame(pl.DataFrame(rows, schema=OPERATION_SCHEMA)), events=(("history", header),))
    return Evidence(history, graph, initial)


def test_the_verdict_is_that_of_all_orders() -> None:
    judged = Counter[str]()

    @settings(
        max_examples=-(-HISTORIES // AT_ONCE), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(draw_case(workflows_min=AT_ONCE, workflows_max=AT_ONCE + 10), st.sampled_from((0, 0, 0, 1, 2)))
    def compare(case: tuple[Workflows, TransitionGraph | None, str | None], wide: int) -> None:
        judged.update(compare_verdicts(*case, wide))

    compare()
    assert judged.total() >= HISTORIES
    assert min(judged["explained"], judged["failed"]) > HISTORIES // 10, "the draws lean to one side"


def compare_verdicts(
    workflows: Workflows, graph: TransitionGraph | None, initial: str | None, wide: int
) -> dict[str, int]:
    """Judges, compares, and returns how many workflows were explained and how many failed."""
    evidence = make_evidence(workflows, graph, initial, wide)
    expected = [w for w, records in enumerate(workflows) if not is_explained(records, graph, initial, wide)]
    doubted = [
        *find_unexplained(evidence, evidence.ops).to_list(),
        *(each.w for each in find_create_contradictions(evidence)),
    ]
    assert set(expected) <= set(doubted), "the linearization alone accepted what no order explains"
    decision = decide(evidence)
    assert sorted(decision.failed) == expected
    assert not decision.undecided
    return {"failed": len(expected), "explained": len(workflows) - len(expected)}
