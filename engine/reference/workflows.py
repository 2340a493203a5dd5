"""Creates, reads, advances and cancels workflows; every transition goes through one guarded write.

The database decides a race: only an UPDATE that names the expected state moves a workflow, and the same statement
writes the row in the trail. Python then names the outcome. No write relies on a state that was read before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import JSON, ColumnElement, Text, bindparam, cast, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.selectable import CTE

from engine.reference.errors import (
    Contended,
    IllegalTransition,
    SerializationFailure,
    TransitionConflict,
    UnknownState,
    WorkflowNotFound,
)
from engine.reference.keys import answer_once
from engine.reference.parts import Caller, Engine, Move, Parts, Payload, ReadRow, Transition, Workflow
from engine.reference.pool import Pool, Session
from engine.reference.retries import back_off, retry
from engine.reference.schema import PAYLOADS, TRANSITIONS, WORKFLOWS, create_tables
from engine.reference.sessions import Statement, open_session
from engine.reference.states import CANCELLED, GRAPH

FIELDS = (WORKFLOWS.c.id, WORKFLOWS.c.state, WORKFLOWS.c.created_at, WORKFLOWS.c.updated_at)

OWNED = (WORKFLOWS.c.id == bindparam("workflow_id"), WORKFLOWS.c.organization_id == bindparam("organization_id"))
IN_EXPECTED_STATE = WORKFLOWS.c.state == bindparam("expected")


async def create(engine: Engine, caller: Caller) -> Workflow:
    """A new workflow in the initial state."""
    return await retry(lambda: engine.parts.create(engine.pool, caller), engine.attempts_max)


async def read(engine: Engine, caller: Caller, workflow_id: UUID) -> Workflow:
    """The workflow as it is now. Raises WorkflowNotFound, also for another organization's."""
    return await find(engine, caller, workflow_id, engine.parts.read)


async def advance(engine: Engine, caller: Caller, workflow_id: UUID, expected: str, next_state: str) -> Transition:
    """Moves the workflow from `expected` to `next_state`, or raises why it cannot.

    Raises UnknownState, WorkflowNotFound, IllegalTransition, TransitionConflict, Contended or DatabaseLost.
    """
    for state in (expected, next_state):
        if state not in engine.parts.graph.states:
            raise UnknownState(state)
    if not engine.parts.graph.allows(expected, next_state):
        found = await reread(engine, caller, workflow_id)
        raise IllegalTransition(workflow_id, found.state, expected=expected, attempted=next_state)
    return await move_from(engine, caller, workflow_id, (expected,), next_state)


async def cancel(engine: Engine, caller: Caller, workflow_id: UUID) -> Transition:
    """Cancels the workflow. In a terminal state it raises IllegalTransition; else it raises as advance does."""
    states = tuple(state for state in engine.parts.graph.states if state in engine.parts.cancellable)
    found = await reread(engine, caller, workflow_id)
    if found.state not in states:
        raise IllegalTransition(workflow_id, found.state, attempted=CANCELLED)
    try:
        return await move_from(engine, caller, workflow_id, states, CANCELLED, guess=found.state)
    except TransitionConflict as conflict:
        raise IllegalTransition(workflow_id, conflict.current, attempted=CANCELLED) from None


async def move_from(
    engine: Engine,
    caller: Caller,
    workflow_id: UUID,
    expected: tuple[str, ...],
    next_state: str,
    *,
    payload: Payload | None = None,
    guess: str | None = None,
) -> Transition:
    """Moves the workflow to `next_state`, from the one of the `expected` states that it is in.

    Each write names one state, the `guess` (by default the first expected), so that the trail has the state that the
    workflow left. If the write did nothing, a read tells why. A state that is not expected is a conflict. An expected
    one is the next guess: the workflow came (back) into it after the write, or the write was rolled back. After
    `attempts_max` attempts the answer is Contended, because a conflict would not be proven.
    """
    guess = guess if guess in expected else expected[0]
    for attempt in range(engine.attempts_max):
        try:
            asked = Move(workflow_id, caller, guess, next_state, payload, engine.sink)
            moved = await engine.parts.move(engine.pool, asked)
        except SerializationFailure:
            moved = None
        if moved is not None:
            return moved
        found = await reread(engine, caller, workflow_id)
        if found.state not in expected:
            raise TransitionConflict(workflow_id, found.state, expected=expected[0], attempted=next_state)
        if found.state == guess:
            await back_off(attempt)
        guess = found.state
    raise Contended(engine.attempts_max)


async def reread(engine: Engine, caller: Caller, workflow_id: UUID) -> Workflow:
    """The workflow as it is now, read in a new transaction. Raises WorkflowNotFound."""
    return await find(engine, caller, workflow_id, engine.parts.reread)


async def find(engine: Engine, caller: Caller, workflow_id: UUID, read_row: ReadRow) -> Workflow:
    found = await retry(lambda: read_row(engine.pool, workflow_id, caller.organization_id), engine.attempts_max)
    if found is None:
        raise WorkflowNotFound
    return found


async def fetch_owned(
    engine: Engine, caller: Caller, workflow_id: UUID, statement: Statement, **values: Any
) -> list[asyncpg.Record]:
    """The rows of a statement about a workflow, in one snapshot. Raises WorkflowNotFound if there are none."""
    values |= {"workflow_id": workflow_id, "organization_id": caller.organization_id}

    async def fetch() -> list[asyncpg.Record]:
        async with open_session(engine.pool) as session:
            return await statement.fetch(session, **values)

    rows = await retry(fetch, engine.attempts_max)
    if not rows:
        raise WorkflowNotFound
    return rows


def write_move(*guards: ColumnElement[bool], beside: Sequence[Callable[[CTE], CTE]] = ()) -> Statement:
    """One statement: the transition where the guards hold, with its row in the trail and what stands `beside` it; or
    nothing.

    `at` is the time after the row was locked, so that times and sequences of a workflow have the same order.
    """
    changed = update(WORKFLOWS).where(*guards)
    changed = changed.values(state=bindparam("next_state"), updated_at=func.clock_timestamp())
    moved = changed.returning(*FIELDS, WORKFLOWS.c.organization_id).cte("moved")
    entry = {
        "workflow_id": moved.c.id,
        "organization_id": moved.c.organization_id,
        "from_state": cast(bindparam("expected"), Text),
        "to_state": moved.c.state,
        "actor": cast(bindparam("actor"), Text),
        "request_id": cast(bindparam("request_id"), Text),
        "at": moved.c.updated_at,
    }
    audited = insert(TRANSITIONS).from_select(list(entry), select(*entry.values()))
    trail = audited.returning(TRANSITIONS.c.sequence).cte("audited")
    answer = select(*(moved.c[field.name] for field in FIELDS), trail.c.sequence).select_from(moved.join(trail, true()))
    return Statement.of(answer.add_cte(*(write(moved) for write in beside)))


def store_payload(moved: CTE) -> CTE:
    """Stores the payload of the step, in place of an earlier attempt's, if the workflow was moved."""
    entry = {
        "workflow_id": moved.c.id,
        "step": cast(bindparam("step"), Text),
        "payload": cast(bindparam("payload"), JSON),
        "request_id": cast(bindparam("request_id"), Text),
        "at": moved.c.updated_at,
    }
    return or_replace(upsert(PAYLOADS).from_select(list(entry), select(*entry.values()))).cte("stored")


def or_replace(stored: Insert) -> Insert:
    """The insert of a payload, which replaces an earlier attempt's."""
    replaced = {name: stored.excluded[name] for name in ("payload", "request_id", "at")}
    return stored.on_conflict_do_update(constraint="workflow_payloads_pk", set_=replaced)


@dataclass(frozen=True)
class Write:
    """A write that makes the move, its row in the trail and its payload in one statement."""

    plain: Statement
    with_payload: Statement

    @classmethod
    def where(cls, *guards: ColumnElement[bool]) -> "Write":
        return cls(write_move(*guards), write_move(*guards, beside=[store_payload]))

    async def run(self, session: Session, move: Move) -> Transition | None:
        """Returns None if the guards do not hold."""
        statement = self.plain if move.payload is None else self.with_payload
        row = await statement.fetch_one(session, **move.values())
        return None if row is None else Transition(previous_state=move.expected, **row)


GUARDED = Write.where(*OWNED, IN_EXPECTED_STATE)
CREATE = Statement.of(
    insert(WORKFLOWS)
    .values(id=bindparam("workflow_id"), organization_id=bindparam("organization_id"), state=bindparam("state"))
    .returning(*FIELDS)
)
READ = Statement.of(select(*FIELDS).where(*OWNED))


async def create_row(pool: Pool, caller: Caller) -> Workflow:
    """Inserts a workflow in the initial state, under a new id."""
    values = {"workflow_id": uuid4(), "organization_id": caller.organization_id, "state": GRAPH.initial}
    async with open_session(pool) as session:
        return Workflow(*await CREATE.fetch_only(session, **values))


async def read_row(pool: Pool, workflow_id: UUID, organization_id: str) -> Workflow | None:
    """The workflow as it is now, in a statement of its own, and so in a snapshot of its own."""
    async with open_session(pool) as session:
        row = await READ.fetch_one(session, workflow_id=workflow_id, organization_id=organization_id)
    return None if row is None else Workflow(*row)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write: one statement, one round trip. None if the workflow is not in the expected state."""
    async with open_session(pool) as session:
        return await GUARDED.run(session, move)


REFERENCE = Parts(
    graph=GRAPH,
    cancellable=frozenset(GRAPH.sources(CANCELLED)),
    create=create_row,
    move=move,
    read=read_row,
    reread=read_row,
    create_tables=create_tables,
    answer_once=answer_once,
)
