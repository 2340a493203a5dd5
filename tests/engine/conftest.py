"""One embedded PostgreSQL and one engine of two workers for the whole test run."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from engine.provision.database import Database, start_embedded
from engine.reference.api import prepare
from tests.engine.serving import Served, serve


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """A prepared database. Tests share it, each with workflows of its own."""
    with start_embedded() as started:
        asyncio.run(prepare(started.url))
        yield started


@pytest.fixture(scope="session")
def served(database: Database) -> Iterator[Served]:
    """The reference engine over HTTP."""
    with serve(database.url) as engine:
        yield engine


async def put(database_url: str, states: list[str], organization: str = "acme") -> list[str]:
    """Workflows put into these states by SQL, past the engine; their ids."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "INSERT INTO intent_workflows (id, organization_id, state) "
            "SELECT gen_random_uuid(), $1, state FROM unnest($2::text[]) WITH ORDINALITY AS given (state, place) "
            "ORDER BY place RETURNING id, state",
            organization,
            states,
        )
    finally:
        await connection.close()
    assert [row["state"] for row in rows] == states
    return [str(row["id"]) for row in rows]
