"""Watches a database over one connection in a thread, and notes from when until when the connection was broken.

A broken connection means that the server or all of its sessions ended.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from engine.provision.database_address import Database

POLL_S = 0.2
CONNECT_LIMIT_S = 5.0
JOIN_LIMIT_S = 15.0
# From when until when the database was away, in nanoseconds of the monotonic clock.
Gaps = list[tuple[int, int]]
# The errors of the driver if it cannot connect, and for a connection that has ended.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
ENDED = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


@contextmanager
def watch_database(database: Database | None) -> Iterator[Gaps]:
    """Watches until the block is left, and adds each gap to the list; without a database there is nothing to watch."""
    gaps: Gaps = []
    if database is None:
        yield gaps
        return
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(follow(database, gaps, over)), daemon=True)
    thread.start()
    try:
        yield gaps
    finally:
        over.set()
        thread.join(JOIN_LIMIT_S)


async def follow(database: Database, gaps: Gaps, over: threading.Event) -> None:
    """Connects again and again. The time between two connections is a gap."""
    lost_ns: int | None = None
    while not over.is_set():
        try:
            connection = await asyncpg.connect(database.url, timeout=CONNECT_LIMIT_S)
        except (*LOST, TimeoutError):
            await asyncio.sleep(POLL_S)
            continue
        if lost_ns is not None:
            gaps.append((lost_ns, time.monotonic_ns()))
        lost_ns = await hold(connection, over)
        if lost_ns is None:
            await connection.close(timeout=CONNECT_LIMIT_S)
    if lost_ns is not None:
        gaps.append((lost_ns, time.monotonic_ns()))


async def hold(connection: asyncpg.Connection, over: threading.Event) -> int | None:
    """Sends queries until the connection breaks. Returns when it last worked; None when the watch is over.

    At the end of the watch it sends a last query: the database may have ended since the one before.
    """
    alive_ns = time.monotonic_ns()
    while True:
        is_last, asked_ns = over.is_set(), time.monotonic_ns()
        try:
            # execute uses the simple protocol: behind a pgbouncer no statement can be prepared.
            await connection.execute("SELECT 1")
        except ENDED:
            return alive_ns
        except asyncpg.PostgresError:
            # The database answers, though one of its settings refuses the statement.
            pass
        if is_last:
            return None
        alive_ns = asked_ns
        await asyncio.sleep(POLL_S)
