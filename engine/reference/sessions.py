"""Connections to the database, the statements that run on them, and what the database's errors mean.

Statements are written in SQLAlchemy Core, compiled once, and run on the driver itself: one prepared statement, one
round trip (docs/decisions/0003-guarded-write.md has the figures). A database error is never dressed up as a
conflict: it either says "try again" or that nobody can say.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler

from engine.reference.errors import Contended, DatabaseLost, SerializationFailure
from engine.reference.pool import Isolation as Isolation  # noqa: PLC0414 - callers of sessions need its name
from engine.reference.pool import Pool, Session

BACKOFF_MS = 2.0

# serialization_failure and deadlock_detected: rolled back for the sake of others.
TRY_AGAIN = ("40001", "40P01")
# Connection, resources, operator intervention (shutdown, timeout), lock not available, standby.
LOST = ("08", "53", "57", "55P03", "25006")
# What the driver says, without a word from the database, of a connection that was closed under it.
DRIVER_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError)

T = TypeVar("T")


@dataclass(frozen=True)
class Statement:
    """One statement as text, and the names of its parameters in the order of $1, $2, ..."""

    sql: str
    order: tuple[str, ...]

    @classmethod
    def of(cls, expression: ClauseElement) -> "Statement":
        compiled = expression.compile(dialect=dialect())  # type: ignore[no-untyped-call]
        assert isinstance(compiled, SQLCompiler)
        return cls(str(compiled), tuple(compiled.positiontup or ()))

    async def fetch(self, session: Session, **values: Any) -> list[asyncpg.Record]:
        """Every row. `values` has each named parameter."""
        return await session.fetch(self.sql, *self.arrange(values))

    async def fetch_one(self, session: Session, **values: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        return await session.fetchrow(self.sql, *self.arrange(values))

    async def fetch_only(self, session: Session, **values: Any) -> asyncpg.Record:
        """The one row that there must be."""
        (row,) = await self.fetch(session, **values)
        return row

    def arrange(self, values: dict[str, Any]) -> Sequence[Any]:
        return [values[name] for name in self.order]


@asynccontextmanager
async def open_pool(url: str, isolation: Isolation, size: int, *, pooled: bool = False) -> AsyncIterator[Pool]:
    """A pool of `size` open connections, `pooled` as in Pool. Raises DatabaseLost when they cannot be opened."""
    pool = Pool(url, isolation, size, pooled=pooled)
    try:
        await pool.fill()
    except Exception as error:
        pool.close()
        raise translate(error) from error
    try:
        yield pool
    finally:
        pool.close()


class BorrowedConnection:
    """A connection on which each statement commits by itself, for the length of an `async with`.

    Database errors come out as ours: SerializationFailure, DatabaseLost; others as they are.
    """

    __slots__ = ("_pool", "_session")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Session:
        try:
            self._session = await self._pool.take()
        except Exception as error:
            raise translate(error) from error
        return self._session

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DRIVER_ERRORS):
            # Told to end while it was idle, say; it may not know yet that it is closed.
            self._session.terminate()
        self._pool.give(self._session)
        if isinstance(error, Exception):
            meant = translate(error)
            if meant is not error:
                raise meant from error


def open_session(pool: Pool) -> BorrowedConnection:
    """A connection, lent for the length of an `async with`."""
    return BorrowedConnection(pool)


@asynccontextmanager
async def open_transaction(pool: Pool) -> AsyncIterator[Session]:
    """A connection in one transaction at the pool's isolation level, committed at the end."""
    async with open_session(pool) as session, session.transaction():
        yield session


def translate(error: Exception) -> Exception:
    """SerializationFailure, DatabaseLost, or the error itself when it says neither."""
    state = getattr(error, "sqlstate", None) or ""
    if state in TRY_AGAIN:
        return SerializationFailure()
    if isinstance(error, (OSError, TimeoutError, *DRIVER_ERRORS)) or state.startswith(LOST):
        return DatabaseLost()
    return error


async def retry(question: Callable[[], Awaitable[T]], attempts_max: int) -> T:
    """Asks again while the database rolls back for the sake of others. Raises Contended after `attempts_max`."""
    for attempt in range(attempts_max):
        try:
            return await question()
        except SerializationFailure:
            await back_off(attempt)
    raise Contended(attempts_max)


async def back_off(attempt: int) -> None:
    """Waits a random moment, at most BACKOFF_MS doubled with each attempt, for contenders to get apart."""
    await asyncio.sleep(random.random() * BACKOFF_MS * 2 ** min(attempt, 6) / 1000)
