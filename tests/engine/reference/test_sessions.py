"""Goal: each error of the database keeps its meaning, and a lost connection is never a conflict."""

import asyncio
import contextlib
from collections import Counter
from uuid import uuid4

import asyncpg
import pytest

from engine.provision.database import Database, start_embedded
from engine.reference.api import prepare
from engine.reference.errors import Contended, DatabaseLost, SerializationFailure
from engine.reference.pool import Isolation
from engine.reference.retries import retry
from engine.reference.sessions import open_pool, open_session, open_transaction, translate
from engine.reference.settings import share_connections
from tests.engine.asking import Client, open_clients
from tests.engine.conftest import put
from tests.engine.serving import Served, serve


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncpg.SerializationError(""), SerializationFailure),
        (asyncpg.DeadlockDetectedError(""), SerializationFailure),
        (asyncpg.ConnectionDoesNotExistError(""), DatabaseLost),
        (asyncpg.InterfaceError(""), DatabaseLost),
        (asyncpg.InternalClientError(""), DatabaseLost),
        (asyncpg.CannotConnectNowError(""), DatabaseLost),
        (asyncpg.AdminShutdownError(""), DatabaseLost),
        (asyncpg.TooManyConnectionsError(""), DatabaseLost),
        (asyncpg.QueryCanceledError(""), DatabaseLost),
        (ConnectionResetError(), DatabaseLost),
        (TimeoutError(), DatabaseLost),
        (asyncpg.CheckViolationError(""), asyncpg.CheckViolationError),
        (asyncpg.UndefinedTableError(""), asyncpg.UndefinedTableError),
        (ZeroDivisionError(), ZeroDivisionError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_errors_of_the_database_keep_their_meaning(error: Exception, expected: type[Exception]) -> None:
    assert type(translate(error)) is expected


@pytest.mark.parametrize("isolation", list(Isolation))
def test_the_isolation_level_is_that_of_every_transaction(database: Database, isolation: Isolation) -> None:
    async def run() -> None:
        async with open_pool(database.url, isolation, 1) as pool:
            async with open_session(pool) as session:
                assert await session.fetchval("SHOW transaction_isolation") == isolation.value.lower()
            async with open_transaction(pool) as session:
                assert await session.fetchval("SHOW transaction_isolation") == isolation.value.lower()

    asyncio.run(run())


def test_a_deadlock_really_is_one(database: Database) -> None:
    """Two transactions lock two workflows crosswise: one of them gets "try again"."""

    async def run() -> None:
        workflows = await put(database.url, ["CREATED", "CREATED"])
        both = asyncio.Barrier(2)
        lock = "SELECT 1 FROM intent_workflows WHERE id = $1::uuid FOR UPDATE"

        async def cross(order: list[str]) -> None:
            async with open_transaction(pool) as session:
                await session.execute(lock, order[0])
                await both.wait()
                await session.execute(lock, order[1])

        async with open_pool(database.url, Isolation.READ_COMMITTED, 2) as pool:
            crossed = (cross(workflows), cross(workflows[::-1]))
            ended = await asyncio.gather(*crossed, return_exceptions=True)
            assert Counter(type(one) for one in ended) == {SerializationFailure: 1, type(None): 1}

    asyncio.run(run())


def test_retries_have_a_limit() -> None:
    async def fail() -> None:
        raise SerializationFailure

    with pytest.raises(Contended):
        asyncio.run(retry(fail, 3))


def test_no_database_is_lost_at_once() -> None:
    async def run() -> None:
        async with open_pool("postgresql://me@127.0.0.1:1/none", Isolation.READ_COMMITTED, 1):
            raise AssertionError("unreachable")

    with pytest.raises(DatabaseLost):
        asyncio.run(run())


def test_killed_connections_are_503_and_then_all_is_well_again(database: Database) -> None:
    """Sessions are killed under 20 clients: every answer is a win, a true conflict or a 503, and no win is lost."""
    edges = [("ICP_PROCESSING", "ICP_FAILED"), ("ICP_FAILED", "ICP_PROCESSING")]
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onewinner'"

    async def run(served: Served) -> None:
        workflows = await put(database.url, ["ICP_PROCESSING"] * 20)
        statuses: Counter[int] = Counter()
        killer = await asyncpg.connect(database.url)

        async with open_clients(served, len(workflows)) as clients:
            for number in range(60):
                expected, next_state = edges[number % 2]
                asked = [
                    client.advance(one, expected, next_state) for client, one in zip(clients, workflows, strict=True)
                ]
                running = asyncio.gather(*asked)
                if number % 10 == 5:
                    await killer.execute(kill)
                answers = await running
                statuses.update(answer.status for answer in answers)
                for client, one, answer in zip(clients, workflows, answers, strict=True):
                    if answer.status == 503:
                        assert answer.body["reason"] == "database_lost"
                    # The move may or may not have taken effect; the next round starts from a known state.
                    if answer.status != 200:
                        await settle(client, one, next_state)
            assert set(statuses) <= {200, 409, 503}
            for client, one in zip(clients, workflows, strict=True):
                rows = (await client.ask("GET", f"/{one}/transitions")).body["transitions"]
                states = ["ICP_PROCESSING", *(row["toState"] for row in rows)]
                assert [row["fromState"] for row in rows] == states[:-1]
        await killer.close()

    with serve(database.url, pool_size=10) as served:
        asyncio.run(run(served))


async def settle(client: Client, workflow: str, state: str) -> None:
    """Brings the workflow to the state, whether or not the lost move took effect."""
    while True:
        answer = await client.ask("GET", f"/{workflow}")
        if answer.status == 200 and answer.body["state"] == state:
            return
        if answer.status == 200:
            await client.advance(workflow, answer.body["state"], state)


def test_a_database_that_is_gone_is_503() -> None:
    """Health, reads and writes alike: no hanging, no 500, no 409."""

    async def ask_all(served: Served) -> list[int]:
        async with open_clients(served, 1) as (client,):
            asked = [("GET", "!/healthz"), ("POST", ""), ("GET", f"/{uuid4()}"), ("POST", f"/{uuid4()}/cancel")]
            return [(await client.ask(method, path)).status for method, path in asked]

    with contextlib.ExitStack() as engine:
        with start_embedded() as started:
            asyncio.run(prepare(started.url))
            served = engine.enter_context(serve(started.url, workers=1, pool_size=2))
            assert asyncio.run(ask_all(served)) == [200, 201, 404, 404]
        assert asyncio.run(ask_all(served)) == [503] * 4


@pytest.mark.parametrize("connections", [97, 397])
@pytest.mark.parametrize("workers", [1, 2, 4, 8, 64])
def test_some_connections_are_left_for_others(workers: int, connections: int) -> None:
    assert 1 <= share_connections(workers, connections) * workers <= max(workers, connections * 3 // 4)
