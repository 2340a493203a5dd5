"""Goal: a calibration takes no verdict away. Method: the end of a run that passes, whose calibration cannot begin."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from onewinner import calibration
from onewinner.commands.gate import parse
from onewinner.exits import PASS, UsageError
from onewinner.level_plans import RaceLoad, plan_race
from onewinner.level_runs import LevelResult
from onewinner.run import conclude
from onewinner.run_request import RunRequest
from onewinner.signals import Interrupted
from reports.comparison.facts import Facts
from reports.documents.run_folder import Run, begin_run, read_run
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict

JOURNAL = """\
{"event":"header","format":1,"source":"race-0"}
{"event":"plan","operations":1,"races":0}
{"event":"invoke","id":1,"process":"p","workflow":"w","kind":"create","invoked_ns":1}
{"event":"return","id":1,"outcome":"ok","status":201,"observed":"CREATED","returned_ns":2}
{"event":"end","operations":1}
"""
LEVEL = plan_race(RaceLoad({}, 20, 5), 1)
OPTIONS = parse(["--calibrate"])
RAN = LevelResult(LEVEL, 0, 1.0)
REQUEST = RunRequest(OPTIONS.run, OPTIONS.engine, (LEVEL,), Facts())


@pytest.fixture
def passing(tmp_path: Path) -> Run:
    facts = Facts(name="reference", target="reference", seed=1, plan=RunPlan(sources=("race-0",)))
    run = begin_run(tmp_path / "run", REFERENCE, facts)
    (run.history / "race-0.jsonl").write_text(JOURNAL)
    return run


def break_off(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run_engine(*_: object) -> AbstractContextManager[None]:
        raise error

    monkeypatch.setattr(calibration, "run_engine", run_engine)


def test_one_that_cannot_be_made_is_told(
    passing: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_off(monkeypatch, UsageError("no database"))
    assert conclude(REQUEST, passing, [RAN]) == PASS
    assert capsys.readouterr().err == "onewinner gate: --calibrate: no database\n"
    assert read_run(passing.folder).judgement.verdict is Verdict.PASS


def test_an_interrupt_comes_after_the_verdict(passing: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch, Interrupted())
    with pytest.raises(Interrupted):
        conclude(REQUEST, passing, [RAN])
    assert read_run(passing.folder).judgement.verdict is Verdict.PASS
    assert (passing.folder / "index.html").is_file()
