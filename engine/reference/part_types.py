"""Parts: the functions and values that an engine is made of, and the values that they take and return.

A defect or a control is the reference engine with one part replaced.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.middleware import Middleware

from engine.reference.bodies import Body, StateName
from engine.reference.errors import EngineError, Refused
from engine.reference.pool import Pool
from engine.reference.variant_tables import Addition
from engine.target.graph import TransitionGraph


@dataclass(frozen=True)
class Caller:
    """The organization and the actor of the token, and the id of the request."""

    organization_id: str
    actor: str | None
    request_id: str


@dataclass(frozen=True)
class Payload:
    """The payload of a step; `content` is JSON text."""

    step: str
    content: str


@dataclass(frozen=True)
class Move:
    """One transition to make: from `expected`, and from no other state, to `next_state`.

    `sink` is the URL that messages about payloads are sent to, if they are.
    """

    workflow_id: UUID
    caller: Caller
    expected: str
    next_state: str
    payload: Payload | None = None
    sink: str | None = None

    def values(self) -> dict[str, Any]:
        """Its values, by the names of the statements' parameters."""
        payload = {} if self.payload is None else {"step": self.payload.step, "payload": self.payload.content}
        return payload | {
            "workflow_id": self.workflow_id,
            "organization_id": self.caller.organization_id,
            "expected": self.expected,
            "next_state": self.next_state,
            "actor": self.caller.actor,
            "request_id": self.caller.request_id,
        }


class Workflow(Body, frozen=True):
    """A workflow as it was at one moment."""

    id: UUID
    state: StateName
    created_at: datetime
    updated_at: datetime


class Transition(Body, frozen=True):
    """A transition that was made; `sequence` is its row in the trail."""

    id: UUID
    state: StateName
    previous_state: StateName
    created_at: datetime
    updated_at: datetime
    sequence: int


@dataclass(frozen=True)
class Key:
    """An idempotency key of an organization; `request` differs for requests that ask for something else."""

    organization_id: str
    text: str
    request: str


# (whose it is): inserts a workflow in the initial state.
CreateRow = Callable[[Pool, Caller], Awaitable[Workflow]]
# Moves the workflow and writes its row in the trail; None if the workflow is not in the expected state.
MakeMove = Callable[[Pool, Move], Awaitable[Transition | None]]
# (the workflow, the organization): as it is now, in a transaction of its own; None if the organization has no such one.
ReadRow = Callable[[Pool, UUID, str], Awaitable[Workflow | None]]
# Answers a request with an idempotency key: status and body, of the function or of an earlier request with the key.
AnswerOnce = Callable[["Engine", Key, Callable[["Engine"], Awaitable[tuple[int, Any]]]], Awaitable[tuple[int, Any]]]
# (the URL): sends the messages of the outbox there, until it is cancelled.
SendMessages = Callable[[Pool, str], Coroutine[Any, Any, None]]


def report_fully(refused: Refused) -> Refused:
    """The refusal as it is."""
    return refused


@dataclass(frozen=True)
class Parts:
    """The parts of an engine. `reference_parts.REFERENCE` has those of the correct one.

    `read` answers the route that reads; `reread` tells why a move was not made. They are one function in the
    reference. A cancel leaves the states of `cancellable`. `statuses` overrides the HTTP status of some errors,
    `report` changes what a refusal says. `middleware` stands between the server and the routes. `additions` are tables
    and columns that the reference does not have. `send` belongs to an engine with an outbox.
    """

    graph: TransitionGraph
    cancellable: frozenset[str]
    create: CreateRow
    move: MakeMove
    read: ReadRow
    reread: ReadRow
    create_tables: Callable[[AsyncConnection], Awaitable[None]]
    answer_once: AnswerOnce
    statuses: Mapping[type[EngineError], int] = field(default_factory=dict)
    report: Callable[[Refused], Refused] = report_fully
    additions: tuple[Addition, ...] = ()
    send: SendMessages | None = None
    middleware: tuple[Middleware, ...] = ()


@dataclass(frozen=True)
class Engine:
    """A running engine: its parts, its connections, and the attempts that contention may cost one request.

    `sink` is the URL that messages are sent to.
    """

    parts: Parts
    pool: Pool
    attempts_max: int = 10
    sink: str | None = None
