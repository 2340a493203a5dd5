"""Goal: what is measured in turns after a gate never takes a verdict away, and what its checks find counts.

Method: a run that passed, and a measuring that ends in each way.
"""

from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from onewinner.engine_choice import EngineChoice, read_target
from onewinner.exits import UsageError
from onewinner.options import RunOptions
from onewinner.run import Measuring, with_relative
from onewinner.run_request import RunRequest
from reports.comparison.facts import Facts, Measured, Progress, Relative
from reports.documents.run_folder import Run
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

SIDE = Measured({}, {}, Progress())
RELATIVE = Relative(SIDE, SIDE, seconds=5, races=40, contenders=10)
PASSED = Judgement(Verdict.PASS, "all passed", (CheckResult("audit", Verdict.PASS), CheckResult("schema", None)))


def measure(tmp_path: Path, measuring: Measuring) -> Run:
    request = RunRequest(
        RunOptions("gate", (), tmp_path, 1), EngineChoice(REFERENCE, read_target(REFERENCE), "embedded"), (), Facts()
    )
    return with_relative(Run(tmp_path, Facts(), PASSED), request, measuring, 5)


def end(judgement: Judgement) -> Measuring:
    return lambda request, _: (RELATIVE, Run(request.options.folder / "turns" / "b", Facts(), judgement))


def test_a_passing_measure_leaves_the_judgement(tmp_path: Path) -> None:
    run = measure(tmp_path, end(PASSED))
    assert (run.judgement, run.facts.measures.relative) == (PASSED, RELATIVE)


def test_a_check_that_fails_in_turns_fails(tmp_path: Path) -> None:
    found = CheckResult("audit", Verdict.FAIL, findings=(Finding("audit", Verdict.FAIL, "a row is missing"),))
    run = measure(tmp_path, end(Judgement(Verdict.FAIL, "audit failed", (found, PASSED.checks[1]))))
    assert run.judgement.verdict is Verdict.FAIL
    assert run.judgement.checks == (found, PASSED.checks[1])
    assert run.judgement.reason == f"in turns with the reference engine: audit failed; see {tmp_path / 'turns' / 'b'}"


def test_turns_of_which_nothing_is_known_measure_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = measure(tmp_path, end(Judgement(Verdict.UNKNOWN, "3 % of the answers are unknown", ())))
    assert (run.judgement, run.facts.measures.relative) == (PASSED, None)
    assert "--measure: unknown: 3 % of the answers are unknown; see " in capsys.readouterr().err


@pytest.mark.parametrize("error", [UsageError("no scenario applies"), ValueError("rates: no races")])
def test_a_measure_that_cannot_be_taken_is_told_and_changes_no_verdict(
    error: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(request: RunRequest, seconds: int) -> tuple[Relative, Run]:
        raise error

    run = measure(tmp_path, fail)
    assert (run.judgement, run.facts.measures.relative) == (PASSED, None)
    assert run.facts.measures.errors == {"relative": str(error)}
    assert f"onewinner gate: --measure: {error}" in capsys.readouterr().err
