"""Goal: a run on a database of the user's leaves it as the reference engine has it, however the run ends.

Method: the real command on a server that this test started, named by its URL.
"""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.provision.database import Database, start_embedded
from engine.reference.schema_check import find_drift
from tests.engine.probing import eventually
from tests.onewinner.running import Command, wait_for

SMALL = ("--level", "race", "--races", "10", "--out", "out")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with start_embedded() as started:
        yield started


def test_what_a_defect_adds_is_found_and_undone(database: Database, tmp_path: Path) -> None:
    command = Command(("gate", *SMALL, "--defect", "phantom-column", "--database", database.url), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    assert ended.returncode == 1, ended
    checks = json.loads((tmp_path / "out" / "run.json").read_text())["checks"]
    assert [name for name, check in checks.items() if check["verdict"] == "fail"] == ["schema"]
    assert asyncio.run(find_drift(database.url)) is None


def test_a_run_that_is_ended_undoes_it_too(database: Database, tmp_path: Path) -> None:
    more = ("--level", "race", "--races", "100000", "--out", "out", "--defect", "phantom-column")
    process = Command(("gate", *more, "--database", database.url), tmp_path).start()
    wait_for(lambda: any((tmp_path / "out" / "history").glob("race*.jsonl")), process)
    assert "current_step" in (asyncio.run(find_drift(database.url)) or "")
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert asyncio.run(find_drift(database.url)) is None


def test_a_run_that_was_killed_accuses_no_later_one(database: Database, tmp_path: Path) -> None:
    more = ("--level", "race", "--races", "100000", "--out", "killed", "--defect", "phantom-column")
    command = Command(("gate", *more, "--database", database.url), tmp_path)
    process = command.start()
    wait_for(lambda: any((tmp_path / "killed" / "history").glob("race*.jsonl")), process)
    process.kill()
    process.communicate()
    eventually(lambda: command.find_left() == [])
    assert "current_step" in (asyncio.run(find_drift(database.url)) or "")
    ended = Command(("gate", *SMALL, "--database", database.url), tmp_path).run_here()
    assert ended.returncode == 0, ended


def test_the_defects_in_one_database_accuse_no_other(database: Database, tmp_path: Path) -> None:
    chosen = ("--defect", "phantom-column", "--defect", "stale-read", "--control", "version-column")
    quick = ("--quick", "--level", "race", "--out", "out")
    command = Command(("defects", *chosen, *quick, "--database", database.url), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    assert ended.returncode == 0, ended
    assert asyncio.run(find_drift(database.url)) is None
