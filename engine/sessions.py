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
from enum import StrEnum
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler

from engine.errors import Contended, DatabaseLost, SerializationFailure

STATEMENT_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 10.0
BACKOFF_MS = 2.0

# serialization_failure and deadlock_detected: rolled back for the sake of others.
TRY_AGAIN = ("40001", "40P01")
# Connection, resources, operator intervention (shutdown, timeout), lock not available, standby.
LOST = ("08", "53", "57", "55P03", "25006")
# What the driver says, without a word from the database, of a connection that was closed under it.
DRIVER_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError)

Pool = asyncpg.Pool
Session = asyncpg.pool.PoolConnectionProxy
T = TypeVar("T")


class Isolation(StrEnum):
    """The isolation level of every transaction."""

    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"


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
async def open_pool(url: str, isolation: Isolation, size: int) -> AsyncIterator[Pool]:
    """`size` connections, all opened beforehand, so that the first race is not one of connecting.

    A statement is a transaction of its own unless a session begins one.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=size,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            # Nothing here changes a session, so that there is nothing to reset: that would be a second round trip.
            reset=leave_as_it_is,
            max_inactive_connection_lifetime=0,
            server_settings={
                "application_name": "onewinner",
                "default_transaction_isolation": isolation.value.lower(),
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            },
        )
    except Exception as error:
        raise translate(error) from error
    try:
        yield pool
    finally:
        pool.terminate()


async def leave_as_it_is(connection: asyncpg.Connection) -> None:
    """What a connection needs before it goes back: nothing."""


@asynccontextmanager
async def open_session(pool: Pool) -> AsyncIterator[Session]:
    """A connection on which each statement commits by itself. Database errors come out as ours."""
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as session:
            try:
                yield session
            except DRIVER_ERRORS:
                # Told to end while it was idle, say; it may not know yet that it is closed.
                session.terminate()
                raise
    except Exception as error:
        raise translate(error) from error


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


async def insist(question: Callable[[], Awaitable[T]], attempts_max: int) -> T:
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
