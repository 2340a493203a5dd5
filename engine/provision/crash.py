"""A crash of a PostgreSQL that was made here: all of its processes are killed at once, and its leash runs it again.

What the server had answered is with the operating system, which lives on; what it held in its memory alone is lost. The
processes are found in /proc (Linux), and only those of a data directory that was made here are ever killed.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg

from engine.provision.address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.servers import FOLDER_PREFIX, LOOPBACK, READY_POLL_S, START_LIMIT_S, asks_password

PROC = Path("/proc")
CONNECT_LIMIT_S = 5.0
# In postmaster.pid: the process, its data directory, its start, its port, ..., its shared memory (key, number).
PID_LINE, PORT_LINE, MEMORY_LINE = 0, 3, 6
IPC_RMID = 0
STOPPED, GONE = "Tt", "ZX"


async def crash(database: Database) -> tuple[int, int]:
    """Kills the server with SIGKILL and waits until it answers again. Returns from when until when that was, in
    nanoseconds of the monotonic clock. Raises DatabaseUnavailable when the server was not made here, or stays away.
    """
    data = await find_data(database)
    return await asyncio.to_thread(crash_server, data, database)


async def find_data(database: Database) -> Path:
    """The data directory, as the server tells it. Raises DatabaseUnavailable when it was not made here."""
    try:
        connection = await asyncpg.connect(database.url, timeout=CONNECT_LIMIT_S)
        try:
            data = Path(await connection.fetchval("SHOW data_directory"))
        finally:
            await connection.close(timeout=CONNECT_LIMIT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unfit(database, f"its data directory cannot be learnt: {error}") from None
    if database.host != LOOPBACK or not data.parent.name.startswith(FOLDER_PREFIX) or find_pid(data, database) is None:
        raise unfit(database, "it was not made here")
    return data


def unfit(database: Database, why: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"The database {database.public_url} cannot be crashed: {why}; use --database embedded.")


def find_pid(data: Path, database: Database) -> int | None:
    """The process of the server on this data directory that listens at the database's port; None when none does."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[PID_LINE]), int(lines[PORT_LINE])
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if port == database.port and os.fsencode(data) in words else None


def crash_server(data: Path, database: Database) -> tuple[int, int]:
    """As `crash`, on a data directory that was looked at."""
    at_ns = time.monotonic_ns()
    pid = find_pid(data, database)
    if pid is None:
        raise unfit(database, "it does not run")
    kill_all(pid, data)
    # The new one writes its own process there before it listens.
    await_that(lambda: find_pid(data, database) not in (None, pid) and asks_password(database), database)
    return at_ns, time.monotonic_ns()


def kill_all(pid: int, data: Path) -> None:
    """Kills a server and its processes, which are its children; they are gone when it goes, so that whoever runs it
    again finds its shared memory free.
    """
    try:
        # Stopped, it begets no more, and cannot mourn either: it would take a killed backend for one that crashed.
        os.kill(pid, signal.SIGSTOP)
        await_that(lambda: read_state(pid)[0] in STOPPED)
        children = find_children(pid)
        for child in children:
            os.kill(child, signal.SIGKILL)
        await_that(lambda: all(read_state(child)[0] in GONE for child in children))
        forget_memory(data)
    finally:
        os.kill(pid, signal.SIGKILL)


def forget_memory(data: Path) -> None:
    """Has the server's shared memory go with its last process; it would outlive a crash, if no server came after it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        number = int((data / "postmaster.pid").read_text().splitlines()[MEMORY_LINE].split()[1])
        ctypes.CDLL(None).shmctl(number, IPC_RMID, None)


def find_children(pid: int) -> list[int]:
    entries = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [each for each in entries if read_state(each)[1] == pid]


def read_state(pid: int) -> tuple[str, int]:
    """The state of a process, one letter, and its parent; of one that is gone X and 0."""
    try:
        # The name, in brackets, may hold anything.
        state, parent = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return "X", 0
    return state, int(parent)


def await_that(holds: Callable[[], bool], database: Database | None = None) -> None:
    """Waits until it is so. Raises DatabaseUnavailable when it is not within START_LIMIT_S."""
    deadline = time.monotonic() + START_LIMIT_S
    while not holds():
        if time.monotonic() > deadline:
            where = f"The database {database.public_url}" if database is not None else "A server that was made here"
            raise DatabaseUnavailable(f"{where} did not crash and come back within {START_LIMIT_S:.0f} s.")
        time.sleep(READY_POLL_S)
