"""Connections kept open, and lent to one user at a time.

The driver has a pool of its own, which wraps each connection and bounds each wait with a timer of its own; that
costs as much time as the statement itself (docs/decisions/0003-guarded-write.md has the figures). Nothing here
changes a connection, so that there is nothing to reset when it comes back.
"""

import asyncio
from enum import StrEnum

import asyncpg

STATEMENT_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 5.0
TAKE_TIMEOUT_S = 10.0

Session = asyncpg.Connection


class Isolation(StrEnum):
    """The isolation level of every transaction."""

    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"


class Pool:
    """At most `size` connections to one database, the last used first. A closed one is replaced when it is needed."""

    def __init__(self, url: str, isolation: Isolation, size: int) -> None:
        self._url = url
        self._settings = {
            "application_name": "onewinner",
            "default_transaction_isolation": isolation.value.lower(),
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        }
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Session] = []

    async def fill(self) -> None:
        """Opens every connection, so that the first race is not one of connecting."""
        opened = await asyncio.gather(*(self._connect() for _ in range(self._size)), return_exceptions=True)
        self._idle = [one for one in opened if not isinstance(one, BaseException)]
        for failed in opened:
            if isinstance(failed, BaseException):
                raise failed

    async def take(self) -> Session:
        """A connection, to be given back. Raises TimeoutError, OSError or the driver's errors."""
        if self._free.locked():
            async with asyncio.timeout(TAKE_TIMEOUT_S):
                await self._free.acquire()
        else:
            await self._free.acquire()
        while self._idle:
            session = self._idle.pop()
            if not session.is_closed():
                return session
        try:
            return await self._connect()
        except BaseException:
            self._free.release()
            raise

    def give(self, session: Session) -> None:
        """Takes a connection back."""
        if not session.is_closed():
            self._idle.append(session)
        self._free.release()

    def close(self) -> None:
        """Ends all connections that are not lent."""
        while self._idle:
            self._idle.pop().terminate()

    async def _connect(self) -> Session:
        return await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_S, server_settings=self._settings)
