"""Goal: all requests of an organization with one idempotency key are one request. Method: two real workers."""

import asyncio

import pytest

from tests.engine.asking import ACME, GLOBEX, Answer, Client, open_client, open_clients
from tests.engine.serving import Served

ADVANCE = {"expectedState": "CREATED", "nextState": "ICP_PENDING"}
CANCEL = {"expectedState": "CREATED", "nextState": "CANCELLED"}


async def send(client: Client, workflow: str, key: str, body: object = ADVANCE, token: str = ACME) -> Answer:
    headers = [("Idempotency-Key", key)]
    return await client.ask("POST", f"/{workflow}/advance", body, token=token, headers=headers)


def test_requests_at_one_instant_get_one_answer_and_make_one_move(served: Served) -> None:
    async def run() -> None:
        async with open_clients(served, 16) as clients:
            workflow = await clients[0].create()
            answers = await asyncio.gather(*(send(client, workflow, workflow) for client in clients))
            later = await send(clients[0], workflow, workflow)
            assert {(answer.status, answer.content) for answer in [*answers, later]} == {(200, later.content)}
            trail = await clients[0].ask("GET", f"/{workflow}/transitions")
            assert len(trail.body["transitions"]) == 1

    asyncio.run(run())


def test_creates_with_one_key_create_one_workflow(served: Served) -> None:
    """For each organization its own."""

    async def run() -> None:
        async with open_clients(served, 8) as clients:
            key = [("Idempotency-Key", f"create/{await clients[0].create()}")]
            asked = [client.ask("POST", "", token=ACME, headers=key) for client in clients]
            answers = [*await asyncio.gather(*asked), await clients[0].ask("POST", "", token=ACME, headers=key)]
            assert {(answer.status, answer.content) for answer in answers} == {(201, answers[0].content)}
            theirs = await clients[0].ask("POST", "", token=GLOBEX, headers=key)
            assert (theirs.status, theirs.body["id"] != answers[0].body["id"]) == (201, True)

    asyncio.run(run())


def test_a_conflict_is_kept_too(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            workflow = await client.create()
            stale = {"expectedState": "ICP_PENDING", "nextState": "CANCELLED"}
            first = await send(client, workflow, f"{workflow}/1", stale)
            assert (first.status, first.body["currentState"]) == (409, "CREATED")
            await client.advance(workflow, "CREATED", "ICP_PENDING")
            again = await send(client, workflow, f"{workflow}/1", stale)
            assert (again.status, again.content) == (409, first.content)

    asyncio.run(run())


def test_a_key_is_refused_for_another_request_and_free_for_another_organization(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            mine, other, theirs = await client.create(), await client.create(), await client.create(GLOBEX)
            assert (await send(client, mine, mine)).status == 200
            for refused in (await send(client, mine, mine, CANCEL), await send(client, other, mine)):
                assert (refused.status, refused.body["reason"]) == (422, "key_reused")
            assert (await send(client, mine, mine, token=GLOBEX)).status == 404
            answer = await send(client, theirs, mine, token=GLOBEX)
            assert (answer.status, answer.body["id"]) == (200, theirs)

    asyncio.run(run())


def test_what_the_state_did_not_decide_leaves_no_key_behind(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            workflow = await client.create()
            assert (await send(client, workflow, workflow, b"{")).status == 422
            assert (await send(client, workflow, workflow, token=GLOBEX)).status == 404
            assert (await send(client, workflow, workflow)).status == 200

    asyncio.run(run())


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe9"])
def test_a_malformed_key_is_refused(key: str, served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            workflow = await client.create()
            assert (await send(client, workflow, key)).status == 422
            assert (await client.ask("GET", f"/{workflow}")).body["state"] == "CREATED"

    asyncio.run(run())
