"""Crashes a PostgreSQL that we started: kills all of its processes at once; then its leash runs it again.

The operating system still has everything that the server wrote before it answered. The content of the server's own
memory is lost. The processes are found in /proc (Linux); only processes on a data directory of ours are killed.
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

from engine.provision.database_address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import LOOPBACK
from engine.provision.servers import FOLDER_PREFIX, READY_POLL_S, START_LIMIT_S, asks_password

PROC = Path("/proc")
CONNECT_LIMIT_S = 5.0
# Lines of postmaster.pid: process id, data directory, start time, port, ..., shared memory (key and id).
PID_LINE, PORT_LINE, MEMORY_LINE = 0, 3, 6
IPC_RMID = 0
STOPPED, GONE = "Tt", "ZX"


async def crash(database: Database) -> tuple[int, int]:
    """Kills the server with SIGKILL and waits until it answers again.

    Returns when the crash began and when it was over, in nanoseconds of the monotonic clock. Raises
    DatabaseUnavailable if we did not start the server, or if it does not come back.
    """
    data = await find_data(database)
    return await asyncio.to_thread(crash_server, data, database)


async def find_data(database: Database) -> Path:
    """The data directory that the server reports. Raises DatabaseUnavailable if we did not make it."""
    try:
        connection = await asyncpg.connect(database.url, timeout=CONNECT_LIMIT_S)
        try:
            data = Path(await connection.fetchval("SHOW data_directory"))
        finally:
            await connection.close(timeout=CONNECT_LIMIT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise make_error(database, f"its data directory cannot be read: {error}") from None
    if database.host != LOOPBACK or not data.parent.name.startswith(FOLDER_PREFIX) or find_pid(data, database) is None:
        raise make_error(database, "onewinner did not start it")
    return data


def make_error(database: Database, why: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"The database {database.public_url} cannot be crashed: {why}; use --database embedded.")


def find_pid(data: Path, database: Database) -> int | None:
    """The id of the server process on this data directory that listens on the port of the database, or None."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[PID_LINE]), int(lines[PORT_LINE])
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if port == database.port and os.fsencode(data) in words else None


def crash_server(data: Path, database: Database) -> tuple[int, int]:
    """Crashes the server on a data directory of ours."""
    at_ns = time.monotonic_ns()
    pid = find_pid(data, database)
    if pid is None:
        raise make_error(database, "it does not run")
    kill_all(pid, data)
    # The new server writes its process id there before it listens.
    wait_until(lambda: find_pid(data, database) not in (None, pid) and asks_password(database), database)
    return at_ns, time.monotonic_ns()


def kill_all(pid: int, data: Path) -> None:
    """Kills the children of a server, then the server. In this order its shared memory is free for the next start."""
    try:
        # A stopped server starts no further children, and does not react to the death of a child.
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: read_state(pid)[0] in STOPPED)
        children = find_children(pid)
        for child in children:
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: all(read_state(child)[0] in GONE for child in children))
        release_memory(data)
    finally:
        os.kill(pid, signal.SIGKILL)


def release_memory(data: Path) -> None:
    """Lets the kernel free the shared memory with its last process. It would outlive a crash without a next start."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        number = int((data / "postmaster.pid").read_text().splitlines()[MEMORY_LINE].split()[1])
        ctypes.CDLL(None).shmctl(number, IPC_RMID, None)


def find_children(pid: int) -> list[int]:
    entries = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [each for each in entries if read_state(each)[1] == pid]


def read_state(pid: int) -> tuple[str, int]:
    """The state of a process, one letter, and the id of its parent; X and 0 if there is no such process."""
    try:
        # The name, in brackets, may contain any character.
        state, parent = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return "X", 0
    return state, int(parent)


def wait_until(holds: Callable[[], bool], database: Database | None = None) -> None:
    """Waits until the condition holds. Raises DatabaseUnavailable after START_LIMIT_S."""
    deadline = time.monotonic() + START_LIMIT_S
    while not holds():
        if time.monotonic() > deadline:
            where = f"The database {database.public_url}" if database is not None else "A server that onewinner started"
            raise DatabaseUnavailable(f"{where} did not crash and come back within {START_LIMIT_S:.0f} s.")
        time.sleep(READY_POLL_S)
