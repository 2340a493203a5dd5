"""Who waits for whom: asked of the database, over a connection of its own that does not run through the wire."""

from collections.abc import Collection, Mapping

import asyncpg

from engine.database import Database

ASK = "SELECT pid, pg_blocking_pids(pid) FROM unnest($1::int[]) AS pid"


class Locks:
    """Asks which backends wait for a lock."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, database: Database) -> "Locks":
        return cls(await asyncpg.connect(database.url))

    async def find_blockers(self, pids: Collection[int]) -> dict[int, frozenset[int]]:
        """Of each backend that waits for a lock, the backends that it waits for."""
        rows = await self._connection.fetch(ASK, list(pids))
        return {row[0]: frozenset(row[1]) for row in rows if row[1]}

    async def end_backend(self, pid: int) -> None:
        """Ends a backend, as an administrator would; it may be gone already."""
        await self._connection.fetchval("SELECT pg_terminate_backend($1)", pid)

    async def close(self) -> None:
        await self._connection.close()


def is_stuck(pid: int, blockers: Mapping[int, frozenset[int]], parked: Collection[int]) -> bool:
    """Whether a backend waits, straight or through others that wait, for one that is parked: it will wait until
    that one is let go. A circle of waiting backends is none of these: the database ends it by itself.
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
