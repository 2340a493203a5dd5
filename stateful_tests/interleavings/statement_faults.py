"""The faults that can be injected at a held statement: each fault is what it does to the connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from reports.history import events
from stateful_tests.interleavings.connection import Connection
from stateful_tests.interleavings.locks import Locks

LIMIT_S = 10.0
DELAY_S = 0.02
DELAYED = "delayed"
SERVER_KILLED = "server killed"
# The service meets a break a little before the proxy learns of it; on a busy machine this may take long.
NOTICE_S = 0.5


async def cut_before(connection: Connection, locks: Locks) -> None:  # noqa: ARG001 - all faults look alike
    """The connection breaks before the statement reaches the database."""
    connection.cut()


async def cut_after(connection: Connection, locks: Locks) -> None:  # noqa: ARG001
    """The statement takes effect, and the connection breaks before its answer; so the service learns of no commit."""
    await send_statement(connection)
    while not connection.is_answered:
        await connection.changed.wait(LIMIT_S)
    connection.cut()


async def cut_during(connection: Connection, locks: Locks) -> None:  # noqa: ARG001
    """The connection breaks while the statement is on its way: it may take effect or not."""
    await send_statement(connection)
    # The event loop writes at the end of its iteration.
    await asyncio.sleep(0)
    connection.cut()


async def send_statement(connection: Connection) -> None:
    """Lets the statement go until all of it is sent, and keeps its answer. The first time, a driver may wait for the
    answer to its Parse before it sends the Execute.
    """
    connection.keeps_next = True
    connection.let_go()
    while connection.keeps_next and not connection.is_closed:
        await connection.changed.wait(LIMIT_S)


async def end_backend(connection: Connection, locks: Locks) -> None:
    """An administrator ends the backend before the statement comes."""
    connection.is_struck = True
    if not await locks.end_backend(connection.protocol.pid):
        connection.cut()
    await await_closed(connection)


async def delay(connection: Connection, locks: Locks, seconds: float = DELAY_S) -> None:  # noqa: ARG001
    """The statement comes late."""
    await asyncio.sleep(seconds)
    if not connection.is_closed:
        connection.let_go()


async def kill_server(connection: Connection, locks: Locks) -> None:  # noqa: ARG001
    """The server crashes before the statement comes, recovers, and is reachable again."""
    await connection.proxy.crash_server()
    await await_closed(connection)


def describe_meeting(met_ns: int) -> events.BreakMet:
    """The record that the service met a broken connection; the proxy learned of it at that moment."""
    return events.BreakMet(at_ns=met_ns - int(NOTICE_S * 1e9), until_ns=met_ns)


async def await_closed(connection: Connection) -> None:
    while not connection.is_closed:
        await connection.changed.wait(LIMIT_S)


FAULTS: Mapping[str, Callable[[Connection, Locks], Awaitable[None]]] = {
    "connection lost before": cut_before,
    "connection lost during": cut_during,
    "answer lost": cut_after,
    "backend ended": end_backend,
    DELAYED: delay,
    SERVER_KILLED: kill_server,
}
