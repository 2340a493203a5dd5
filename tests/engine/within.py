"""An engine in the test's process: its functions, called as the routes call them, on a real database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import asyncpg

from engine.provision.database import Database
from engine.reference import workflows
from engine.reference.api import prepare
from engine.reference.audit import read_trail
from engine.reference.part_types import Caller, Engine, Transition
from engine.reference.pool import Isolation
from engine.reference.sessions import open_pool
from engine.reference.variants import choose_parts

ANN = Caller("acme", "ann", "of-ann")
GIL = Caller("globex", "gil", "of-gil")
WAIT_S = 20.0


@contextlib.asynccontextmanager
async def open_engine(
    url: str,
    *,
    defect: str | None = None,
    control: str | None = None,
    isolation: Isolation = Isolation.READ_COMMITTED,
    size: int = 10,
) -> AsyncIterator[Engine]:
    async with open_pool(url, isolation, size) as pool:
        yield Engine(choose_parts(defect, control), pool)


async def race(engine: Engine, workflow: UUID, expected: str, next_state: str, count: int) -> list[object]:
    """`count` concurrent advances; of each what it returned or raised."""
    return await asyncio.gather(
        *(workflows.advance(engine, ANN, workflow, expected, next_state) for _ in range(count)), return_exceptions=True
    )


def count_winners(outcomes: list[object]) -> int:
    return sum(isinstance(outcome, Transition) for outcome in outcomes)


async def show_trail(engine: Engine, workflow: UUID) -> list[tuple[str, str]]:
    return [(entry.from_state, entry.to_state) for entry in (await read_trail(engine, ANN, workflow)).transitions]


async def prepare_another(database: Database, name: str, *, defect: str | None, control: str | None) -> str:
    """The URL of a new database on the same server, for tests with other tables."""
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    url = replace(database, name=name).url
    await prepare(url, defect, control)
    return url


@contextlib.asynccontextmanager
async def hold(url: str, statement: str, *arguments: object) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that holds the locks of a statement for the length of an `async with`."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statement, *arguments)
            yield connection
    finally:
        await connection.close()


async def kill_the_waiting(holder: asyncpg.Connection) -> None:
    """Ends the one connection of an engine that waits for a lock of the holder, once it does."""
    async with asyncio.timeout(WAIT_S):
        while not await holder.fetchval(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        ):
            pass
