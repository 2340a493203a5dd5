"""Goal: the judge is right about histories whose verdict is known. Method: a corpus of journals.

`tests/histories/good/` holds histories that something explains: no check may fail there. Each history in `bad/` is
named after the check that must find it. A header tells what is in the file: `about`; the `graph` and the `initial`
state to judge it by; the overall `verdict` where it is neither plain pass nor fail; for a bad one the `names` of
operations that a finding must name, how many it names `at_most`, and checks that must fail `also`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.target.graph import TransitionGraph
from reports.history.history import History, read_history
from reports.judge.all_checks import CHECKS
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import CheckResult, Judgement, Verdict

CORPUS = Path(__file__).parent.parent / "histories"
GOOD = sorted((CORPUS / "good").glob("*.jsonl"))
BAD = sorted((CORPUS / "bad").glob("*.jsonl"))


@cache
def judge_file(path: Path) -> tuple[dict[str, Any], History, Judgement]:
    history = read_history(path)
    with path.open() as lines:
        header = json.loads(next(lines))
    graph = header.get("graph")
    found = TransitionGraph.of(graph["initial"], graph["transitions"]) if graph else None
    return header, history, judge(history, found, header.get("initial"), plan=take_plan(header))


def take_plan(header: dict[str, Any]) -> RunPlan | None:
    return msgspec.convert(header["plan"], RunPlan) if "plan" in header else None


def get_result(judgement: Judgement, check: str) -> CheckResult:
    return next(result for result in judgement.checks if result.check == check)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_history_has_no_finding(path: Path) -> None:
    header, _, judgement = judge_file(path)
    assert judgement.findings == ()
    assert get_result(judgement, "linearizable").verdict is Verdict.PASS
    assert judgement.verdict == header.get("verdict", "pass"), judgement.reason


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_history_has_the_finding_that_it_is_named_after(path: Path) -> None:
    header, history, judgement = judge_file(path)
    check = path.stem.split(".")[0]
    expected = Verdict(header.get("verdict", "fail"))
    result = get_result(judgement, check)
    assert result.verdict is expected, result
    assert judgement.verdict is expected
    assert result.findings_total == len(result.findings) > 0
    for other in header.get("also", ()):
        assert get_result(judgement, other).verdict is Verdict.FAIL
    named = {name for finding in result.findings for name in finding.operations}
    assert set(header.get("names", ())) <= named
    for finding in result.findings:
        assert finding.title
        assert finding.words
        assert finding.command.startswith(f"onewinner check {history.path} --only {check}")
        if check == "linearizable":
            assert len(finding.operations) <= header.get("at_most", 3)


def test_every_check_has_a_history_in_which_it_does_not_pass() -> None:
    assert {path.stem.split(".")[0] for path in BAD} == set(CHECKS)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_judging_one_workflow_alone_finds_it_again(path: Path) -> None:
    """The command that a finding gives leads back to that finding."""
    header, history, judgement = judge_file(path)
    graph = header.get("graph")
    found = TransitionGraph.of(graph["initial"], graph["transitions"]) if graph else None
    for finding in judgement.findings:
        again = judge(
            history,
            found,
            header.get("initial"),
            plan=take_plan(header),
            only=[finding.check],
            workflow=finding.workflow,
        )
        assert finding.title in [each.title for each in again.findings]
