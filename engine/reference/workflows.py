"""Creates, reads, advances and cancels workflows; every transition goes through `guarded_write.py`.

The database decides a race; Python then names the outcome. No write relies on a state that was read before.
"""

from typing import Any
from uuid import UUID

import asyncpg

from engine.reference.errors import (
    Contended,
    IllegalTransition,
    SerializationFailure,
    TransitionConflict,
    UnknownState,
    WorkflowNotFound,
)
from engine.reference.part_types import Caller, Engine, Move, Payload, ReadRow, Transition, Workflow
from engine.reference.retries import back_off, retry
from engine.reference.sessions import Statement, open_session
from engine.reference.states import CANCELLED


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
