"""What can befall a statement that is held: each fault as what it does to the connection."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from engine.provision.crash import crash
from stateful_tests.interleavings.locks import Locks
from stateful_tests.interleavings.proxy import Link

LIMIT_S = 10.0
DELAY_S = 0.02
DELAYED = "delayed"
SERVER_KILLED = "server killed"


async def cut_before(link: Link, locks: Locks) -> None:  # noqa: ARG001 - all faults look alike
    """The connection dies before the statement reached the database."""
    link.cut()


async def cut_after(link: Link, locks: Locks) -> None:  # noqa: ARG001
    """The statement is carried out, and the connection dies before the answer: of a commit, nobody hears."""
    await send_whole(link)
    while link.door.is_busy and not link.is_closed:
        await link.bell.wait(LIMIT_S)
    link.cut()


async def cut_during(link: Link, locks: Locks) -> None:  # noqa: ARG001
    """The connection dies while the statement is on its way: whether it is carried out, nobody knows."""
    await send_whole(link)
    # The event loop writes what it was given when its turn is over.
    await asyncio.sleep(0)
    link.cut()


async def send_whole(link: Link) -> None:
    """Lets the statement go until all of it is on its way; its answer is kept. The first time a driver sends a
    statement, it may wait for the answer to its Parse before it has the statement carried out.
    """
    link.keeps_next = True
    link.let_go()
    while link.keeps_next and not link.is_closed:
        await link.bell.wait(LIMIT_S)


async def end_backend(link: Link, locks: Locks) -> None:
    """An administrator ends the backend before the statement comes."""
    if not await locks.end_backend(link.door.pid):
        link.cut()
    while not link.is_closed:
        await link.bell.wait(LIMIT_S)


async def delay(link: Link, locks: Locks, seconds: float = DELAY_S) -> None:  # noqa: ARG001
    """The statement comes late."""
    await asyncio.sleep(seconds)
    if not link.is_closed:
        link.let_go()


async def kill_server(link: Link, locks: Locks) -> None:  # noqa: ARG001
    """The server crashes before the statement comes, recovers, and can be reached again."""
    await crash(link.wire.upstream)
    while not link.is_closed:
        await link.bell.wait(LIMIT_S)


FAULTS: Mapping[str, Callable[[Link, Locks], Awaitable[None]]] = {
    "connection lost before": cut_before,
    "connection lost during": cut_during,
    "answer lost": cut_after,
    "backend ended": end_backend,
    DELAYED: delay,
    SERVER_KILLED: kill_server,
}
