"""Reads the audit trail of a workflow."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from engine.reference.bodies import Body, StateName
from engine.reference.guarded_write import OWNED
from engine.reference.part_types import Caller, Engine
from engine.reference.schema import TRANSITIONS, WORKFLOWS
from engine.reference.sessions import Statement
from engine.reference.workflows import fetch_owned


class TrailEntry(Body, frozen=True):
    """One row of the trail."""

    sequence: int
    from_state: StateName
    to_state: StateName
    actor: str | None
    request_id: str
    at: datetime


class TrailAnswer(Body, frozen=True):
    """The trail, oldest first."""

    transitions: list[TrailEntry]


async def read_trail(engine: Engine, caller: Caller, workflow_id: UUID) -> TrailAnswer:
    """Raises WorkflowNotFound."""
    rows = await fetch_owned(engine, caller, workflow_id, READ_TRAIL)
    return TrailAnswer([TrailEntry(*row) for row in rows if row["sequence"] is not None])


# A join from the workflow: if it returns no row, the workflow does not exist. One statement, so one snapshot.
READ_TRAIL = Statement.of(
    select(
        TRANSITIONS.c.sequence,
        TRANSITIONS.c.from_state,
        TRANSITIONS.c.to_state,
        TRANSITIONS.c.actor,
        TRANSITIONS.c.request_id,
        TRANSITIONS.c.at,
    )
    .select_from(WORKFLOWS.outerjoin(TRANSITIONS, TRANSITIONS.c.workflow_id == WORKFLOWS.c.id))
    .where(*OWNED)
    .order_by(TRANSITIONS.c.sequence)
)
