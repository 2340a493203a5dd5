"""Goal: a crash loses what was not committed and nothing else, the server comes back, and nothing is ever left behind.

Method: a real server, crashed under open transactions and running statements; owners that end right after a crash.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from engine.provision import database_crash as crashes
from engine.provision.database import Database, parse_url, start_embedded
from engine.provision.database_crash import MEMORY_LINE, crash, find_children, find_data, find_pid, kill_all
from engine.provision.errors import DatabaseUnavailable
from engine.provision.processes import end_process, start_leash
from engine.provision.servers import asks_password
from tests.engine.probing import eventually, list_pids, read_command, run_sql
from tests.engine.serving import ROOT


@pytest.fixture(scope="module")
def own() -> Iterator[Database]:
    """A server for one test."""
    with start_embedded() as started:
        yield started


def list_servers(data: str) -> list[int]:
    return [pid for pid in list_pids() if data in read_command(pid).split("\0")]


def test_what_was_committed_is_there_and_nothing_else(own: Database) -> None:
    async def run() -> list[int]:
        setting = await asyncpg.connect(own.url)
        await setting.execute("CREATE TABLE t (a int)")
        connections = [await asyncpg.connect(own.url) for _ in range(5)]
        for number in range(3):
            await connections[number].execute("INSERT INTO t VALUES ($1)", number)
        await connections[3].execute("BEGIN; INSERT INTO t VALUES (99)")
        # A busy session would not notice for a long time that the server is gone.
        running = asyncio.ensure_future(connections[4].fetch("SELECT sum(a) FROM generate_series(1, 10000000000) a"))
        while not await setting.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1,%'"
        ):
            pass
        at_ns, until_ns = await crash(own)
        assert at_ns < until_ns
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await running
        again = await asyncpg.connect(own.url)
        try:
            return [row["a"] for row in await again.fetch("SELECT a FROM t ORDER BY a")]
        finally:
            await again.close()

    assert asyncio.run(run()) == [0, 1, 2]


def test_it_is_another_server_every_time_and_there_is_one(own: Database) -> None:
    data = asyncio.run(find_data(own))
    seen = [find_pid(data, own)]
    for _ in range(3):
        asyncio.run(crash(own))
        seen.append(find_pid(data, own))
        # A new child process has the title of its parent until it sets its own.
        assert eventually(lambda: list_servers(str(data)) == seen[-1:])
    assert len(set(seen)) == 4


def test_it_has_no_shared_memory_that_outlives_a_crash(own: Database) -> None:
    """What lies in /dev/shm stays there when all processes are killed."""
    data = asyncio.run(find_data(own))
    asyncio.run(crash(own))
    pid = find_pid(data, own)
    assert pid is not None
    mapped = [Path(f"/proc/{each}/maps").read_text() for each in (pid, *find_children(pid))]
    assert all(str(data / "pg_dynshmem") in maps for maps in mapped[:1])
    assert not any("/dev/shm/" in maps for maps in mapped)


@pytest.mark.parametrize("how", ["another host", "another port", "another folder"])
def test_only_a_server_of_ours_is_killed(own: Database, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = own
    if how == "another host":
        told = replace(own, host="localhost")
    elif how == "another port":
        monkeypatch.setattr(crashes, "PORT_LINE", 0)
    else:
        monkeypatch.setattr(crashes, "FOLDER_PREFIX", "somebody-else-")
    with pytest.raises(DatabaseUnavailable, match="cannot be crashed: onewinner did not start it; use"):
        asyncio.run(crash(told))
    assert asks_password(own)


def test_a_server_that_cannot_be_asked_is_not_killed(own: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="its data directory cannot be read"):
        asyncio.run(crash(replace(own, password="wrong")))


def read_memory(data: Path) -> str:
    """The number of the server's shared memory."""
    return (data / "postmaster.pid").read_text().splitlines()[MEMORY_LINE].split()[1]


def list_memory() -> list[str]:
    return [line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]


OWNER = """
import sys
from engine.provision.database import start_embedded
with start_embedded() as started:
    print(started.url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["ends after a crash", "is killed in the middle of one"])
def test_nothing_is_left_when_the_owner_goes(how: str) -> None:
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        started = parse_url(owner.stdout.readline().strip())
        (told,) = run_sql(started.url, "SHOW data_directory")
        data = Path(str(told))
        memory = read_memory(data)
        assert memory in list_memory()
        if how == "ends after a crash":
            asyncio.run(crash(started))
            owner.stdin.close()
        else:
            pid = find_pid(data, started)
            assert pid is not None
            kill_all(pid, data)
            owner.kill()
        assert eventually(lambda: not data.parent.exists() and not list_servers(str(data)))
        assert memory not in list_memory()
        assert not asks_password(started)


def test_a_server_that_is_killed_alone_comes_back_after_its_processes(own: Database) -> None:
    """As if the kernel ran out of memory: one of the other processes does not end by itself; the leash ends it."""
    data = asyncio.run(find_data(own))
    pid = find_pid(data, own)
    assert pid is not None
    held = find_children(pid)[0]
    os.kill(held, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: find_pid(data, own) not in (None, pid) and asks_password(own))
    assert not psutil.pid_exists(held)


KILLED_ONCE = """
import os, pathlib, signal, sys
note = pathlib.Path(sys.argv[1])
lives = note.read_text() if note.exists() else ""
note.write_text(lives + "x")
if not lives:
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(1 if len(lives) < int(sys.argv[2]) else 0)
"""


@pytest.mark.parametrize(
    ("again_s", "fails_until", "code", "lives"), [(60.0, 3, 0, 4), (0.0, 3, 137, 1), (1e-9, 9, 1, 2)]
)
def test_a_leash_runs_again_what_was_killed(
    tmp_path: Path, again_s: float, fails_until: int, code: int, lives: int
) -> None:
    """If a restart fails, the leash tries again for as long as the spec says."""
    note = tmp_path / "lives"
    leash = start_leash([[sys.executable, "-c", KILLED_ONCE, str(note), str(fails_until)]], again_s=again_s)
    try:
        assert leash.wait(60) == code
    finally:
        with contextlib.suppress(OSError):
            end_process(leash)
    assert note.read_text() == "x" * lives
