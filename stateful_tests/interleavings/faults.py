"""What can inject a statement that is held: each fault as what it does to the connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from engine.provision.crash import crash
from stateful_tests.interleavings.locks import Locks
from stateful_tests.interleavings.proxy import Connection

LIMIT_S = 10.0
DELAY_S = 0.02
DELAYED = "delayed"
SERVER_KILLED = "server killed"


async def cut_before(connection: Connection, locks: Locks) -> None:  # noqa: ARG001 - all faults look alike
    """The connection dies before the statement reached the database."""
    connection.cut()


async def cut_after(connection: Connection, locks: Locks) -> None:  # noqa: ARG001
    """The statement is carried out, and the connection dies before the answer: of a commit, nobody hears."""
    await send_whole(connection)
    while connection.protocol.is_busy and not connection.is_closed:
        await connection.bell.wait(LIMIT_S)
    connection.cut()


async def cut_during(connection: Connection, locks: Locks) -> None:  # noqa: ARG001
    """The connection dies while the statement is on its way: whether it is carried out, nobody knows."""
    await send_whole(connection)
    # The event loop writes what it was given when its turn is over.
    await asyncio.sleep(0)
    connection.cut()


async def send_whole(connection: Connection) -> None:
    """Lets the statement go until all of it is on its way; its answer is kept. The first time a driver sends a
    statement, it may wait for the answer to its Parse before it has the statement carried out.
    """
    connection.keeps_next = True
    connection.let_go()
    while connection.keeps_next and not connection.is_closed:
        await connection.bell.wait(LIMIT_S)


async def end_backend(connection: Connection, locks: Locks) -> None:
    """An administrator ends the backend before the statement comes."""
    if not await locks.end_backend(connection.protocol.pid):
        connection.cut()
    while not connection.is_closed:
        await connection.bell.wait(LIMIT_S)


async def delay(connection: Connection, locks: Locks, seconds: float = DELAY_S) -> None:  # noqa: ARG001
    """The statement comes late."""
    await asyncio.sleep(seconds)
    if not connection.is_closed:
        connection.let_go()


async def kill_server(connection: Connection, locks: Locks) -> None:  # noqa: ARG001
    """The server crashes before the statement comes, recovers, and can be reached again."""
    await crash(connection.proxy.upstream)
    while not connection.is_closed:
        await connection.bell.wait(LIMIT_S)


FAULTS: Mapping[str, Callable[[Connection, Locks], Awaitable[None]]] = {
    "connection lost before": cut_before,
    "connection lost during": cut_during,
    "answer lost": cut_after,
    "backend ended": end_backend,
    DELAYED: delay,
    SERVER_KILLED: kill_server,
}
