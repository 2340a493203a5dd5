"""Goal: a gate that is ended leaves no process, accuses no service, and leaves a history that can be judged.

Method: the real command, which gets a signal, or whose database does.
"""

import json
import signal
from pathlib import Path

import pytest

from reports.history.history import read_history
from tests.onewinner.running import Command, read_words, wait_for

EXHAUSTIVE = pytest.mark.exhaustive
EARLY = ("--level", "sequential", "--batches", "1000")
# What is awaited before the signal, and the options with which it comes soon.
MOMENTS = {
    "at once": ("", EARLY),
    "while the service starts": ("logs/service.log", EARLY),
    "in the sequences": ("history/sequential-0.jsonl", EARLY),
    "in the parallel plans": ("history/parallel-0.jsonl", ("--level", "parallel", "--level", "race")),
    "in the races": ("history/race-0.0.jsonl", ("--level", "race", "--races", "100000")),
}
SHOWING = (("at once", signal.SIGINT), ("in the sequences", signal.SIGTERM))
INTERRUPTS = [
    pytest.param(moment, number, marks=() if (moment, number) in SHOWING else EXHAUSTIVE)
    for moment in MOMENTS
    for number in (signal.SIGINT, signal.SIGTERM)
]


@pytest.mark.parametrize(("moment", "number"), INTERRUPTS)
def test_an_interrupted_gate_leaves_no_process_and_a_readable_journal(
    moment: str, number: signal.Signals, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    name, options = MOMENTS[moment]
    awaited = out / name
    command = Command(("gate", *options, "--out", str(out)), tmp_path)
    with command.start() as process:
        if moment == "at once":
            wait_for(lambda: len(command.find_left()) > 1, process)
        else:
            wait_for(lambda: awaited.exists() and (awaited.suffix == ".log" or awaited.stat().st_size > 5000), process)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 3, (output, errors)
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert command.find_left() == []
    if awaited.suffix == ".jsonl":
        assert f"onewinner check {out}" in errors
        assert read_history(out).operations.height > 0
        assert json.loads((out / "run.json").read_text())["verdict"] == "unknown"
        judged = Command(("check", str(out)), tmp_path).run_here()
        assert judged.returncode == 3, judged
        assert "accounting" in judged.stdout


@pytest.mark.parametrize(
    ("level", "source"),
    [pytest.param("race", "race-0.0", marks=EXHAUSTIVE), pytest.param("faults", "faults-0", marks=EXHAUSTIVE)],
)
def test_a_killed_gate_leaves_no_process_and_accuses_no_service(level: str, source: str, tmp_path: Path) -> None:
    """Those that ask end before the service, and that before its database."""
    out = tmp_path / "run"
    command = Command(("gate", "--level", level, "--races", "100000", "--out", str(out)), tmp_path)
    with command.start() as process:
        journal = out / "history" / f"{source}.jsonl"
        wait_for(lambda: journal.exists() and journal.stat().st_size > 50_000, process)
        process.kill()
        process.wait()
        # The leashes notice at once; ending what hangs on them takes a moment.
        for left in command.walk_left():
            left.wait(30)
    assert command.find_left() == []
    judged = Command(("check", str(out)), tmp_path).run_here()
    assert judged.returncode in (0, 3), judged.stdout


@pytest.mark.exhaustive
def test_a_database_that_is_killed_from_outside_accuses_no_service(tmp_path: Path) -> None:
    """As the kernel does when memory runs out: one process of the server, and all sessions end."""
    out = tmp_path / "run"
    command = Command(("gate", "--level", "race", "--races", "120", "--out", str(out)), tmp_path)
    with command.start() as process:
        journal = out / "history" / "race-0.0.jsonl"
        wait_for(lambda: journal.exists() and journal.stat().st_size > 50_000, process)
        # A backend has written its title over its environment: it is known by its parents.
        below = [child for each in command.walk_left() for child in each.children(recursive=True)]
        backend = next(each for each in below if " 127.0.0.1(" in " ".join(read_words(each)))
        backend.kill()
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 3, (output, errors)
    assert "the database ended, or its sessions were ended, once during the run" in " ".join(output.split())
    checks = json.loads((out / "run.json").read_text())["checks"]
    assert [name for name, check in checks.items() if check["verdict"] == "fail"] == []
