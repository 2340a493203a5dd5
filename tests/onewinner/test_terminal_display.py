"""Goal: the terminal shows every answer of an engine as text, and a reader that stops changes no exit code.

Method: findings that hold control sequences; commands whose output is a pipe without a reader.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from load.tally import Tally, merge
from onewinner.exits import FAIL, PASS
from onewinner.terminal_display import Display, describe_not_applicable, describe_tally, print_judgement
from reports.judge.levels.run_plan import LevelRun
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

CLEAR = "\x1b[2J"
HISTORIES = Path(__file__).parent.parent / "histories"


@contextlib.contextmanager
def open_deaf() -> Iterator[int]:
    """The end for writing of a pipe whose other end is closed."""
    read, write = os.pipe()
    os.close(read)
    try:
        yield write
    finally:
        os.close(write)


def test_control_sequences_of_an_engine_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding("legality", Verdict.FAIL, f"to {CLEAR}", f"to {CLEAR}\nand on")
    result = CheckResult("legality", Verdict.FAIL, f"why {CLEAR}", 1, "answers", (finding,), 1)
    print_judgement(Judgement(Verdict.FAIL, f"because {CLEAR}", (result,)))
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "because \u241b[2J" in told
    assert "to \u241b[2J\nand on" in told


@pytest.mark.parametrize(
    ("races", "rounds", "told"),
    [
        (8, 20, "8 of 9 races (4/s, spread p50 0.25 ms): 8 requests won, 3 conflicts, 1 unknown, 0 violations"),
        (9, 20, "9 races (4/s, spread p50 0.25 ms): 8 requests won, 3 conflicts, 1 unknown, 0 violations"),
        (0, 20, "20 rounds (10/s): 8 requests won, 3 conflicts, 1 unknown, 0 violations"),
        (0, 0, "0 races (0/s): 8 requests won, 3 conflicts, 1 unknown, 0 violations"),
    ],
)
def test_the_live_tally_counts_rounds_where_there_is_no_race(
    races: int, rounds: int, told: str, tmp_path: Path
) -> None:
    live = tmp_path / "live.json"
    tally = Tally(races, rounds, winners=8, conflicts=3, unknowns=1)
    live.write_text(json.dumps({**tally.pack(), "seconds": 2.0, "spread_p50_ms": 0.25}))
    assert describe_tally(live, 9) == told


def test_the_live_tally_counts_answers_that_a_version_is_stale(tmp_path: Path) -> None:
    live = tmp_path / "live.json"
    tally = merge([Tally(8, 8, winners=8, conflicts=3, stale=40).pack(), Tally(stale=21).pack()])
    live.write_text(json.dumps({**tally.pack(), "seconds": 2.0, "spread_p50_ms": None}))
    assert describe_tally(live) == "8 races (4/s): 8 requests won, 3 conflicts, 61 stale, 0 unknown, 0 violations"


def open_run(folder: Path) -> Path:
    """A run directory with two answers of the source s."""
    (folder / "history").mkdir()
    (folder / "history" / "s.jsonl").write_text('{"event":"return"}\n' * 2)
    return folder


def test_a_log_gets_a_line_when_a_level_begins_and_one_when_it_has_ended(tmp_path: Path) -> None:
    """At once: who reads the log of a long run sees how far it is."""
    log = io.StringIO()
    with contextlib.closing(Display(open_run(tmp_path), Console(file=log, width=120), levels=2)) as display:
        line = display.begin("sequential", ["s"])
        assert log.getvalue() == "sequential begins (1 of 2)\n"
        line.show()
        assert log.getvalue().count("\n") == 1
        line.end(61.7)
        display.begin("race", ["t"]).end(3.2)
    assert [told.split() for told in log.getvalue().splitlines()] == [
        ["sequential", "begins", "(1", "of", "2)"],
        ["sequential", "2", "operations", "answered,", "62", "s"],
        ["race", "begins", "(2", "of", "2)"],
        ["race", "0", "operations", "answered,", "3", "s"],
    ]


def test_a_level_that_a_wrong_answer_ended_says_so(tmp_path: Path) -> None:
    log = io.StringIO()
    with contextlib.closing(Display(open_run(tmp_path), Console(file=log, width=120))) as display:
        display.begin("parallel", ["s"]).end(9.0, met_mismatch=True)
    assert log.getvalue().splitlines()[1] == (
        "parallel      2 operations answered; a wrong answer ended it, the verdict comes at the end, 9 s"
    )


def test_a_log_tells_now_and_then_how_far_a_long_level_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, now = io.StringIO(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with contextlib.closing(Display(open_run(tmp_path), Console(file=log, width=120))) as display:
        line = display.begin("sequential", ["s"])
        for now[0] in (114.0, 115.0, 129.0, 131.0):
            line.show()
    assert [told.split() for told in log.getvalue().splitlines()] == [
        ["sequential", "begins"],
        ["sequential", "2", "operations", "answered", "after", "15", "s"],
        ["sequential", "2", "operations", "answered", "after", "31", "s"],
    ]


def test_a_terminal_shows_the_place_of_a_level_as_long_as_it_runs(tmp_path: Path) -> None:
    shown = io.StringIO()
    with contextlib.closing(
        Display(open_run(tmp_path), Console(file=shown, force_terminal=True, width=120), levels=2)
    ) as display:
        line = display.begin("sequential", ["s"])
        line.show()
        line.end(1.0)
    assert re.search(r"sequential +\(1 of 2\) 2 operations answered", shown.getvalue())


def test_the_time_of_a_level_stops_at_its_end(tmp_path: Path) -> None:
    with contextlib.closing(Display(open_run(tmp_path), Console(file=io.StringIO(), force_terminal=True))) as display:
        first, second = display.begin("sequential", ["s"]), display.begin("race", ["t"])
        first.end(1.0)
        ended = [display.progress.tasks[0].stop_time]
        second.end(1.0)
        display.begin("faults", []).end(1.0)
        assert [display.progress.tasks[0].stop_time] == ended
        assert all(task.stop_time is not None for task in display.progress.tasks)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", str(HISTORIES / "good" / "cancel-from-anywhere.jsonl")), PASS),
        (("check", str(HISTORIES / "bad" / "audit.broken-chain.jsonl")), FAIL),
        (("init",), PASS),
        (("--help",), PASS),
    ],
    ids=["a pass", "a failure", "plain words", "help"],
)
def test_who_stops_reading_changes_no_exit_code(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "onewinner", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    with open_deaf() as deaf:
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=deaf, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (code, "")


def test_what_is_not_applicable_is_told_once_for_each_reason() -> None:
    race = LevelRun(
        level="race", not_applicable={"fork": "no [workflow]", "guards": "no [workflow]", "expiry": "no move"}
    )
    faults = LevelRun(level="faults", not_applicable={"faults": "no database"})
    assert describe_not_applicable([race, faults]) == [
        "not applicable: the scenarios fork and guards: no [workflow]",
        "not applicable: the scenario expiry: no move",
        "not applicable: the level faults: no database",
    ]
