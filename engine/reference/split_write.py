"""The guarded write split into one statement for each of its effects, for the variants.

The reference engine makes all effects in one statement. A variant makes them one by one, in its own order.
"""

from typing import Any

import asyncpg
from sqlalchemy import JSON, ColumnElement, Text, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from engine.reference.guarded_write import FIELDS, IN_EXPECTED_STATE, OWNED, Write, or_replace
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Session
from engine.reference.schema import PAYLOADS, TRANSITIONS, WORKFLOWS
from engine.reference.sessions import Statement


def write_state(*guards: ColumnElement[bool]) -> Statement:
    """Writes only the new state, where the guards hold. Returns the workflow as it is afterwards."""
    changed = update(WORKFLOWS).where(*guards)
    return Statement.of(
        changed.values(state=bindparam("next_state"), updated_at=func.clock_timestamp()).returning(*FIELDS)
    )


def write_entry() -> Statement:
    """Writes a row in the trail, in any state; writes nothing if the organization has no such workflow."""
    entry = {
        "workflow_id": WORKFLOWS.c.id,
        "organization_id": WORKFLOWS.c.organization_id,
        "from_state": cast(bindparam("expected"), Text),
        "to_state": cast(bindparam("next_state"), Text),
        "actor": cast(bindparam("actor"), Text),
        "request_id": cast(bindparam("request_id"), Text),
    }
    entries = insert(TRANSITIONS).from_select(list(entry), select(*entry.values()).where(*OWNED))
    return Statement.of(entries.returning(TRANSITIONS.c.sequence))


def write_payload() -> Statement:
    """Writes the payload of a step, in any state; writes nothing if the organization has no such workflow."""
    entry = {
        "workflow_id": WORKFLOWS.c.id,
        "step": cast(bindparam("step"), Text),
        "payload": cast(bindparam("payload"), JSON),
        "request_id": cast(bindparam("request_id"), Text),
        "at": func.clock_timestamp(),
    }
    return Statement.of(or_replace(upsert(PAYLOADS).from_select(list(entry), select(*entry.values()).where(*OWNED))))


LOCK = Statement.of(select(*FIELDS).where(*OWNED).with_for_update())
# Without a guard on the state: the caller must make sure by other means that the state is the expected one.
STATE = write_state(*OWNED)
STATE_GUARDED = write_state(*OWNED, IN_EXPECTED_STATE)
ENTRY = write_entry()
PAYLOAD = write_payload()
# As STATE, with the row in the trail and the payload.
UNGUARDED = Write.where(*OWNED)


async def store(session: Session, move: Move) -> None:
    """Stores the payload, if the move has one."""
    if move.payload is not None:
        await PAYLOAD.fetch(session, **move.values())


def to_transition(move: Move, workflow: asyncpg.Record, sequence: Any) -> Transition:
    return Transition(previous_state=move.expected, sequence=sequence, **workflow)
