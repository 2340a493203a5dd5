"""Queries a test's database, waits for conditions, and finds processes."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil

from engine.provision.database import Database

LIMIT_S = 20.0


def run_sql(url: str, *questions: str) -> list[object]:
    async def run() -> list[object]:
        connection = await asyncpg.connect(url, statement_cache_size=0)
        try:
            return [await connection.fetchval(question) for question in questions]
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether the condition becomes true within the limit."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_leash_of(pid: int, told: str) -> bool:
    """Whether a process is the leash of a command with this argument."""
    if "leash.py" not in read_command(pid):
        return False
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return False
    return any(told in read_command(child.pid).split("\0") for child in children)


def is_running(pid: int) -> bool:
    """Whether the process is there, and has not ended yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def read_command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def list_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def spoil(database: Database) -> Database:
    """The same with a wrong password."""
    return Database(database.host, database.port, database.user, "wrong", database.name)
