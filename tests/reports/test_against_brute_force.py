"""Goal: linearizable is exact. Method: small histories of every shape, against a search over all orders.

Drawn are cycles, unknowns, sets, lists of expected states, equal timestamps, told states, with a graph or without,
with the initial state given, told by a create, or free. Each drawn case holds several, one per workflow, because a
history is judged as a whole. ONEWINNER_PROFILE=full goes on until there have been 20,000.
"""

import os
from collections import Counter
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings

from engine.graph import TransitionGraph
from reports.decision import decide
from reports.evidence import Evidence
from reports.history import take_frame
from reports.lines import OPERATION_SCHEMA
from reports.witness import find_unexplained
from tests.reports.brute_force import is_explained
from tests.reports.drawing import draw_case

HISTORIES = 20_000 if os.environ.get("ONEWINNER_PROFILE") == "full" else 300
AT_ONCE = 6
Workflows = list[list[dict[str, Any]]]


def make_evidence(workflows: Workflows, graph: TransitionGraph | None, initial: str | None) -> Evidence:
    """The evidence of these workflows, named w0, w1, ..."""
    rows = []
    for number, records in enumerate(workflows):
        rows += [dict.fromkeys(OPERATION_SCHEMA) | record | {"workflow": f"w{number}"} for record in records]
    for number, row in enumerate(rows):
        row.update(id=str(number), process="p", tenant="acme")
    return Evidence(take_frame(pl.DataFrame(rows, schema=OPERATION_SCHEMA)), graph, initial)


def test_the_verdict_is_that_of_all_orders() -> None:
    judged = Counter[str]()

    @settings(max_examples=HISTORIES // AT_ONCE, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(draw_case(workflows_min=AT_ONCE))
    def compare(case: tuple[Workflows, TransitionGraph | None, str | None]) -> None:
        judged.update(compare_verdicts(*case))

    compare()
    assert judged.total() >= HISTORIES
    assert min(judged["explained"], judged["failed"]) > HISTORIES // 10, "the draws lean to one side"


def compare_verdicts(workflows: Workflows, graph: TransitionGraph | None, initial: str | None) -> dict[str, int]:
    """Judges, compares, and returns how many workflows were explained and how many failed."""
    evidence = make_evidence(workflows, graph, initial)
    expected = [w for w, records in enumerate(workflows) if not is_explained(records, graph, initial)]
    doubted = find_unexplained(evidence, evidence.ops).to_list()
    assert set(expected) <= set(doubted), "the witness alone accepted what no order explains"
    decision = decide(evidence)
    assert sorted(decision.failed) == expected
    assert not decision.undecided
    return {"failed": len(expected), "explained": len(workflows) - len(expected)}
