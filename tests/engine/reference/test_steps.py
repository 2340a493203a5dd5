"""Goal: the nine steps, their payloads and their guards. Method: two tenants walk the whole pipeline at once."""

import asyncio
from uuid import uuid4

import pytest

from engine.provision.database import Database
from engine.reference.states import GRAPH, STEP_BY_NAME, STEPS, Kind, Step
from engine.reference.steps import has_reached
from tests.engine.asking import ACME, GLOBEX, Answer, Client, open_client, open_clients, token_of
from tests.engine.conftest import put
from tests.engine.serving import Served

KEYWORDS = {"acme": ["k-1", "k-2"], "globex": [7, "\u0000 \U0001f600", 2**70]}


def payload_of(step: Step, tenant: str) -> dict[str, object]:
    if step.name == "seed-extract":
        return {"selectedKeywordIds": KEYWORDS[tenant]}
    return {"note": f"{tenant} at {step.name}"}


async def walk(client: Client, tenant: str, token: str) -> None:
    """From CREATED to COMPLETED by the step routes; every guard asked before its step and after."""
    workflow = await client.create(token)
    chain = ["CREATED"]

    async def post(route: str, expected: str, body: object = None) -> None:
        answer = await client.ask("POST", f"/{workflow}/steps/{route}", body, token=token)
        assert (answer.status, answer.body["state"], answer.body["previousState"]) == (200, expected, chain[-1])
        chain.append(expected)

    for step in STEPS:
        await guards_hold(client, workflow, token, step, chain[-1])
        assert (await client.advance(workflow, chain[-1], step.pending, token=token)).status == 200
        chain.append(step.pending)
        payload = payload_of(step, tenant)
        if step.kind is Kind.WORK:
            await post(step.name, step.processing, {"attempt": 1})
            await post(f"{step.name}/fail", step.failed)
            await post(step.name, step.processing, payload)
            await post(f"{step.name}/complete", step.completed)
        else:
            await post(step.name, step.completed, payload)
        answer = await client.ask("GET", f"/{workflow}/steps/{step.name}", token=token)
        assert (answer.status, answer.body["payload"]) == (200, payload)
        assert (answer.body["step"], answer.body["state"]) == (step.name, step.completed)
    assert (await client.advance(workflow, chain[-1], "COMPLETED", token=token)).status == 200
    chain.append("COMPLETED")
    seeds = await client.ask("GET", f"/{workflow}/steps/seed-extract", token=token)
    assert seeds.body["payload"]["selectedKeywordIds"] == KEYWORDS[tenant]
    await trail_is(client, workflow, token, chain)


async def guards_hold(client: Client, workflow: str, token: str, before: Step, state: str) -> None:
    """Every step from `before` on is refused, every earlier one answers."""
    for step in STEPS:
        answer = await client.ask("GET", f"/{workflow}/steps/{step.name}", token=token)
        if step.number < before.number:
            assert answer.status == 200
        else:
            nulls = {"expectedState": None, "attemptedState": None}
            told = {"reason": "step_not_reached", "currentState": state, **nulls}
            assert (answer.status, answer.body) == (409, {"error": answer.body["error"], **told})


async def trail_is(client: Client, workflow: str, token: str, chain: list[str]) -> None:
    rows = (await client.ask("GET", f"/{workflow}/transitions", token=token)).body["transitions"]
    assert [row["fromState"] for row in rows] == chain[:-1]
    assert [row["toState"] for row in rows] == chain[1:]
    assert [row["sequence"] for row in rows] == sorted({row["sequence"] for row in rows})
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert all(set(row) == {"sequence", "fromState", "toState", "actor", "requestId", "at"} for row in rows)


def test_two_tenants_go_from_created_to_completed_at_once(served: Served) -> None:
    async def run() -> None:
        async with open_clients(served, 4) as clients:
            tenants = [("acme", ACME), ("globex", GLOBEX)] * 2
            await asyncio.gather(*(walk(client, *tenant) for client, tenant in zip(clients, tenants, strict=True)))

    asyncio.run(run())


def test_a_loser_leaves_no_payload(database: Database, served: Served) -> None:
    """20 claim one step, each with a mark of its own: the mark that stays is the winner's."""

    async def run() -> None:
        workflows = await put(database.url, ["PUBLISH_PENDING", "SEED_REVIEW_PENDING", "ICP_FAILED"] * 5)
        names = ["publish", "seed-extract", "icp-generate"] * 5
        async with open_clients(served, 20) as clients:
            for workflow, name in zip(workflows, names, strict=True):
                bodies = [{"mark": mark, "selectedKeywordIds": [mark]} for mark in range(len(clients))]
                path = f"/{workflow}/steps/{name}"
                asked = (client.ask("POST", path, body) for client, body in zip(clients, bodies, strict=True))
                answers: list[Answer] = await asyncio.gather(*asked)
                (winner,) = [mark for mark, answer in enumerate(answers) if answer.status == 200]
                assert [answer.status for answer in answers].count(409) == 19
                assert (await clients[0].ask("GET", path)).body["payload"] == bodies[winner]
                shown = (await clients[0].ask("GET", f"/{workflow}/steps")).body
                assert shown == {"steps": [{"step": name, "payload": bodies[winner]}]}
                stranger = await clients[0].ask("GET", f"/{workflow}/steps", token=GLOBEX)
                assert (stranger.status, stranger.body["reason"]) == (404, "workflow_not_found")
                (row,) = (await clients[0].ask("GET", f"/{workflow}/transitions")).body["transitions"]
                assert row["requestId"] == answers[winner].headers["x-request-id"]

    asyncio.run(run())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_step_routes_from_a_wrong_state(database: Database, served: Served, step: Step) -> None:
    """409 stale_state with the real state, what was expected and what was attempted; nothing stored."""
    work = step.kind is Kind.WORK
    routes = {"": (step.pending, step.processing if work else step.completed)}
    if work:
        routes |= {"/complete": (step.processing, step.completed), "/fail": (step.processing, step.failed)}

    async def run() -> None:
        (workflow,) = await put(database.url, [step.completed])
        async with open_client(served) as client:
            for route, (expected, attempted) in routes.items():
                body = {"selectedKeywordIds": ["late"]}
                answer = await client.ask("POST", f"/{workflow}/steps/{step.name}{route}", body)
                told = {"currentState": step.completed, "expectedState": expected, "attemptedState": attempted}
                assert answer.status == 409
                assert answer.body == {"error": answer.body["error"], "reason": "stale_state", **told}
            assert (await client.ask("GET", f"/{workflow}/steps/{step.name}")).body["payload"] is None

    asyncio.run(run())


def test_a_cancelled_workflow_has_reached_what_its_trail_shows(database: Database, served: Served) -> None:
    async def run() -> None:
        workflows = await put(database.url, ["CREATED", "CLUSTERING_FAILED"])
        async with open_client(served) as client:
            for workflow, reached in zip(workflows, [0, 4], strict=True):
                assert (await client.ask("POST", f"/{workflow}/cancel")).status == 200
                for step in STEPS:
                    answer = await client.ask("GET", f"/{workflow}/steps/{step.name}")
                    assert answer.status == (200 if step.number <= reached else 409)
                    assert answer.body["state" if answer.status == 200 else "currentState"] == "CANCELLED"

    asyncio.run(run())


@pytest.mark.parametrize(
    "body", [None, {}, {"selectedKeywordIds": []}, {"selectedKeywordIds": "k"}, {"selectedKeywordIds": [None]}]
)
def test_seeds_need_keyword_ids(database: Database, served: Served, body: object) -> None:
    async def run() -> None:
        (workflow,) = await put(database.url, ["SEED_REVIEW_PENDING"])
        async with open_client(served) as client:
            assert (await client.ask("POST", f"/{workflow}/steps/seed-extract", body)).status == 422
            assert (await client.ask("GET", f"/{workflow}")).body["state"] == "SEED_REVIEW_PENDING"

    asyncio.run(run())


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "\\u0000"}',
        b'{"a": 1e999}',
        b'{"a": 123456789012345678901234567890}',
        b' {"a" : [ ] } ',
        b'{"\\ud83d\\ude00": {}}',
    ],
)
def test_a_payload_comes_back_as_it_was(database: Database, served: Served, content: bytes) -> None:
    """Any JSON; the engine may refuse it, but never with a server error."""

    async def run() -> None:
        (workflow,) = await put(database.url, ["ICP_PENDING"])
        async with open_client(served) as client:
            answer = await client.ask("POST", f"/{workflow}/steps/icp-generate", content)
            assert answer.status in {200, 422}
            if answer.status == 200:
                assert content.strip() in (await client.ask("GET", f"/{workflow}/steps/icp-generate")).content

    asyncio.run(run())


def test_a_review_step_cannot_be_completed_or_failed(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            workflow = await client.create()
            for route in ("complete", "fail"):
                answer = await client.ask("POST", f"/{workflow}/steps/seed-extract/{route}")
                assert (answer.status, answer.body["reason"]) == (404, "step_not_found")

    asyncio.run(run())


def test_has_reached() -> None:
    seeds = STEP_BY_NAME["seed-extract"]
    assert [has_reached(seeds, state, ()) for state in ("CREATED", "COMPETITOR_COMPLETED", "CANCELLED")] == [False] * 3
    assert has_reached(seeds, "SEED_REVIEW_PENDING", ())
    assert has_reached(seeds, "COMPLETED", ())
    assert has_reached(seeds, "CANCELLED", ["CREATED", "SEED_REVIEW_PENDING"])
    assert sum(has_reached(seeds, state, ()) for state in GRAPH.states) == 25


def test_another_tenants_token_does_not_move_a_step(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            workflow = await client.create()
            await client.advance(workflow, "CREATED", "ICP_PENDING")
            stranger = token_of("globex")
            assert (await client.ask("POST", f"/{workflow}/steps/icp-generate", {}, token=stranger)).status == 404
            assert (await client.ask("POST", f"/{uuid4()}/steps/icp-generate", {})).status == 404
            assert (await client.ask("GET", f"/{workflow}")).body["state"] == "ICP_PENDING"

    asyncio.run(run())
