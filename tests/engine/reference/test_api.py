"""Goal: every answer of the routes is the one specified. Method: real requests to two real workers."""

import asyncio
import itertools
from typing import Any
from uuid import uuid4

import pytest

from engine.provision.database import Database
from engine.reference.states import GRAPH
from tests.engine.asking import ACME, GLOBEX, PREFIX, Answer, Client, open_client, open_clients, token_of
from tests.engine.conftest import put
from tests.engine.serving import Served

REFUSAL_KEYS = {"error", "reason", "currentState", "expectedState", "attemptedState"}
MOVE = {"expectedState": "CREATED", "nextState": "ICP_PENDING"}


def ask(served: Served, method: str, path: str, body: object = None, **more: Any) -> Answer:
    async def run() -> Answer:
        async with open_client(served) as client:
            return await client.ask(method, path, body, **more)

    return asyncio.run(run())


def make(served: Served) -> str:
    async def run() -> str:
        async with open_client(served) as client:
            return await client.create()

    return asyncio.run(run())


async def share_out(clients: list[Client], requests: list[tuple[str, str, str]]) -> list[Answer]:
    """Each (workflow, expected, next) as an advance, spread over the clients; the answers in order."""
    answers: list[Answer | None] = [None] * len(requests)
    numbered = iter(enumerate(requests))

    async def run(client: Client) -> None:
        for place, (workflow, expected, next_state) in numbered:
            answers[place] = await client.advance(workflow, expected, next_state)

    await asyncio.gather(*(run(client) for client in clients))
    return [answer for answer in answers if answer is not None]


def test_each_of_the_1225_pairs(database: Database, served: Served) -> None:
    """From each state to each state: 73 times 200, and 1,152 times 409 with the real state."""
    pairs = list(itertools.product(GRAPH.states, repeat=2))

    async def run() -> list[Answer]:
        workflows = await put(database.url, [before for before, _ in pairs])
        async with open_clients(served, 32) as clients:
            return await share_out(
                clients, [(one, before, after) for one, (before, after) in zip(workflows, pairs, strict=True)]
            )

    answers = asyncio.run(run())
    assert [answer.status for answer in answers].count(200) == 73
    assert [answer.status for answer in answers].count(409) == 1152
    for (before, after), answer in zip(pairs, answers, strict=True):
        body = answer.body
        if GRAPH.allows(before, after):
            assert (answer.status, body["state"], body["previousState"]) == (200, after, before)
        else:
            assert answer.status == 409
            told = {"currentState": before, "expectedState": before, "attemptedState": after}
            assert body == {"error": body["error"], "reason": "illegal_transition", **told}


def test_each_edge_from_each_other_state_is_stale(database: Database, served: Served) -> None:
    """A legal edge for a workflow in another state: 409 stale_state with the real state."""
    edges = sorted(GRAPH.edges)
    elsewhere = [next(state for state in reversed(GRAPH.states) if state not in edge) for edge in edges]

    async def run() -> list[Answer]:
        workflows = await put(database.url, elsewhere)
        async with open_clients(served, 32) as clients:
            return await share_out(
                clients, [(one, before, after) for one, (before, after) in zip(workflows, edges, strict=True)]
            )

    for edge, state, answer in zip(edges, elsewhere, asyncio.run(run()), strict=True):
        body = answer.body
        assert answer.status == 409
        assert (body["reason"], body["currentState"]) == ("stale_state", state)
        assert (body["expectedState"], body["attemptedState"]) == edge


def test_illegal_wins_over_stale(served: Served) -> None:
    answer = ask(
        served, "POST", f"/{make(served)}/advance", {"expectedState": "PUBLISH_PENDING", "nextState": "CREATED"}
    )
    assert (answer.status, answer.body["reason"], answer.body["currentState"]) == (409, "illegal_transition", "CREATED")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"expectedState": 1, "nextState": "ICP_PENDING"}',
        b'{"expectedState": null, "nextState": "ICP_PENDING"}',
        b'{"nextState": "ICP_PENDING"}',
        b'{"expectedState": "CREATED\\u0000", "nextState": "ICP_PENDING"}',
        b'{"expectedState": "CREATED", "nextState": "\\ud800"}',
        b'{"expectedState": "created", "nextState": "ICP_PENDING"}',
        b'{"expectedState": "CREATED", "nextState": "NOWHERE"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"expectedState": "' + b"x" * (2 << 20) + b'", "nextState": "ICP_PENDING"}',
    ],
    ids=lambda body: repr(body[:48]),
)
def test_malformed_advances_are_422(served: Served, body: bytes) -> None:
    answer = ask(served, "POST", f"/{make(served)}/advance", body)
    assert answer.status == 422
    assert set(answer.body) == {"error", "reason"}
    assert answer.body["reason"] in {"malformed_body", "unknown_state"}


def test_unknown_state_has_its_own_reason(served: Served) -> None:
    answer = ask(served, "POST", f"/{uuid4()}/advance", {"expectedState": "CREATED", "nextState": "NOWHERE"})
    assert (answer.status, answer.body["reason"]) == (422, "unknown_state")


@pytest.mark.parametrize("path", ["/{id}/steps/seed-extract", "/{id}/steps/icp-generate", "/{id}/cancel", ""])
def test_malformed_bodies_elsewhere_are_422(served: Served, path: str) -> None:
    assert ask(served, "POST", path.format(id=uuid4()), b"[1]").status == 422


@pytest.mark.parametrize(
    "path", ["", "/{id}", "/{id}/advance", "/{id}/cancel", "/{id}/steps/publish", "/{id}/transitions"]
)
@pytest.mark.parametrize("authorization", [None, "Basic eA==", "Bearer", "Bearer x.y.z"])
def test_401_comes_before_everything(served: Served, path: str, authorization: str | None) -> None:
    """Without a token nothing else is checked: not the malformed body, not the unknown id."""
    headers = [] if authorization is None else [("Authorization", authorization)]
    method = "GET" if path in {"/{id}", "/{id}/transitions"} else "POST"
    answer = ask(served, method, path.format(id="no-id"), b"{", token=None, headers=headers)
    assert (answer.status, answer.body["reason"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_422_comes_before_404_and_404_before_409(served: Served) -> None:
    unknown = f"/{uuid4()}/advance"
    assert ask(served, "POST", unknown, b"{").status == 422
    assert ask(served, "POST", unknown, {"expectedState": "CREATED", "nextState": "COMPLETED"}).status == 404
    assert ask(served, "POST", unknown, MOVE).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/{id}", None),
        ("POST", "/{id}/advance", MOVE),
        ("POST", "/{id}/advance", {"expectedState": "CREATED", "nextState": "COMPLETED"}),
        ("POST", "/{id}/cancel", None),
        ("POST", "/{id}/steps/icp-generate", {}),
        ("POST", "/{id}/steps/icp-generate/complete", None),
        ("POST", "/{id}/steps/icp-generate/fail", None),
        ("GET", "/{id}/steps/icp-generate", None),
        ("GET", "/{id}/transitions", None),
    ],
)
def test_a_foreign_workflow_reads_the_same_as_an_unknown_one(
    served: Served, method: str, path: str, body: object
) -> None:
    """Byte for byte, except for the header that says when; and so does an id that is none."""
    workflow = make(served)
    foreign, unknown, malformed = (
        ask(served, method, path.format(id=one), body, token=GLOBEX, headers=[("X-Request-ID", "same")])
        for one in (workflow, uuid4(), "%00no-id")
    )
    assert foreign.status == unknown.status == malformed.status == 404
    assert foreign.content == unknown.content == malformed.content
    assert ask(served, "GET", f"/{workflow}").body["state"] == "CREATED"


def test_routes_and_methods_that_are_not_there(served: Served) -> None:
    assert (ask(served, "GET", "/x/y/z").status, ask(served, "DELETE", "").status) == (404, 405)
    assert ask(served, "GET", "/x/y/z").body["reason"] == "not_found"
    assert ask(served, "POST", f"/{uuid4()}/steps/no-such-step", {}).body["reason"] == "step_not_found"
    assert ask(served, "POST", "/").status == 404, "a redirect would not be followed"


def test_head_is_get_without_its_body(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            client.writer.write(f"HEAD {PREFIX}/{uuid4()} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            answer = await client.reader.read()
            assert answer.startswith(b"HTTP/1.1 401 ")
            assert answer.endswith(b"\r\n\r\n")

    asyncio.run(run())


def test_health_needs_no_token(served: Served) -> None:
    answer = ask(served, "GET", "!/healthz", token=None)
    assert (answer.status, answer.body) == (200, {"status": "ok"})


@pytest.mark.parametrize("given", ["req-1", "a b", "x" * 200])
def test_the_request_id_is_echoed_and_stored(served: Served, given: str) -> None:
    workflow = make(served)
    answer = ask(served, "POST", f"/{workflow}/advance", MOVE, headers=[("X-Request-ID", given)])
    assert answer.headers["x-request-id"] == given
    assert ask(served, "GET", f"/{workflow}/transitions").body["transitions"][0]["requestId"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 201, "caf\xe9", "tab\there"])
def test_an_unusable_request_id_is_made_anew(served: Served, given: str | None) -> None:
    workflow = make(served)
    headers = [] if given is None else [("X-Request-ID", given)]
    made = ask(served, "POST", f"/{workflow}/advance", MOVE, headers=headers).headers["x-request-id"]
    assert made != given
    assert made.isalnum()
    assert ask(served, "GET", f"/{workflow}/transitions").body["transitions"][0]["requestId"] == made


def test_every_answer_says_when_its_request_arrived(served: Served) -> None:
    import time

    before = time.monotonic_ns()
    answers = [ask(served, "POST", ""), ask(served, "GET", f"/{uuid4()}"), ask(served, "GET", "!/nowhere")]
    answers.append(ask(served, "POST", "", token=None))
    for answer in answers:
        assert before < int(answer.headers["x-arrived-ns"]) < time.monotonic_ns()


def test_cancel_from_every_state(database: Database, served: Served) -> None:
    """200 from each that is not terminal, with the real from_state in the trail; 409 from the two that are."""

    async def run() -> None:
        workflows = await put(database.url, list(GRAPH.states))
        async with open_client(served) as client:
            for workflow, state in zip(workflows, GRAPH.states, strict=True):
                answer = await client.ask("POST", f"/{workflow}/cancel")
                trail = (await client.ask("GET", f"/{workflow}/transitions")).body["transitions"]
                if state in GRAPH.terminal:
                    assert (answer.status, trail) == (409, [])
                    assert answer.body["reason"] == "illegal_transition"
                    assert (answer.body["currentState"], answer.body["expectedState"]) == (state, None)
                    assert answer.body["attemptedState"] == "CANCELLED"
                else:
                    assert (answer.status, answer.body["previousState"]) == (200, state)
                    assert [(row["fromState"], row["toState"]) for row in trail] == [(state, "CANCELLED")]

    asyncio.run(run())


def test_actor_and_organization_come_from_the_token(served: Served) -> None:
    """A body that names another organization has no effect."""
    without_actor = token_of("acme", None)
    made = ask(served, "POST", "", {"organizationId": "globex", "state": "COMPLETED"}, token=ACME)
    assert (made.status, made.body["state"]) == (201, "CREATED")
    workflow = made.body["id"]
    assert ask(served, "GET", f"/{workflow}", token=GLOBEX).status == 404
    ask(served, "POST", f"/{workflow}/advance", MOVE)
    ask(served, "POST", f"/{workflow}/cancel", token=without_actor)
    rows = ask(served, "GET", f"/{workflow}/transitions").body["transitions"]
    assert [row["actor"] for row in rows] == ["ann", None]
