"""Goal: of 50 concurrent advances exactly one wins, at every isolation level.

Method: 50 open connections to two workers; all requests are written before any answer is read.
ONEWINNER_RACES sets the number of races of each test.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from engine.provision.database import Database
from engine.reference.pool import Isolation
from engine.reference.states import GRAPH
from tests.engine.asking import Answer, Client, open_clients
from tests.engine.conftest import put
from tests.engine.serving import Served, serve

CONTENDERS = 50
RACES = {Isolation.READ_COMMITTED: 200, Isolation.REPEATABLE_READ: 40, Isolation.SERIALIZABLE: 40}


async def race(clients: list[Client], workflow: str, expected: str, next_state: str) -> list[Answer]:
    return await asyncio.gather(*(client.advance(workflow, expected, next_state) for client in clients))


async def run_races(served: Served, database: Database, count: int) -> None:
    edges = sorted(GRAPH.edges)
    chosen = [edges[number % len(edges)] for number in range(count)]
    workflows = await put(database.url, [expected for expected, _ in chosen])
    async with open_clients(served, CONTENDERS) as clients:
        for workflow, (expected, next_state) in zip(workflows, chosen, strict=True):
            answers = await race(clients, workflow, expected, next_state)
            assert Counter(answer.status for answer in answers) == {200: 1, 409: CONTENDERS - 1}
            for answer in answers:
                if answer.status == 409:
                    assert (answer.body["reason"], answer.body["currentState"]) == ("stale_state", next_state)
            trail = (await clients[0].ask("GET", f"/{workflow}/transitions")).body["transitions"]
            assert [(row["fromState"], row["toState"]) for row in trail] == [(expected, next_state)]


MORE = (Isolation.REPEATABLE_READ, Isolation.SERIALIZABLE)


@pytest.fixture(
    scope="module",
    params=[Isolation.READ_COMMITTED, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in MORE)],
)
def isolated(database: Database, request: pytest.FixtureRequest) -> Iterator[tuple[Isolation, Served]]:
    """An engine at each isolation level."""
    with serve(database.url, isolation=request.param, pool_size=CONTENDERS // 2) as served:
        yield request.param, served


def test_50_concurrent_advances_have_one_winner(database: Database, isolated: tuple[Isolation, Served]) -> None:
    isolation, served = isolated
    asyncio.run(run_races(served, database, int(os.environ.get("ONEWINNER_RACES", RACES[isolation]))))


def test_cancels_tell_the_state_that_they_really_left(database: Database, isolated: tuple[Isolation, Served]) -> None:
    """A workflow fails and retries as fast as it can while 8 ask to cancel it: the trail stays an unbroken chain."""

    async def churn(client: Client, workflow: str) -> None:
        edges = [("ICP_PROCESSING", "ICP_FAILED"), ("ICP_FAILED", "ICP_PROCESSING")]
        for number in range(200):
            if (await client.advance(workflow, *edges[number % 2])).status != 200:
                return

    async def run(served: Served) -> None:
        workflows = await put(database.url, ["ICP_PROCESSING"] * 10)
        async with open_clients(served, 9) as clients:
            for workflow in workflows:
                cancels = (client.ask("POST", f"/{workflow}/cancel") for client in clients[1:])
                churning = asyncio.create_task(churn(clients[0], workflow))
                answers = await asyncio.gather(*cancels)
                await churning
                assert Counter(answer.status for answer in answers) == {200: 1, 409: 7}
                trail = (await clients[0].ask("GET", f"/{workflow}/transitions")).body["transitions"]
                states = ["ICP_PROCESSING", *(row["toState"] for row in trail)]
                assert [row["fromState"] for row in trail] == states[:-1]
                assert states[-1] == "CANCELLED"
                assert [row["at"] for row in trail] == sorted(row["at"] for row in trail)

    asyncio.run(run(isolated[1]))
