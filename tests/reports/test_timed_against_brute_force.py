"""Goal: linearizable and audit are exact for moves without a request and for requests that repeat a win.

Method: small histories of a workflow that leaves states by itself, true but for a lie or two, against a search over all
orders with such moves anywhere. Drawn are cycles, chains of such moves, rows that come late or never, unknown and busy
answers, lists of expected states, creates of unknown age. ONEWINNER_PROFILE=full goes on until there have been 100,000.
"""

import os
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.target.graph import TransitionGraph
from reports.judge.checks.audit import check_audit
from reports.judge.context import CheckContext
from reports.judge.evidence.creates import find_create_contradictions
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.quick_linearization import find_unexplained
from reports.judge.evidence.timed_moves import insert_timed
from reports.judge.limits import Limits
from tests.reports.building import BLANK, build_history
from tests.reports.drawing_timed import GRAPHS, draw_workflow
from tests.reports.timed_worlds import TimedWorld

PLANNED = "100000" if os.environ.get("ONEWINNER_PROFILE") == "full" else "300"
HISTORIES = int(os.environ.get("ONEWINNER_HISTORIES", PLANNED))
AT_ONCE = 30
FEW = 1000
Workflow = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@st.composite
def draw_case(draw: st.DrawFn) -> tuple[TransitionGraph, bool, list[Workflow]]:
    graph, dated = draw(st.sampled_from(GRAPHS)), draw(st.integers(0, 3)) > 0
    workflows = st.lists(draw_workflow(graph, 6, dated=dated), min_size=AT_ONCE, max_size=AT_ONCE + 5)
    return graph, dated, draw(workflows)


def make_context(graph: TransitionGraph, workflows: list[Workflow], *, trails: bool) -> CheckContext:
    rows, events = [], []
    for number, (records, readings) in enumerate(workflows):
        about = {"workflow": f"w{number}"}
        rows += [BLANK | record | about | {"id": f"{number}.{place}"} for place, record in enumerate(records)]
        for reading in readings if trails else ():
            entries = [{"from": origin, "to": to, "request_id": None} for origin, to in reading["entries"]]
            events.append({"event": "audit"} | reading | about | {"entries": entries})
    limits = Limits(findings_max=1000, workflow_s=60.0, linearizable_s=600.0, explain_s=0.01)
    return CheckContext(Evidence(build_history(rows, *events), graph, limits=limits))


def explains(graph: TransitionGraph, workflow: Workflow, *, trail: bool) -> bool:
    records, readings = workflow
    timed = {(move.origin, move.to): move.after_ns for move in graph.timed}
    rows = max((tuple(reading["entries"]) for reading in readings), key=len, default=())
    if trail and any(rows[: len(each["entries"])] != tuple(each["entries"]) for each in readings):
        return False
    world = TimedWorld(graph.edges, timed, graph.initial, rows if trail else None)
    return world.explains(records, readings if trail else [])


def test_the_verdicts_are_those_of_all_orders() -> None:
    judged = Counter[str]()

    @settings(
        max_examples=-(-HISTORIES // AT_ONCE),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        # So few that chance could leave hardly a broken trail: always the same ones.
        derandomize=HISTORIES <= FEW,
    )
    @given(draw_case())
    def compare(case: tuple[TransitionGraph, bool, list[Workflow]]) -> None:
        graph, dated, workflows = case
        context = make_context(graph, workflows, trails=dated)
        expected = [w for w, each in enumerate(workflows) if not explains(graph, each, trail=False)]
        assert set(expected) <= find_doubted(context), "the linearization alone accepted what no order explains"
        assert sorted(context.decision.failed) == expected
        assert not context.decision.undecided
        judged.update({"failed": len(expected), "explained": len(workflows) - len(expected)})
        if dated:
            judged.update(compare_trails(context, graph, workflows, expected))

    compare()
    assert judged["failed"] + judged["explained"] >= HISTORIES
    assert min(judged["explained"], judged["failed"], judged["broken trail"]) > HISTORIES // 25, judged


def find_doubted(context: CheckContext) -> set[int]:
    """The workflows that neither the linearization nor the same with moves without a request explains."""
    evidence = context.evidence
    doubted = set(find_unexplained(evidence, evidence.ops).to_list())
    doubted &= set(find_unexplained(evidence, insert_timed(evidence, evidence.ops)).to_list())
    return doubted | {each.w for each in find_create_contradictions(evidence)}


def compare_trails(
    context: CheckContext, graph: TransitionGraph, workflows: list[Workflow], failed: list[int]
) -> dict[str, int]:
    found = {int(str(finding.workflow)[1:]) for finding in check_audit(context).findings}
    kept = [w for w, (_, readings) in enumerate(workflows) if readings and w not in failed]
    broken = {w for w in kept if not explains(graph, workflows[w], trail=True)}
    assert found & set(kept) == broken
    return {"broken trail": len(broken), "whole trail": len(kept) - len(broken)}
