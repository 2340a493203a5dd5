"""Watches a database over a connection of its own, and notes when that broke: the server ended, or all its sessions.

A thread with an event loop; a process that imports this has the driver in its process.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncpg

from engine.provision.address import Database

POLL_S = 0.2
CONNECT_LIMIT_S = 5.0
JOIN_LIMIT_S = 15.0
# What a driver says when no connection can be had, and of one that has ended.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
ENDED = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


@dataclass
class Watch:
    """`gaps`: from when until when the database was away, in nanoseconds of the monotonic clock."""

    gaps: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def watch_database(database: Database | None) -> Iterator[Watch]:
    """Watches until the block is left; without a database there is nothing to watch."""
    watch = Watch()
    if database is None:
        yield watch
        return
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(follow(database, watch, over)), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join(JOIN_LIMIT_S)


async def follow(database: Database, watch: Watch, over: threading.Event) -> None:
    """Connects again and again; what lies between two connections is a gap."""
    lost_ns: int | None = None
    while not over.is_set():
        try:
            connection = await asyncpg.connect(database.url, timeout=CONNECT_LIMIT_S)
        except (*LOST, TimeoutError):
            await asyncio.sleep(POLL_S)
            continue
        if lost_ns is not None:
            watch.gaps.append((lost_ns, time.monotonic_ns()))
        lost_ns = await hold(connection, over)
        if lost_ns is None:
            await connection.close(timeout=CONNECT_LIMIT_S)
    if lost_ns is not None:
        watch.gaps.append((lost_ns, time.monotonic_ns()))


async def hold(connection: asyncpg.Connection, over: threading.Event) -> int | None:
    """Asks until the connection breaks: when it was last known to be whole. None when the watch is over.

    It asks once more when the watch is over: the database may have ended since it asked last.
    """
    alive_ns = time.monotonic_ns()
    while True:
        is_last, asked_ns = over.is_set(), time.monotonic_ns()
        try:
            # The simple protocol: behind a pgbouncer no statement can be prepared.
            await connection.execute("SELECT 1")
        except ENDED:
            return alive_ns
        except asyncpg.PostgresError:
            # The database answers, if only that a setting of its own forbids the statement just now.
            pass
        if is_last:
            return None
        alive_ns = asked_ns
        await asyncio.sleep(POLL_S)
