"""Goal: a control has exactly one winner too, and its other answers are true.

Method: 50 concurrent advances over HTTP to two workers; and inside of this process at the other isolation levels.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest

from engine.provision.database import Database
from engine.reference.api import create_app
from engine.reference.controls import drops_connection, list_controls
from engine.reference.errors import TransitionConflict, UnknownVariant
from engine.reference.part_types import Transition
from engine.reference.pool import Isolation
from engine.reference.settings import Settings
from engine.reference.variants import WORKFLOWS, find_variant
from tests.engine.asking import open_client, open_clients
from tests.engine.conftest import put
from tests.engine.serving import SECRET, Served, serve, serve_here
from tests.engine.within import open_engine, prepare_another, race, show_trail

CONTENDERS = 50
# So few that no worker of drops-connection reaches its 200th answer.
RACES = 3
DUE = ("ICP_PROCESSING", "ICP_COMPLETED")


@pytest.fixture(scope="module", params=list_controls(WORKFLOWS))
def prepared(request: pytest.FixtureRequest, database: Database) -> tuple[str, str]:
    """A control, and a database with its tables."""
    return request.param, asyncio.run(
        prepare_another(database, f"of-{request.param}", defect=None, control=request.param)
    )


@pytest.fixture(scope="module")
def served(prepared: tuple[str, str]) -> Iterator[Served]:
    name, url = prepared
    with serve(url, control=name) as server:
        yield server


def test_each_says_what_is_otherwise_and_why_it_is_right() -> None:
    for name in list_controls():
        assert "Right, because " in (find_variant("control", name).__doc__ or "")


def test_an_unknown_one_is_a_sentence_that_names_the_known() -> None:
    with pytest.raises(UnknownVariant, match=r"no control 'nope'; the controls are: .*select-for-update"):
        create_app(Settings("postgresql://unused", SECRET, control="nope"))


def test_50_concurrent_advances_have_one_winner(prepared: tuple[str, str], served: Served) -> None:
    _, url = prepared

    async def run() -> None:
        workflows = await put(url, [DUE[0]] * RACES)
        async with open_clients(served, CONTENDERS) as clients:
            for workflow in workflows:
                answers = await asyncio.gather(*(client.advance(workflow, *DUE) for client in clients))
                assert Counter(answer.status for answer in answers) == {200: 1, 409: CONTENDERS - 1}
                told = {(each.body["reason"], each.body["currentState"]) for each in answers if each.status == 409}
                assert told == {("stale_state", DUE[1])}
        async with open_client(served) as client:
            for workflow in workflows:
                trail = (await client.ask("GET", f"/{workflow}/transitions")).body["transitions"]
                assert [(row["fromState"], row["toState"]) for row in trail] == [DUE]

    asyncio.run(run())


def test_of_two_idempotency_keys_one_wins_and_each_gets_one_answer(prepared: tuple[str, str], served: Served) -> None:
    _, url = prepared
    body = {"expectedState": "CREATED", "nextState": "ICP_PENDING"}

    async def run() -> None:
        [workflow] = await put(url, ["CREATED"])
        keys = [f"{workflow}/{turn % 2}" for turn in range(8)]
        async with open_clients(served, len(keys)) as clients:
            asked = [
                client.ask("POST", f"/{workflow}/advance", body, headers=[("Idempotency-Key", key)])
                for client, key in zip(clients, keys, strict=True)
            ]
            answers = await asyncio.gather(*asked)
        told = {(key, answer.status) for key, answer in zip(keys, answers, strict=True)}
        assert len(told) == 2
        assert {status for _, status in told} == {200, 409}

    asyncio.run(run())


@pytest.mark.parametrize("isolation", [Isolation.REPEATABLE_READ, Isolation.SERIALIZABLE])
def test_so_they_have_at_every_isolation_level(prepared: tuple[str, str], isolation: Isolation) -> None:
    name, url = prepared

    async def run() -> None:
        async with open_engine(url, control=name, isolation=isolation, size=CONTENDERS) as engine:
            for workflow in [UUID(each) for each in await put(url, [DUE[0]] * RACES)]:
                outcomes = await race(engine, workflow, *DUE, CONTENDERS)
                kinds = Counter(type(outcome) for outcome in outcomes)
                assert kinds == {Transition: 1, TransitionConflict: CONTENDERS - 1}
                told = {outcome.current for outcome in outcomes if isinstance(outcome, TransitionConflict)}
                assert told == {DUE[1]}
                assert await show_trail(engine, workflow) == [DUE]

    asyncio.run(run())


@pytest.mark.exhaustive
def test_drops_connection_after_the_commit(database: Database) -> None:
    """The 200th answer of a worker breaks off; the request took effect, and the next connection works."""

    async def run() -> None:
        (workflow,) = await put(database.url, [DUE[0]])
        async with serve_here(database.url, control="drops-connection") as served:
            async with open_client(served) as client:
                for _ in range(drops_connection.EVERY - 1):
                    assert (await client.ask("GET", f"/{workflow}")).body["state"] == DUE[0]
                with pytest.raises(asyncio.IncompleteReadError):
                    await client.advance(workflow, *DUE)
            async with open_client(served) as client:
                assert (await client.ask("GET", f"/{workflow}")).body["state"] == DUE[1]

    asyncio.run(run())
