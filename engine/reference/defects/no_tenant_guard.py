"""The UPDATE does not name the organization.

The mistake: reads are filtered by organization, but the write names only id and state, since "the id was read before".
A user would notice that a person of another company, who has the id from a forwarded link, moves the workflow.
"""

from dataclasses import replace

from sqlalchemy import bindparam

from engine.reference.defects import Promise
from engine.reference.guarded_write import IN_EXPECTED_STATE, Write
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.schema import WORKFLOWS
from engine.reference.sessions import open_session

PROMISE = Promise(
    "tenant-isolation",
    ("sequential",),
    beside=("one-winner", "linearizable", "conflict-truth", "final-state", "audit", "effects"),
)

WITHOUT_TENANT = Write.where(WORKFLOWS.c.id == bindparam("workflow_id"), IN_EXPECTED_STATE)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The write of the reference without the guard on the organization."""
    async with open_session(pool) as session:
        return await WITHOUT_TENANT.run(session, move)


PARTS = replace(REFERENCE, move=move)
