"""Goal: a command leaves a user's database as it was, however it ends.

Method: the real command on a server that this test started, named by its URL. Its database has names in it that the
reference engine uses, too. All catalogs are compared, before and after.
"""

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.provision.database import Database
from engine.provision.ports import find_free_port
from engine.provision.service import is_ready
from tests.engine.probing import eventually
from tests.onewinner.catalogs import ask, count_columns, look, run_without_a_trace, start_foreign
from tests.onewinner.running import Command, wait_for

RACES = ("--level", "race", "--races", "10", "--out", "out")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with start_foreign() as started:
        yield started


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE shop.more (a int)", "ALTER ROLE shop SET work_mem = '1MB'", "UPDATE intent_workflows SET id = 2"],
)
def test_a_change_is_seen(database: Database, statement: str) -> None:
    before = look(database)
    undo = {"CREATE": "DROP TABLE shop.more", "ALTER": "ALTER ROLE shop RESET work_mem"}
    asyncio.run(ask(database.url, statement))
    assert look(database) != before
    asyncio.run(ask(database.url, undo.get(statement.split(maxsplit=1)[0], "UPDATE intent_workflows SET id = 1")))
    assert look(database) == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("gate", *RACES), marks=pytest.mark.exhaustive),
        pytest.param(("gate", *RACES, "--isolation", "serializable"), marks=pytest.mark.exhaustive),
        pytest.param(("race", "--races", "50", "--faults", "--out", "out"), marks=pytest.mark.exhaustive),
        pytest.param(("gate", "--pgbouncer", "pgbouncer", *RACES), marks=pytest.mark.needs),
    ],
    ids=" ".join,
)
def test_a_command_changes_nothing(database: Database, words: tuple[str, ...], tmp_path: Path) -> None:
    run_without_a_trace(words, database, tmp_path)


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.exhaustive), ("--quiet",)])
def test_serve_changes_nothing(database: Database, tmp_path: Path, options: tuple[str, ...]) -> None:
    before, port = look(database), find_free_port()
    command = Command(("serve", "--database", database.url, "--port", str(port), *options), tmp_path)
    process = command.start()
    wait_for(lambda: is_ready(f"http://127.0.0.1:{port}", "/healthz"), process)
    assert look(database) != before
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert look(database) == before
    assert command.find_left() == []


@pytest.mark.exhaustive
def test_what_a_defect_adds_is_found(database: Database, tmp_path: Path) -> None:
    before = look(database)
    command = Command(("gate", *RACES, "--defect", "phantom-column", "--database", database.url), tmp_path)
    ended = command.run_here()
    assert ended.returncode == 1, ended
    checks = json.loads((tmp_path / "out" / "run.json").read_text())["checks"]
    assert [name for name, check in checks.items() if check["verdict"] == "fail"] == ["schema"]
    assert look(database) == before


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGHUP, marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGKILL, marks=pytest.mark.exhaustive),
    ],
    ids=str,
)
def test_a_run_that_is_ended_changes_nothing(database: Database, number: signal.Signals, tmp_path: Path) -> None:
    before = look(database)
    more = ("--level", "race", "--races", "100000", "--out", "out", "--defect", "phantom-column")
    command = Command(("gate", *more, "--database", database.url), tmp_path)
    process = command.start()
    wait_for(lambda: any((tmp_path / "out" / "history").glob("race*.jsonl")), process)
    assert count_columns(database) == 2
    process.send_signal(number)
    process.communicate()
    eventually(lambda: command.find_left() == [])
    assert look(database) == before


@pytest.mark.exhaustive
def test_the_defects_in_one_database_accuse_no_other(database: Database, tmp_path: Path) -> None:
    before = look(database)
    chosen = ("--defect", "phantom-column", "--control", "version-column")
    quick = ("--quick", "--level", "race", "--out", "out")
    command = Command(("defects", *chosen, *quick, "--database", database.url), tmp_path)
    ended = command.run_here()
    assert command.find_left() == []
    assert ended.returncode == 0, ended
    assert look(database) == before


def test_a_user_who_may_create_no_schema_is_told(database: Database, tmp_path: Path) -> None:
    before = look(database)
    shop = replace(database, user="shop", password="p")
    ended = Command(("gate", *RACES, "--database", shop.url), tmp_path).run_here()
    assert ended.returncode == 2, ended
    assert "no schema could be created for this run: permission denied for database postgres" in ended.stderr
    assert look(database) == before
