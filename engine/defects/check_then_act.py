"""The state is read, compared in Python, and then written by id.

The mistake: between the SELECT and the UPDATE another request may do the same. Both find the expected state, both
update, both are told that they won. A user would notice two articles published for one click, and a trail that
leaves the same state twice.
"""

from dataclasses import replace

from sqlalchemy import bindparam, func, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert

from engine.parts import Move, Moved, Parts
from engine.pool import Pool
from engine.schema import PAYLOADS, TRANSITIONS, WORKFLOWS
from engine.sessions import Statement, open_transaction
from engine.workflows import FIELDS, LOOK, or_replace

UPDATE = Statement.of(
    update(WORKFLOWS)
    .where(WORKFLOWS.c.id == bindparam("workflow_id"))
    .values(state=bindparam("following"), updated_at=func.clock_timestamp())
    .returning(*FIELDS)
)
AUDIT = Statement.of(
    insert(TRANSITIONS)
    .values(
        workflow_id=bindparam("workflow_id"),
        organization_id=bindparam("organization_id"),
        from_state=bindparam("expected"),
        to_state=bindparam("following"),
        actor=bindparam("actor"),
        request_id=bindparam("request_id"),
    )
    .returning(TRANSITIONS.c.sequence)
)
STORE = Statement.of(
    or_replace(
        upsert(PAYLOADS).values(
            workflow_id=bindparam("workflow_id"),
            step=bindparam("step"),
            payload=bindparam("payload"),
            request_id=bindparam("request_id"),
            at=func.clock_timestamp(),
        )
    )
)


async def move(pool: Pool, move: Move) -> Moved | None:
    """Reads the workflow, compares, updates it, writes the trail: one transaction, four statements."""
    async with open_transaction(pool) as session:
        workflow = await LOOK.fetch_one(
            session, workflow_id=move.workflow_id, organization_id=move.caller.organization_id
        )
        if workflow is None or workflow["state"] != move.expected:
            return None
        values = move.values()
        updated = await UPDATE.fetch_only(session, **values)
        entry = await AUDIT.fetch_only(session, **values)
        if move.payload is not None:
            await STORE.fetch(session, **values)
        return Moved(previous=move.expected, sequence=entry["sequence"], **updated)


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
