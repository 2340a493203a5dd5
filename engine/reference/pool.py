"""Connections kept open, and lent to one user at a time.

The driver has a pool of its own, which wraps each connection and bounds each wait with a timer of its own; that
costs as much time as the statement itself (docs/decisions/0003-guarded-write.md has the figures). Nothing here
changes a connection, so that there is nothing to reset when it comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import asyncpg
import asyncpg.transaction

APPLICATION = "onewinner"
STATEMENT_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 5.0
TAKE_TIMEOUT_S = 10.0

Session = asyncpg.Connection


class Isolation(StrEnum):
    """The isolation level of every transaction."""

    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"


class PooledSession(asyncpg.Connection):
    """A session behind a pgbouncer in transaction mode, where the next transaction may run on another connection.

    What a session is told once would be told to whoever is given that connection next, or to nobody. So every
    statement runs in a transaction that states its isolation level itself, and nothing is prepared beforehand.
    """

    isolation = Isolation.READ_COMMITTED

    def transaction(
        self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False
    ) -> asyncpg.transaction.Transaction:
        level: Any = isolation or self.isolation.value.replace(" ", "_").lower()
        return super().transaction(isolation=level, readonly=readonly, deferrable=deferrable)

    async def fetch(self, *arguments: Any, **options: Any) -> Any:
        return await self._alone(super().fetch, arguments, options)

    async def fetchrow(self, *arguments: Any, **options: Any) -> Any:
        return await self._alone(super().fetchrow, arguments, options)

    async def fetchval(self, *arguments: Any, **options: Any) -> Any:
        return await self._alone(super().fetchval, arguments, options)

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        # Without values it is what the driver begins and ends transactions with.
        if len(arguments) == 1:
            return await super().execute(*arguments, **options)
        return await self._alone(super().execute, arguments, options)

    async def _alone(self, question: Callable[..., Awaitable[Any]], arguments: Any, options: Any) -> Any:
        if self.is_in_transaction():
            return await question(*arguments, **options)
        async with self.transaction():
            return await question(*arguments, **options)


class Pool:
    """At most `size` connections to one database, the last used first. A closed one is replaced when it is needed.

    `pooled` says that a pgbouncer in transaction mode is in between.
    """

    def __init__(self, url: str, isolation: Isolation, size: int, *, pooled: bool = False) -> None:
        self._url = url
        self._isolation = isolation
        self._pooled = pooled
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
        if self._pooled:
            return await self._connect_pooled()
        settings = {
            "application_name": APPLICATION,
            "default_transaction_isolation": self._isolation.value.lower(),
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        }
        return await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_S, server_settings=settings)

    async def _connect_pooled(self) -> Session:
        session = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_S,
            connection_class=PooledSession,
            server_settings={"application_name": APPLICATION},
            # The driver's clock instead of the server's setting, which would stay with the server's connection.
            command_timeout=STATEMENT_TIMEOUT_MS / 1000,
            statement_cache_size=0,
        )
        session.isolation = self._isolation
        return session
