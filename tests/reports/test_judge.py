"""Goal: verdicts merge as the design says, and nothing that goes wrong inside a check is ever green."""

from typing import Any

import pytest

from engine.graph import TransitionGraph
from reports.case import Case
from reports.checks import CHECKS
from reports.evidence import Limits
from reports.judge import judge
from reports.verdict import CheckResult, Judgement, Verdict
from tests.reports.building import advance, build_history, create, override, read

AB = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
RACE = [
    create("c", 0, 1),
    advance("a", "A-B", 2, 5, race="r"),
    advance("b", "A-B", 3, 6, "conflict", race="r", observed="B"),
]


def judge_records(*records: dict[str, Any], **more: Any) -> Judgement:
    return judge(build_history(records), more.pop("graph", AB), **more)


def get(judgement: Judgement, check: str) -> CheckResult:
    return next(result for result in judgement.checks if result.check == check)


def test_every_check_reports_even_where_it_does_not_apply() -> None:
    judgement = judge_records(*RACE)
    assert judgement.verdict is Verdict.PASS
    assert judgement.counts == {
        "operations": 3,
        "workflows": 1,
        "races": 1,
        "won": 1,
        "conflict": 1,
        "ok": 1,
        "refused": 0,
        "unknown": 0,
    }
    silent = {result.check: result.reason for result in judgement.checks if result.verdict is None}
    assert set(silent) == {"final-state", "audit", "effects", "tenant-isolation", "schema", "no-5xx", "accounting"}
    assert all(silent.values())


def test_a_check_that_raises_is_unknown_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(case: Case) -> CheckResult:
        raise RuntimeError(f"no idea about {case.evidence.workflows} workflow")

    monkeypatch.setitem(CHECKS, "legality", break_down)
    judgement = judge_records(*RACE)
    assert judgement.verdict is Verdict.UNKNOWN
    result = get(judgement, "legality")
    assert result.verdict is Verdict.UNKNOWN
    assert "RuntimeError: no idea about 1 workflow" in result.reason
    assert judgement.reason == "legality could not be decided"
    assert result.findings[0].command == "onewinner check history --only legality"


def test_a_failure_outranks_a_breakdown(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(case: Case) -> CheckResult:
        raise KeyError(str(case))

    monkeypatch.setitem(CHECKS, "legality", break_down)
    assert judge_records(*RACE, advance("d", "A-B", 2, 6, race="r")).verdict is Verdict.FAIL


def test_a_search_that_runs_out_of_time_is_unknown_and_says_so() -> None:
    sets = [override(f"s{number}", f"v{number}", 0, 1_000) for number in range(30)]
    reads = [read(f"q{number}", 0, 3_000, f"v{number}") for number in range(30)]
    reads += [read("r1", 2_000, 2_001, "v1"), read("r2", 2_002, 2_003, "v2")]
    judgement = judge_records(*sets, *reads, graph=None, limits=Limits(workflow_s=0.05))
    result = get(judgement, "linearizable")
    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].title == "Workflow w could not be decided within 0.05 s."
    assert judgement.verdict is Verdict.UNKNOWN


def test_no_operations_prove_nothing() -> None:
    judgement = judge_records()
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason == "the history holds no operation"


@pytest.mark.parametrize(("unknown", "verdict"), [(2, Verdict.PASS), (3, Verdict.UNKNOWN)])
def test_more_than_two_percent_unknown_operations_prove_too_little(unknown: int, verdict: Verdict) -> None:
    records = [create("c", 0, 1), *(read(f"r{number}", 2, 3, "A") for number in range(99))]
    lost = [read(f"u{number}", 2, None, None, outcome="unknown") for number in range(unknown)]
    assert judge_records(*records, *lost).verdict is verdict


def test_a_kind_of_operation_that_never_succeeded_proves_too_little() -> None:
    judgement = judge_records(create("c", 0, 1), advance("a", "B-C", 2, 3, "conflict", observed="A"))
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason == "no advance ever succeeded (1 tried)"


def test_more_than_a_tenth_of_races_without_overlap_prove_too_little() -> None:
    def race(number: int, apart: int) -> list[dict[str, Any]]:
        name = f"w{number}"
        win = advance(f"{number}a", "A-B", 2, 5, race=name, workflow=name)
        lose = advance(f"{number}b", "A-B", 3 + apart, 6 + apart, "conflict", race=name, workflow=name, observed="B")
        return [win, lose]

    nine = [record for number in range(9) for record in race(number, 0)]
    assert judge_records(*nine, *race(9, 10)).verdict is Verdict.PASS
    judgement = judge_records(*nine[:16], *race(8, 10), *race(9, 10))
    assert get(judgement, "one-winner").verdict is Verdict.UNKNOWN
    assert get(judgement, "one-winner").reason == "in 2 of 10 races no contender overlapped the winner"


def test_findings_are_capped_and_counted() -> None:
    many = []
    for number in range(30):
        many += [advance(f"{number}{name}", "A-B", 2, 5, race="r", workflow=f"w{number}") for name in "ab"]
    result = get(judge_records(*many, limits=Limits(findings_max=3)), "one-winner")
    assert (len(result.findings), result.findings_total) == (3, 30)
    assert [finding.workflow for finding in result.findings] == ["w0", "w1", "w2"]


def test_only_some_checks_and_only_one_workflow() -> None:
    records = [
        *RACE,
        advance("x", "A-B", 2, 3, workflow="other wise"),
        advance("y", "A-B", 2, 3, workflow="other wise"),
    ]
    judgement = judge_records(*records, only=["linearizable"], command="onewinner check runs/1")
    assert [result.check for result in judgement.checks] == ["linearizable"]
    assert judgement.findings[0].command == "onewinner check runs/1 --only linearizable --workflow 'other wise'"
    assert judge_records(*records, workflow="w").verdict is Verdict.PASS
    assert judge_records(*records, workflow="other wise").verdict is Verdict.FAIL
