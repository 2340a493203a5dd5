"""Goal: the kill matrix notices a defect that survives, in the harness that is there and in one broken on purpose.

Method: the real command on a few cells; and in this process, with a check of the judge stubbed out.
"""

import json
from pathlib import Path

import pytest

from onewinner.commands import defects
from reports.judge.all_checks import CHECKS
from reports.judge.context import CheckContext
from reports.judge.verdict import CheckResult, Verdict
from tests.onewinner.running import Command

FEW = ("--defect", "check-then-act", "--control", "version-column", "--seeds", "1")


STATUSES = {
    ("check-then-act", "sequential"): "passed",
    ("check-then-act", "race"): "caught",
    ("version-column", "sequential"): "passed",
    ("version-column", "race"): "passed",
}


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param(("race",), marks=pytest.mark.exhaustive),
        pytest.param(("sequential", "race"), marks=pytest.mark.exhaustive),
    ],
    ids=" ".join,
)
def test_a_race_defect_is_caught_by_racing_and_a_control_is_not_accused(
    levels: tuple[str, ...], tmp_path: Path
) -> None:
    options = [part for level in levels for part in ("--level", level)]
    command = Command(("defects", *FEW, *options, "--out", "run"), tmp_path)
    ended = command.run_here()
    assert ended.returncode == 0, ended
    assert command.find_left() == []
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    statuses = {(row["name"], row["level"]): row["status"] for row in record["defects"] if row["seeds"]}
    assert statuses == {cell: status for cell, status in STATUSES.items() if cell[1] in levels}
    kept = [file for name in ("cells", "engines") for file in (tmp_path / "run").glob(f"{name}/*")]
    assert kept == [], "what went as expected is not kept"
    assert "every cell is as expected" in ended.stdout


@pytest.mark.exhaustive
def test_a_judge_that_does_not_see_two_winners_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def see_nothing(case: CheckContext) -> CheckResult:
        return CheckResult("one-winner", Verdict.PASS, judged=case.races.height, unit="races")

    monkeypatch.setitem(CHECKS, "one-winner", see_nothing)
    out = tmp_path / "run"
    code = defects.main(["--defect", "check-then-act", "--level", "race", "--seeds", "1", "--out", str(out)])
    assert code == 1
    assert "one-winner did not fail in 1 of 1 seeds" in capsys.readouterr().out
    [kept] = (out / "cells").iterdir()
    assert kept.name == "check-then-act-race-1"
    assert (kept / "index.html").exists(), "the cell can be looked at"


def test_a_level_at_which_nothing_is_promised_is_a_usage_error(tmp_path: Path) -> None:
    ended = Command(
        ("defects", "--quick", "--level", "faults", "--defect", "extra-edge", "--out", "run"), tmp_path
    ).run_here()
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "--level" in ended.stderr
    assert not (tmp_path / "run").exists()
