"""Goal: a scenario passes only if nothing can be said against it. Method: judgements written by hand."""

from dataclasses import replace

import pytest

from reports.judge.levels.run_plan import LevelRun, ScenarioRun
from reports.judge.levels.scenarios import name_scenarios, sum_scenarios
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict
from tests.reports.building import build_history, create

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
FORK = ScenarioRun(scenario="fork", planned=3, run=3)
LEVEL = LevelRun(level="race", scenarios=(FORK,))


def find(verdict: Verdict, scenario: str | None, title: str = "so it is") -> Finding:
    return Finding("audit", verdict, title, scenario=scenario)


def judge_by(*findings: Finding, total: int | None = None, verdict: Verdict = PASS) -> Judgement:
    check = CheckResult("audit", verdict, findings=findings, findings_total=len(findings) if total is None else total)
    return Judgement(verdict, "of 3 races 1 is unknown", (check,))


def sum_fork(judgement: Judgement, level: LevelRun = LEVEL) -> tuple[Verdict | None, str]:
    (result,) = sum_scenarios([level], judgement)
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("judgement", "verdict", "reason"),
    [
        (judge_by(), PASS, ""),
        (judge_by(find(FAIL, "fork"), verdict=FAIL), FAIL, ""),
        (judge_by(find(FAIL, "tenants"), verdict=FAIL), PASS, ""),
        (judge_by(find(UNKNOWN, "fork"), verdict=UNKNOWN), UNKNOWN, ""),
        (judge_by(find(UNKNOWN, "fork"), find(FAIL, "fork"), verdict=FAIL), FAIL, ""),
        (judge_by(find(FAIL, "tenants"), total=2, verdict=FAIL), None, "not all findings of audit were told apart"),
        (judge_by(find(FAIL, None), verdict=FAIL), None, "not all findings of audit were told apart"),
        (judge_by(find(UNKNOWN, "tenants"), verdict=UNKNOWN), None, "the run is undecided: of 3 races 1 is unknown"),
    ],
)
def test_what_is_said_of_a_scenario(judgement: Judgement, verdict: Verdict | None, reason: str) -> None:
    found, told = sum_fork(judgement)
    assert found is verdict
    assert reason in told
    assert bool(told) == bool(reason)


def test_one_of_which_nothing_was_run_does_not_pass() -> None:
    none_run = make_level(run=0)
    assert sum_fork(judge_by(), none_run) == (None, "nothing of it was run")
    assert sum_fork(judge_by(find(FAIL, "fork"), verdict=FAIL), none_run)[0] is FAIL


def test_one_that_does_not_apply_says_why() -> None:
    level = LevelRun(level="race", scenarios=(FORK,), not_applicable={"tenants": "the target has one tenant only"})
    results = {result.scenario: (result.verdict, result.reason) for result in sum_scenarios([level], judge_by())}
    assert results == {"fork": (PASS, ""), "tenants": (None, "not applicable: the target has one tenant only")}


def test_the_worst_finding_comes_first() -> None:
    (result,) = sum_scenarios(
        [LEVEL], judge_by(find(UNKNOWN, "fork", "maybe"), find(FAIL, "fork", "yes"), verdict=FAIL)
    )
    assert [finding.title for finding in result.findings] == ["yes", "maybe"]


def test_a_finding_has_the_scenario_of_its_first_operation() -> None:
    history = build_history(
        [create("a", 0, 1, scenario="fork"), create("b", 2, 3, scenario="tenants"), create("c", 4, 5)]
    )
    findings = [replace(find(FAIL, None), operations=ids) for ids in (("a", "b"), ("c",), ("gone",), ())]
    (result,) = name_scenarios(history, [CheckResult("audit", FAIL, findings=tuple(findings))])
    assert [finding.scenario for finding in result.findings] == ["fork", None, None, None]


def make_level(run: int) -> LevelRun:
    """The level, with so much of the scenario run."""
    return LevelRun(level="race", scenarios=(ScenarioRun(scenario="fork", planned=3, run=run),))
