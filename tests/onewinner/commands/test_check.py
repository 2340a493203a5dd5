"""Goal: `check` ends with the worst verdict of what it was given, judged by what it was told.

Method: the command in this process, on histories of the corpus and on run directories made of them.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from reports.documents.run_folder import begin_run
from reports.history.seal import seal_history
from tests.load.stub import SMALL
from tests.onewinner.running import Command
from tests.reports.building import make_facts

HISTORIES = Path(__file__).parents[2] / "histories"
GOOD = HISTORIES / "good" / "one-race.jsonl"
TWO_WINNERS = HISTORIES / "bad" / "one-winner.two-winners.jsonl"
# One of its requests has an unknown outcome, and nothing is wrong.
UNKNOWN = HISTORIES / "good" / "unknown-won.jsonl"
BROKEN_TRAIL = HISTORIES / "bad" / "audit.broken-chain.jsonl"
SOURCE = "race-0"


def check(folder: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    ended = Command(("check", *map(str, arguments)), folder).run_here()
    assert "Traceback" not in ended.stderr
    return ended


def make_run(folder: Path, history: Path, *sources: str) -> Path:
    """A run directory of SMALL, whose plan has these sources, and of which the first wrote the history."""
    (folder / "small.toml").write_text(SMALL)
    run = begin_run(folder / "run", folder / "small.toml", make_facts(plan={"sources": sources}))
    text = history.read_text().replace('"event": "header"', f'"event": "header", "source": "{SOURCE}"', 1)
    end = '{"event": "plan", "operations": 5, "races": 1}\n{"event": "end", "operations": 5}\n'
    (run.history / f"{SOURCE}.jsonl").write_text(text.rstrip("\n") + "\n" + end)
    return run.folder


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        ((GOOD,), 0),
        ((TWO_WINNERS,), 1),
        ((UNKNOWN,), 3),
        ((GOOD, UNKNOWN), 3),
        ((UNKNOWN, GOOD), 3),
        ((TWO_WINNERS, GOOD), 1),
        ((UNKNOWN, TWO_WINNERS), 1),
    ],
    ids=lambda value: "+".join(path.stem for path in value) if isinstance(value, tuple) else "",
)
def test_the_worst_verdict_is_the_exit_code(paths: tuple[Path, ...], code: int, tmp_path: Path) -> None:
    ended = check(tmp_path, *paths, "--unknown-max", "0.01")
    assert ended.returncode == code, ended
    assert ended.stdout.count("accounting") >= len(paths), "each is told"


def test_a_check_that_is_not_asked_for_finds_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, BROKEN_TRAIL).returncode == 1
    assert check(tmp_path, BROKEN_TRAIL, "--only", "audit").returncode == 1
    ended = check(tmp_path, BROKEN_TRAIL, "--only", "linearizable")
    assert ended.returncode == 0, ended
    assert "audit" not in ended.stdout


def test_what_is_legal_stands_in_the_target(tmp_path: Path) -> None:
    (tmp_path / "wide.toml").write_text(SMALL)
    assert check(tmp_path, GOOD, "--target", "wide.toml").returncode == 0
    (tmp_path / "other.toml").write_text(SMALL.replace('A = ["B", "X"]', 'A = ["X", "C"]\nX = ["B"]'))
    ended = check(tmp_path, GOOD, "--target", "other.toml")
    assert ended.returncode == 1, ended
    assert "legality" in ended.stdout
    assert f"onewinner check {GOOD} --target other.toml" in " ".join(ended.stdout.split()), "again, by the same graph"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--target", "small.toml", "--initial", "nowhere"),
            "--initial: 'nowhere' is no state of the target's workflow",
        ),
        (("--workflow", "w9"), "has no operation of a workflow w9"),
        (("--unknown-max", "2"), "--unknown-max"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    ended = check(tmp_path, GOOD, *arguments)
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    assert sentence in ended.stderr


def test_how_much_may_be_unknown_can_be_said(tmp_path: Path) -> None:
    assert check(tmp_path, UNKNOWN).returncode == 0
    ended = check(tmp_path, UNKNOWN, "--unknown-max", "0.01")
    assert ended.returncode == 3, ended
    assert "UNKNOWN: " in ended.stdout
    assert check(tmp_path, UNKNOWN, "--unknown-max", "0.9").returncode == 0


def test_a_run_directory_is_judged_by_its_own_target_and_plan(tmp_path: Path) -> None:
    run = make_run(tmp_path, GOOD, SOURCE)
    assert check(tmp_path, run).returncode == 0
    text = (run / "target.toml").read_text()
    (run / "target.toml").write_text(text.replace('A = ["B", "X"]', 'A = ["X", "C"]\nX = ["B"]'))
    assert check(tmp_path, run).returncode == 1, "by its own copy the edge is illegal"
    assert check(tmp_path, run, "--target", "small.toml").returncode == 0, "the target that is named comes first"


def test_a_source_of_the_plan_that_wrote_nothing_leaves_a_gap(tmp_path: Path) -> None:
    run = make_run(tmp_path, GOOD, SOURCE, "race-1")
    ended = check(tmp_path, run)
    assert ended.returncode == 3, ended
    assert "race-1" in ended.stdout
    # Of one workflow alone the plan says nothing.
    assert check(tmp_path, run, "--workflow", "w1").returncode == 0


def test_kinds_of_events_that_are_not_known_are_counted(tmp_path: Path) -> None:
    journal = tmp_path / "one.jsonl"
    shutil.copy(GOOD, journal)
    with journal.open("a") as lines:
        lines.write('{"event": "weather"}\n{"event": "a\\u001b[31m"}\n{"event": "weather", "rain": true}\n')
    told = "this version does not know these events: 1 a\\x1b[31m and 2 weather\n"
    ended = check(tmp_path, "one.jsonl")
    assert (ended.returncode, ended.stderr.endswith(told)) == (0, True), ended
    # They are still there when the journal has been sealed.
    seal_history(journal)
    ended = check(tmp_path, "one.parquet")
    assert (ended.returncode, ended.stderr.endswith(told)) == (0, True), ended


def test_what_lies_beside_the_history_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "histories"
    folder.mkdir()
    shutil.copy(GOOD, folder / "one.jsonl")
    (folder / "notes.txt").write_text("mine")
    ended = check(tmp_path, "histories")
    assert ended.returncode == 0, ended
    assert ended.stderr == "onewinner check: not read: notes.txt\n"
