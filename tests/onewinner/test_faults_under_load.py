"""Goal: under faults and crashes the reference engine passes and is accounted for; a lost fault injector is no pass.

Method: the real command, for a few seconds.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from onewinner.faults_under_load import FaultPlan
from reports.history import events
from reports.history.history import read_history
from tests.onewinner.running import Command, read_words, wait_for
from tests.stateful_tests import jobs_service


def read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run" / "run.json").read_text())
    return record


@pytest.mark.exhaustive
def test_the_reference_engine_passes_under_faults_and_a_crash(tmp_path: Path) -> None:
    command = Command(("race", "--faults", "0.05", "--crashes", "1", "--duration", "6", "--out", "run"), tmp_path)
    ended = command.run_here()
    assert ended.returncode == 0, ended
    assert command.find_left() == []
    record = read_record(tmp_path)
    assert "faults-0" in record["plan"]["sources"]
    assert record["checks"]["accounting"]["verdict"] == "pass"
    faults = list(read_history(tmp_path / "run").having(events.Fault))
    assert sum(fault.what == "server killed" for fault in faults) == 1
    assert len({fault.what for fault in faults}) > 2
    assert all(fault.at_ns <= (fault.until_ns or 0) for fault in faults)


@pytest.mark.exhaustive
def test_a_fault_injector_that_is_lost_on_the_way_is_no_pass(tmp_path: Path) -> None:
    """The engine has lost its database with it; and not every injected fault is known."""
    command = Command(("race", "--faults", "--duration", "5", "--out", "run"), tmp_path)
    process = command.start()
    journal = tmp_path / "run" / "history" / "race-0.0.jsonl"
    wait_for(lambda: journal.exists() and b'"race"' in journal.read_bytes(), process)
    (injector,) = [each for each in command.walk_left() if is_injector(each)]
    injector.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    assert process.returncode == 3
    assert command.find_left() == []
    gaps = [finding["title"] for finding in read_record(tmp_path)["checks"]["accounting"]["findings"]]
    assert any("faults-0 was cut short" in gap for gap in gaps), gaps


@pytest.mark.exhaustive
def test_a_service_that_ends_under_faults_is_started_again(tmp_path: Path) -> None:
    words = [sys.executable, jobs_service.__file__, "{port}", "{database_url}", "mortal"]
    (tmp_path / "jobs.toml").write_text(jobs_service.TARGET.replace("COMMAND", json.dumps(words)))
    options = ("--target", "jobs.toml", "--faults", "0.005", "--duration", "8", "--out", "run")
    command = Command(("race", *options), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    record = read_record(tmp_path)
    assert record["measures"]["endings"]["an injected fault"] > 0
    assert "the service ended by itself" in ended.stdout
    assert [name for name, check in record["checks"].items() if check["verdict"] == "fail"] == []
    assert [level["ended"] for level in record["levels"]] == [["time"]]
    assert not any("ended by itself with status" in line for line in ended.stdout.splitlines() if "UNKNOWN" in line)


def is_injector(process: psutil.Process) -> bool:
    words = read_words(process)
    return "stateful_tests.interleavings.random_faults" in words and not any(
        word.endswith("leash.py") for word in words
    )


def test_crashes_are_spread_evenly() -> None:
    assert FaultPlan(0.0, 3, 60.0, 1).list_moments() == [15.0, 30.0, 45.0]
    assert FaultPlan(0.1, 0, 0.0, 1).list_moments() == []
