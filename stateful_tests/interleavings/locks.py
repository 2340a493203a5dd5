"""Which backend waits for which: asked of the database, over a connection that does not run through the proxy."""

import asyncio
from collections.abc import Collection, Mapping

import asyncpg

from engine.provision.database import Database

ASK = "SELECT pid, pg_blocking_pids(pid) FROM unnest($1::int[]) AS pid"


class Locks:
    """Asks which backends wait for a lock, one query at a time. After a crash of the server it connects again."""

    def __init__(self, database: Database, connection: asyncpg.Connection) -> None:
        self._database = database
        self._connection = connection
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, database: Database) -> "Locks":
        return cls(database, await asyncpg.connect(database.url))

    async def find_blockers(self, pids: Collection[int]) -> dict[int, frozenset[int]]:
        """The backends that wait for a lock, each with the backends that it waits for."""
        async with self._turn:
            rows = await (await self._reach()).fetch(ASK, list(pids))
        return {row[0]: frozenset(row[1]) for row in rows if row[1]}

    async def end_backend(self, pid: int) -> bool:
        """Ends a backend, as an administrator would. False if there is none with that pid."""
        async with self._turn:
            return bool(await (await self._reach()).fetchval("SELECT pg_terminate_backend($1)", pid))

    async def _reach(self) -> asyncpg.Connection:
        if self._connection.is_closed():
            self._connection = await asyncpg.connect(self._database.url)
        return self._connection

    async def close(self) -> None:
        await self._connection.close()


def is_stuck(pid: int, blockers: Mapping[int, frozenset[int]], parked: Collection[int]) -> bool:
    """Whether a backend waits for a parked one, directly or through other waiting backends; it waits until that one is
    let go. A cycle of waiting backends is a deadlock, which the database resolves itself.
    """
    seen: set[int] = set()
    frontier = [pid]
    while frontier:
        for other in blockers.get(frontier.pop(), ()):
            if other in parked:
                return True
            if other not in seen:
                seen.add(other)
                frontier.append(other)
    return False
