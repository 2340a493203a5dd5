"""Goal: a command of the documents does what they say, and not only what its parser takes.

Method: those that judge, compare or show files are run here, on files with the names of the documents. Each other one
needs a service, a database or minutes: a test that runs it smaller is named.
"""

import shlex
from pathlib import Path

import pytest

from reports.comparison.facts import Facts, Measures
from reports.documents.run_folder import begin_run, finish_run, with_judgement
from reports.judge.verdict import CheckResult, Judgement, Verdict
from tests.load.stub import SMALL
from tests.onewinner.running import Command
from tests.test_command_syntax_in_docs import OURS, ROOT

GOOD = ROOT / "tests" / "histories" / "good" / "unknown-won.jsonl"
BLOCKS = (100e6, 101e6, 99e6, 102e6)
# What a command is, to the exit codes that are right here: nothing is wrong, and little was measured.
RUN_HERE = {
    "check recorded.jsonl": (0, 3),
    "check runs/20260101T120000Z-orders": (0, 3),
    "compare runs/": (0, 3),
    "report --history runs": (0,),
}
# Each of the others, to the test that runs it, and why it is not run as it stands.
ELSEWHERE = {
    "bisect": ("onewinner/commands/test_bisect.py", "it installs two releases of a package"),
    "compare --ab": ("onewinner/commands/test_compare.py", "it runs two services in turns for minutes"),
    "defects": ("onewinner/commands/test_defects.py", "it runs every defect at every level"),
    "doctor": ("onewinner/commands/test_doctor.py", "it needs the service of the target file"),
    "explore": ("onewinner/commands/test_explore.py", "it runs every order of statements"),
    "gate": ("onewinner/commands/test_gate.py", "it runs every level"),
    "init": ("onewinner/commands/test_init.py", "it reads the OpenAPI document of a running service"),
    "race": ("onewinner/commands/test_race.py", "it presses for a minute"),
    "serve": ("onewinner/running.py", "it runs until it is stopped"),
    "ui": ("onewinner/commands/test_ui.py", "it runs until it is stopped"),
}


def find(line: str, names: dict[str, tuple[int, ...]] | dict[str, tuple[str, str]]) -> str | None:
    """The longest name with which the arguments of a command begin."""
    arguments = line.partition("onewinner ")[2]
    return max((name for name in names if arguments.startswith(name)), key=len, default=None)


HERE = [line for line in dict.fromkeys(OURS) if find(line, RUN_HERE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the documents name: a recorded history, and two runs, of which one can be judged again."""
    (tmp_path / "recorded.jsonl").write_text(GOOD.read_text())
    (tmp_path / "small.toml").write_text(SMALL)
    for name in ("20260101T120000Z-orders", "20260102T120000Z-orders"):
        run = begin_run(tmp_path / "runs" / name, tmp_path / "small.toml", Facts(name="orders"))
        (run.history / "race-0.jsonl").write_text(GOOD.read_text())
        judgement = Judgement(Verdict.PASS, "so it is", (CheckResult("audit", Verdict.PASS),))
        finish_run(with_judgement(run, judgement, measures=Measures(blocks={"latency.won.p50": BLOCKS})))
    return tmp_path


@pytest.mark.parametrize("line", HERE)
def test_a_command_that_reads_files_is_run(line: str, folder: Path) -> None:
    ended = Command(tuple(shlex.split(line)[1:]), folder).run_here()
    assert "Traceback" not in ended.stderr
    assert ended.returncode in RUN_HERE[find(line, RUN_HERE) or ""], ended


def test_each_other_command_is_run_by_another_test() -> None:
    others = {line: find(line, ELSEWHERE) for line in OURS if line not in HERE}
    assert [line for line, name in others.items() if name is None] == []
    assert set(ELSEWHERE) == set(others.values()), "each reason is needed"
    assert all((ROOT / "tests" / test).exists() for test, _ in ELSEWHERE.values())
