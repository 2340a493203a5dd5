"""Goal: the injector injects what it says and records all of it; each error of the service falls into a recorded fault.

Method: the program between a real PostgreSQL and a driver that sends one statement after the other.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from engine.provision.child import LAUNCH
from engine.provision.database import Database, start_embedded
from load.client.release import now_ns
from reports.history import events
from reports.history.history import History, read_history
from stateful_tests.interleavings.proxy import NO_STATEMENT
from stateful_tests.interleavings.random_faults import KINDS, FaultInjector, crash_at
from stateful_tests.interleavings.statement_faults import DELAYED, SERVER_KILLED
from tests.engine.probing import run_sql
from tests.engine.serving import ROOT

ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
# The time from the statement to its answer, and whether an answer came.
Asked = tuple[int, int, bool]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with start_embedded() as started:
        run_sql(started.url, "CREATE TABLE t (a int)")
        yield started


@dataclass
class Program:
    """The running program. `database` is the database as its clients reach it."""

    process: "subprocess.Popen[str]"
    database: Database

    def order(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def open_injector(database: Database, *arguments: str) -> Iterator[Program]:
    command = [sys.executable, "-W", "error", "-m", "stateful_tests.interleavings.random_faults", *arguments]
    environment = {"PYTHONPATH": str(ROOT), LAUNCH: json.dumps(database.url)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        yield Program(process, replace(database, port=port))
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stdout.read() == ""


async def ask_on(database: Database, count: int, first: int = 0) -> list[Asked]:
    """Sends one write after the other; after a broken connection it opens another one."""
    connection, asked = None, []
    for number in range(first, first + count):
        began = now_ns()
        try:
            connection = connection or await asyncpg.connect(database.url)
            await connection.execute("INSERT INTO t VALUES ($1)", number)
            asked.append((began, now_ns(), True))
        except ERRORS:
            connection = None
            asked.append((began, now_ns(), False))
    if connection is not None:
        await connection.close()
    return asked


def list_faults(journal: Path) -> list[events.Fault]:
    return read_history(journal).having(events.Fault)


def is_excused(asked: Asked, faults: list[events.Fault]) -> bool:
    began, ended, answered = asked
    return answered or any(
        fault.at_ns <= ended and began <= (fault.until_ns or 0) for fault in faults if fault.what != DELAYED
    )


def test_every_error_falls_into_the_time_of_a_fault(database: Database, tmp_path: Path) -> None:
    """The answered writes are in the table; each kind of fault was injected."""
    run_sql(database.url, "TRUNCATE t")
    with open_injector(database, "--rate", "0.2") as injector:
        calm = asyncio.run(ask_on(injector.database, 50))
        assert injector.order(begin=str(tmp_path / "faults-0.jsonl")) == {"began": True}
        rough = asyncio.run(ask_on(injector.database, 400, 50))
        told = injector.order(end=True)["ended"]
        calm += asyncio.run(ask_on(injector.database, 50, 450))
    assert all(answered for _, _, answered in calm)
    faults = list_faults(tmp_path / "faults-0.jsonl")
    counts = Counter(fault.what for fault in faults)
    assert counts == told["faults"]
    assert set(counts) == set(KINDS)
    assert told["statements"] >= 400
    assert not [asked for asked in rough if not is_excused(asked, faults)]
    (rows,) = run_sql(database.url, "SELECT array_agg(a) FROM t")
    assert isinstance(rows, list)
    assert {number for number, asked in enumerate(rough, start=50) if asked[2]} <= set(rows)
    # A write lost before the database is not in the table; one whose answer was lost may be there.
    lost = 400 - sum(50 <= row < 450 for row in rows)
    assert counts["connection lost before"] + counts["backend ended"] <= lost
    assert lost <= 400 - sum(answered for _, _, answered in rough) - counts["answer lost"]


def test_a_crash_loses_nothing_that_was_answered(database: Database, tmp_path: Path) -> None:
    run_sql(database.url, "TRUNCATE t")
    journal = tmp_path / "faults-0.jsonl"

    async def ask_until_crashed() -> list[Asked]:
        asked: list[Asked] = []
        while not list_faults(journal):
            asked += await ask_on(injector.database, 20, len(asked))
        return asked

    with open_injector(database, "--rate", "0", "--crashes-at", "0.1") as injector:
        injector.order(begin=str(journal))
        asked = asyncio.run(ask_until_crashed())
        assert injector.order(end=True)["ended"]["faults"] == {SERVER_KILLED: 1}
    assert all(is_excused(each, list_faults(journal)) for each in asked)
    assert not all(answered for _, _, answered in asked)
    (rows,) = run_sql(database.url, "SELECT array_agg(a) FROM t")
    assert isinstance(rows, list)
    assert {number for number, each in enumerate(asked) if each[2]} <= set(rows)


def test_its_journal_is_complete_however_it_ends(database: Database, tmp_path: Path) -> None:
    """Its owner ends, and so its input; the program does not wait for the crashes still due."""
    with open_injector(database, "--crashes-at", "1000") as injector:
        injector.order(begin=str(tmp_path / "faults-0.jsonl"))
    history = read_history(tmp_path / "faults-0.jsonl")
    assert [event.operations for event in history.having(events.Plan)] == [0]
    assert [event.operations for event in history.having(events.End)] == [0]
    assert [event.statements for event in history.having(events.FaultsInjected)] == [0]


def test_an_injector_that_saw_no_statement_is_a_gap(tmp_path: Path) -> None:
    """Sessions are set up, and nothing else comes: the service uses another database."""
    told, history = asyncio.run(rage(tmp_path, asked=["SET x = 1"]))
    assert told["statements"] == 0
    assert [event.what for event in history.having(events.Broken)] == [NO_STATEMENT]
    told, history = asyncio.run(rage(tmp_path / "asked", asked=["SET x = 1", "SELECT a FROM t"]))
    assert told["statements"] == 1
    assert not list(history.having(events.Broken))


def test_crashes_due_after_the_end_of_the_load_are_left_out(tmp_path: Path) -> None:
    told, history = asyncio.run(rage(tmp_path, asked=["SELECT a FROM t"], crashes_at=(1000.0, 2000.0)))
    why = "the load ended before 2 of 2 crashes were due"
    assert told["left_out"] == [why]
    assert [(event.fault, event.why) for event in history.having(events.Skipped)] == [(SERVER_KILLED, why)]


async def rage(
    folder: Path, *, asked: Sequence[str], crashes_at: Sequence[float] = ()
) -> tuple[dict[str, Any], History]:
    """An injector without a proxy that gets these statements; returns its last answer and its journal."""
    nothing: Any = None
    injector, calm = FaultInjector(nothing, 0.0, random.Random(1)), asyncio.Event()
    injector.begin(folder / "faults-0.jsonl")
    crashes = asyncio.ensure_future(crash_at(injector, nothing, crashes_at, calm))
    for sql in asked:
        assert injector.choose_fault(sql) is None
    calm.set()
    await crashes
    return await injector.end(), read_history(folder / "faults-0.jsonl")


def test_what_is_pipelined_behind_a_statement_may_meet_a_fault_too(database: Database, tmp_path: Path) -> None:
    """Transactions of pipelined messages: the connection never hangs."""

    async def run(through: Database) -> None:
        for _ in range(60):
            try:
                async with asyncio.timeout(30):
                    connection = await asyncpg.connect(through.url)
                    async with connection.transaction():
                        await connection.executemany("INSERT INTO t VALUES ($1)", [(1,), (2,), (3,)])
                    await connection.close()
            except ERRORS:
                connection.terminate()

    with open_injector(database, "--rate", "0.3", "--seed", "2") as injector:
        injector.order(begin=str(tmp_path / "faults-0.jsonl"))
        asyncio.run(run(injector.database))
        assert sum(injector.order(end=True)["ended"]["faults"].values()) > 10
