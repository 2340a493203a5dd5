"""A pool of connections to the database.

The pool of the driver wraps each connection and starts a timer for each wait, which costs as much time as the statement
itself (docs/decisions/0003-guarded-write.md has the figures). This pool changes no connection, so it resets none.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import asyncpg
import asyncpg.transaction

APPLICATION = "onewinner"
STATEMENT_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 5.0
# When it starts no request waits, and the machine may be busy with all that starts at once.
FILL_TIMEOUT_S = 30.0
TAKE_TIMEOUT_S = 10.0
RETURN_LIMIT_S = 1.0

Session = asyncpg.Connection


class Isolation(StrEnum):
    """The isolation level of every transaction."""

    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"


class PooledSession(asyncpg.Connection):
    """A session behind a pgbouncer in transaction mode, where the next transaction may run on another connection.

    A setting of the session might reach another client, or none. So every statement runs in a transaction that sets its
    own isolation level, and no statement is prepared.
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
        # Without values it is a statement with which the driver begins or ends a transaction.
        if len(arguments) == 1:
            return await super().execute(*arguments, **options)
        return await self._alone(super().execute, arguments, options)

    async def _alone(self, question: Callable[..., Awaitable[Any]], arguments: Any, options: Any) -> Any:
        if self.is_in_transaction():
            return await question(*arguments, **options)
        async with self.transaction():
            return await question(*arguments, **options)


class Pool:
    """At most `size` connections to one database; the one used last is lent first. Closed ones are replaced on demand.

    `pooled`: a pgbouncer in transaction mode is in front of the database.
    """

    def __init__(self, url: str, isolation: Isolation, size: int, *, pooled: bool = False) -> None:
        self._url = url
        self._isolation = isolation
        self._pooled = pooled
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Session] = []

    async def fill(self) -> None:
        """Opens all connections, so that no request has to wait for a connection to open."""
        opened = await asyncio.gather(
            *(self._connect(FILL_TIMEOUT_S) for _ in range(self._size)), return_exceptions=True
        )
        self._idle = [one for one in opened if not isinstance(one, BaseException)]
        for failed in opened:
            if isinstance(failed, BaseException):
                raise failed

    async def take(self) -> Session:
        """A connection; the caller gives it back. Raises TimeoutError, OSError or the driver's errors."""
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

    async def await_returns(self) -> None:
        """Waits a while until what is borrowed is given back, such as for a commit in a task of its own."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETURN_LIMIT_S):
                for _ in range(self._size):
                    await self._free.acquire()

    def close(self) -> None:
        """Ends all connections that are not borrowed."""
        while self._idle:
            self._idle.pop().terminate()

    async def _connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> Session:
        if self._pooled:
            return await self._connect_pooled(timeout_s)
        settings = {
            "application_name": APPLICATION,
            "default_transaction_isolation": self._isolation.value.lower(),
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        }
        return await asyncpg.connect(self._url, timeout=timeout_s, server_settings=settings)

    async def _connect_pooled(self, timeout_s: float) -> Session:
        session = await asyncpg.connect(
            self._url,
            timeout=timeout_s,
            connection_class=PooledSession,
            server_settings={"application_name": APPLICATION},
            # A timeout of the driver: a setting of the server would stay with the server's connection.
            command_timeout=STATEMENT_TIMEOUT_MS / 1000,
            statement_cache_size=0,
        )
        session.isolation = self._isolation
        return session
