"""Goal: an old history is judged to the same verdict and findings for ever.

Method: two histories of real runs, recorded and judged in November 2026 before the events had types. `gate` is sealed:
parallel plans, races and schedules of an engine with the defect check-then-act. `faults` is journals: races with
injected faults, and the events that a short run does not write. Beside each stands what the judge found at the time;
words may change, and nothing else.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.history.history import History, read_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.levels.schedules import read_schedules
from reports.judge.verdict import CheckResult, Judgement

FOLDER = Path(__file__).parent / "data" / "old_histories"
NAMES = ("gate", "faults")


@cache
def judge_old(name: str) -> tuple[dict[str, Any], History, Judgement]:
    found, graph = (json.loads((FOLDER / f"{each}.json").read_text()) for each in (name, "gate"))
    history = read_history(FOLDER / name)
    return (
        found,
        history,
        judge(
            history,
            TransitionGraph.of(graph["initial"], graph["transitions"]),
            plan=RunPlan(sources=tuple(found["sources"])),
        ),
    )


def pack(result: CheckResult) -> dict[str, Any]:
    findings = [[each.verdict, each.workflow, each.race, list(each.operations)] for each in result.findings]
    return {
        "verdict": result.verdict,
        "judged": result.judged,
        "findings_total": result.findings_total,
        "findings": findings,
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_and_the_findings_are_those_of_the_time(name: str) -> None:
    found, _, judgement = judge_old(name)
    known = [result for result in judgement.checks if result.check in found["checks"]]
    assert {result.check: pack(result) for result in known} == found["checks"]
    assert {result.verdict for result in judgement.checks if result not in known} == {None}, "newer checks do not apply"
    assert (judgement.verdict, judgement.counts) == (found["verdict"], found["counts"] | {"stale": 0})


def test_the_schedules_of_an_old_history_are_read() -> None:
    schedules = read_schedules(judge_old("gate")[1])
    assert len(schedules) == 117
    assert {len(schedule.workflows) for schedule in schedules} == {1, 2}
    assert all(step.sql for schedule in schedules for step in schedule.steps)


def test_the_reason_tells_what_old_events_say() -> None:
    """Credentials that were refused, and a level that ran too little of its plan, in events that have new names now."""
    reason = judge_old("faults")[2].reason
    assert "the tenant acme was let in, and then was not (401)" in reason
    assert "less than half of what was planned of odd was run" in reason
