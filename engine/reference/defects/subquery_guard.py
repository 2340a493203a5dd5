"""A subquery names the expected state; the database does not evaluate it again after a wait for the row's lock.

The mistake: `UPDATE ... WHERE id = (SELECT id ... AND state = ...)` looks like one guarded statement. At READ
COMMITTED, a transaction that waited for the row checks only the outer condition again, the id. The result of the
subquery is from before the wait. So two requests can win. A user would notice two winners, now and then, under load
only.
"""

from dataclasses import replace

from sqlalchemy import bindparam, select

from engine.reference.defects import Promise
from engine.reference.guarded_write import Write
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.schema import WORKFLOWS
from engine.reference.sessions import open_transaction

PROMISE = Promise(
    "one-winner",
    ("parallel", "race", "interleavings"),
    beside=("linearizable", "audit", "effects"),
    elsewhere={"parallel": "linearizable"},
)

due = WORKFLOWS.alias("due")
EXPECTED = select(due.c.id).where(
    due.c.id == bindparam("workflow_id"),
    due.c.organization_id == bindparam("organization_id"),
    due.c.state == bindparam("expected"),
)
BY_SUBQUERY = Write.where(WORKFLOWS.c.id == EXPECTED.scalar_subquery())


async def move(pool: Pool, move: Move) -> Transition | None:
    """The write of the reference in a transaction, with the guard in a subquery."""
    async with open_transaction(pool) as session:
        return await BY_SUBQUERY.run(session, move)


PARTS = replace(REFERENCE, move=move)
