"""What only the reference engine declares, and no target file can express: bodies, reasons, malformed input.

Of all clients, only this file knows its routes.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.routes import Guard, Route
from engine.target.target import Target
from engine.target.template import Request
from load.client.asker import Asker
from stateful_tests.sequential.belief import Belief, Claim

PREFIX = "/api/intent/workflows"
CONFLICT_KEYS = {"error", "reason", "currentState", "expectedState", "attemptedState"}
UNKNOWN_ID = uuid.UUID("00000000-0000-4000-8000-000000000000")
OWN = "the tenant's own"
JSON = ("Content-Type", "application/json")
FORGED = "eyJhbGciOiJub25lIn0.eyJvcmdfaWQiOiJhY21lIn0."


@dataclass(frozen=True)
class Question:
    """A request that is no operation, and its one right status. Without a `bearer` it sends no token."""

    name: str
    path: str
    body: bytes | None
    status: int
    bearer: str | None = OWN

    def build(self, target: Target, tenant: str, server_id: str) -> Request:
        headers = [] if self.body is None else [JSON]
        if self.bearer == OWN:
            headers += target.tenants[tenant].headers.items()
        elif self.bearer is not None:
            headers.append(("Authorization", f"Bearer {self.bearer}"))
        method = "GET" if self.body is None else "POST"
        return Request(method, PREFIX + self.path.replace("{id}", server_id), tuple(headers), self.body or b"")


def pack(**body: Any) -> bytes:
    return msgspec.json.encode(body)


LEGAL = pack(expectedState="CREATED", nextState="ICP_PENDING")
MALFORMED = {
    "no JSON": b"{",
    "an empty body": b"",
    "a list": b"[]",
    "null": b"null",
    "no nextState": pack(expectedState="CREATED"),
    "no expectedState": pack(nextState="ICP_PENDING"),
    "a number for a state": pack(expectedState=1, nextState="ICP_PENDING"),
    "null for a state": pack(expectedState=None, nextState="ICP_PENDING"),
    "an unknown next state": pack(expectedState="CREATED", nextState="ICP_DREAMING"),
    "an unknown expected state": pack(expectedState="created", nextState="ICP_PENDING"),
    "a NUL in a state": pack(expectedState="CREATED\x00", nextState="ICP_PENDING"),
    "bytes that are not UTF-8": b'{"expectedState": "\xff", "nextState": "ICP_PENDING"}',
}
QUESTIONS = (
    *(Question(f"advance with {name}", "/{id}/advance", body, 422) for name, body in MALFORMED.items()),
    Question("advance without a token", "/{id}/advance", LEGAL, 401, None),
    Question("advance with an invalid token", "/{id}/advance", LEGAL, 401, "nonsense"),
    Question("advance with alg: none", "/{id}/advance", LEGAL, 401, FORGED),
    Question("a malformed body without a token: 401 comes first", "/{id}/advance", b"{", 401, None),
    Question("read without a token", "/{id}", None, 401, None),
    Question("a malformed body for an unknown id: 422 comes first", f"/{UNKNOWN_ID}/advance", b"{", 422),
    Question("advance of an unknown id", f"/{UNKNOWN_ID}/advance", LEGAL, 404),
    Question("read of an unknown id", f"/{UNKNOWN_ID}", None, 404),
    Question("read of an invalid id", "/17", None, 404),
    Question("trail of an unknown id", f"/{UNKNOWN_ID}/transitions", None, 404),
    Question("payloads of an unknown id", f"/{UNKNOWN_ID}/steps", None, 404),
    Question("cancel of an unknown id", f"/{UNKNOWN_ID}/cancel", b"{}", 404),
    Question("an unknown step", "/{id}/steps/dream", b"{}", 404),
)
AS_STRANGER: tuple[tuple[str, bytes | None], ...] = (
    ("/{id}", None),
    ("/{id}/advance", LEGAL),
    ("/{id}/transitions", None),
    ("/{id}/cancel", b"{}"),
    ("/{id}/steps", None),
    ("/{id}/steps/icp-generate", None),
    ("/{id}/steps/icp-generate", b"{}"),
    ("/{id}/steps/icp-generate/complete", b"{}"),
)


class Probes:
    """Checks single answers of the reference engine. It keeps no state."""

    def ask(self, asker: Asker, workflow: str, owner: str, pick: int) -> str | None:
        """Sends one of the questions, records it, and returns what is wrong with the answer."""
        server_id = asker.server_ids[workflow]
        number = pick % (len(QUESTIONS) + len(AS_STRANGER))
        if number >= len(QUESTIONS):
            return self.ask_as_stranger(asker, server_id, owner, number - len(QUESTIONS))
        question = QUESTIONS[number]
        answer = asker.release.send(question.build(asker.target, owner, server_id)).answer
        problem = None
        if answer.status not in (question.status, None):
            problem = f"{question.name}: status {answer.status}, but {question.status} is specified"
        asker.probe("contract", question.name, problem, status=answer.status)
        return problem

    def ask_as_stranger(self, asker: Asker, server_id: str, owner: str, number: int) -> str | None:
        """For another tenant a workflow must look exactly like one that does not exist."""
        path, body = AS_STRANGER[number]
        stranger = next(tenant for tenant in asker.target.tenants if tenant != owner)
        name = f"{'GET' if body is None else 'POST'} {path} by another tenant"
        question = Question(name, path, body, 404)
        known = asker.release.send(question.build(asker.target, stranger, server_id)).answer
        unknown = asker.release.send(question.build(asker.target, stranger, str(UNKNOWN_ID))).answer
        problem = None
        if None not in (known.status, unknown.status):
            same = known.status == unknown.status == 404 and known.body == unknown.body
            if not same:
                problem = (
                    f"{name}: {describe_answer(known)}, but for an id that does not exist: {describe_answer(unknown)}"
                )
        asker.probe("tenant-isolation", name, problem, status=known.status)
        return problem

    def examine_create(self, answer: Answer, classified: ClassifiedAnswer) -> str | None:
        if classified.outcome == "refused":
            return f"a create was refused: {describe_answer(answer)}"
        body = answer.json()
        if classified.outcome == "ok" and (not isinstance(body, dict) or body.get("state") != classified.observed):
            return f"the answer to a create must tell the state {classified.observed}: {describe_answer(answer)}"
        return None

    def examine_advance(
        self, claim: Claim, belief: Belief, route: Route, graph: TransitionGraph, answer: Answer
    ) -> str | None:
        """What is wrong with the body of a win or a conflict in this state."""
        body = answer.json()
        if answer.status not in (200, 409) or not belief.is_certain:
            return None
        if not isinstance(body, dict):
            return f"the body is no object: {describe_answer(answer)}"
        if answer.status == 200:
            return compare(body, {"state": claim.next, "previousState": belief.state})
        return find_conflict_problem(body, claim, belief, route, graph)

    def examine_guard(self, guard: Guard, belief: Belief, answer: Answer) -> str | None:
        """A guard is closed until its step is reached; a cancelled workflow has reached the states of its trail."""
        if answer.status not in (200, 409) or not belief.is_certain:
            return None
        (world,) = belief.worlds
        seen = [origin for origin, _ in world.trail] if world.state in guard.either else [world.state]
        wanted = 200 if set(seen) & set(guard.open) else 409
        if answer.status != wanted:
            return f"the guard of {guard.name} answered {answer.status} in {world.state}, but {wanted} is specified"
        body = answer.json()
        if wanted == 409:
            return compare(body, {"reason": "step_not_reached", "currentState": world.state})
        return None


def find_conflict_problem(
    body: dict[str, Any], claim: Claim, belief: Belief, route: Route, graph: TransitionGraph
) -> str | None:
    if set(body) != CONFLICT_KEYS:
        return f"a 409 has the keys {', '.join(sorted(CONFLICT_KEYS))}, but this one has {', '.join(sorted(body))}"
    origin = claim.expected[0]
    # The edge of a step is legal, and the state is stale; a cancel is illegal only where no edge leads to CANCELLED.
    illegal = route.name == "cancel" or (route.sources is None and not graph.allows(origin, claim.next or ""))
    wanted: dict[str, Any] = {
        "reason": "illegal_transition" if illegal else "stale_state",
        "currentState": belief.state,
        "attemptedState": claim.next,
    }
    if route.carries_expected:
        wanted["expectedState"] = origin
    return compare(body, wanted)


def compare(body: Any, wanted: dict[str, Any]) -> str | None:
    for key, value in wanted.items():
        if body.get(key) != value:
            return f"the body tells {key} = {body.get(key)!r}, but {value!r} is specified"
    return None


def describe_answer(answer: Answer) -> str:
    return f"status {answer.status} {answer.body[:200].decode(errors='replace')}"
