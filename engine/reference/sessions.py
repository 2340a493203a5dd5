"""Runs statements on borrowed connections, and translates the database's errors. `retries.py` asks again.

Statements are written in SQLAlchemy Core, compiled once, and run on the driver itself: one prepared statement, one
round trip (docs/decisions/0003-guarded-write.md has the figures). A database error never becomes a conflict: it means
either "try again", or that the outcome is not known.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler

from engine.reference.errors import DatabaseLost, SerializationFailure
from engine.reference.pool import Isolation, Pool, Session

# serialization_failure and deadlock_detected.
TRY_AGAIN = ("40001", "40P01")
# Connection, resources, operator intervention (shutdown, timeout), lock not available, standby.
LOST = ("08", "53", "57", "55P03", "25006")
# The errors of the driver for a connection that was closed without a message from the database.
DRIVER_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError)

Serializable = Literal["serializable"]


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
        """All rows. `values` are the parameters, by name."""
        return await session.fetch(self.sql, *self.arrange(values))

    async def fetch_one(self, session: Session, **values: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        return await session.fetchrow(self.sql, *self.arrange(values))

    async def fetch_only(self, session: Session, **values: Any) -> asyncpg.Record:
        """The only row; there must be exactly one."""
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
        await pool.await_returns()
        pool.close()


class BorrowedConnection:
    """A connection for the length of an `async with`; each statement commits by itself.

    Translates database errors: see `translate`.
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
            # The server may have ended it while it was idle, and the driver may not have noticed yet.
            self._session.terminate()
        self._pool.give(self._session)
        if isinstance(error, Exception):
            meant = translate(error)
            if meant is not error:
                raise meant from error


def open_session(pool: Pool) -> BorrowedConnection:
    """A connection for the length of an `async with`."""
    return BorrowedConnection(pool)


@asynccontextmanager
async def open_transaction(pool: Pool, isolation: Serializable | None = None) -> AsyncIterator[Session]:
    """A connection in one transaction at this isolation level, by default the pool's; committed at the end."""
    async with open_session(pool) as session, session.transaction(isolation=isolation):
        yield session


def translate(error: Exception) -> Exception:
    """SerializationFailure, DatabaseLost, or the error itself if it means neither."""
    state = getattr(error, "sqlstate", None) or ""
    if state in TRY_AGAIN:
        return SerializationFailure()
    if isinstance(error, (OSError, TimeoutError, *DRIVER_ERRORS)) or state.startswith(LOST):
        return DatabaseLost()
    return error
