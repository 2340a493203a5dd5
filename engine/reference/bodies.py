"""The bodies of requests and of errors, as msgspec structs in camelCase; parses requests, encodes answers."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec

from engine.reference.errors import MalformedRequest, UnknownState
from engine.reference.states import GRAPH

BODY_BYTES_MAX = 1 << 20
KEYWORD_IDS_MAX = 10_000

StateName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(GRAPH.states)})]
KeywordId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | int
T = TypeVar("T")


class Body(msgspec.Struct, frozen=True, rename="camel"):
    """The base of all bodies. A request may have further fields, which are ignored."""


class AdvanceRequest(Body, frozen=True):
    """The state that the workflow is expected to be in, and the one to move it to."""

    expected_state: StateName
    next_state: StateName


class SeedSelection(Body, frozen=True):
    """The payload of the step seed-extract: the keywords that a person selected."""

    selected_keyword_ids: Annotated[list[KeywordId], msgspec.Meta(min_length=1, max_length=KEYWORD_IDS_MAX)]


class HealthAnswer(Body, frozen=True):
    """The database answers."""

    status: str


class RefusalAnswer(Body, frozen=True):
    """Why the state of the workflow, `currentState`, forbids the request. Fields that do not apply are null."""

    error: str
    reason: str
    current_state: StateName
    expected_state: StateName | None
    attempted_state: StateName | None


class ErrorAnswer(Body, frozen=True):
    """Why the request failed: `error` in words, `reason` as a name."""

    error: str
    reason: str


encode = msgspec.json.Encoder().encode
_decode_advance = msgspec.json.Decoder(AdvanceRequest).decode
_decode_seeds = msgspec.json.Decoder(SeedSelection).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def parse_advance(body: bytes) -> AdvanceRequest:
    """Raises MalformedRequest or UnknownState."""
    request = parse(_decode_advance, body)
    for state in (request.expected_state, request.next_state):
        if state not in GRAPH.states:
            raise UnknownState(state)
    return request


def parse_payload(body: bytes, step: str) -> str:
    """The payload of a step as JSON text; `{}` for an empty body. Raises MalformedRequest."""
    if step == "seed-extract":
        parse(_decode_seeds, body)
    parse_nothing(body)
    return body.decode() or "{}"


def parse_nothing(body: bytes) -> None:
    """Accepts an empty body, or an object, which is ignored. Raises MalformedRequest."""
    if body:
        parse(_decode_object, body)


def parse(decode: Callable[[bytes], T], body: bytes) -> T:
    """Raises MalformedRequest."""
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(f"The request's body is malformed: {error}") from error
