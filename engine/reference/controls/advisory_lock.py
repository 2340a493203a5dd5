"""Takes an advisory lock on the workflow's id until the commit; then reads the state and writes.

Right, because every move in every process takes the same lock, and at READ COMMITTED the next statement has a snapshot
of its own. Above that level the snapshot is older than the wait, and the database rolls back a transaction that would
overwrite a newer version.
"""

from dataclasses import replace

from engine.reference.guarded_write import READ
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.split_write import UNGUARDED

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


async def move(pool: Pool, move: Move) -> Transition | None:
    """Waits for its turn, compares, writes."""
    async with open_transaction(pool) as session:
        await session.execute(LOCK, str(move.workflow_id))
        workflow = await READ.fetch_one(session, **move.values())
        if workflow is None or workflow["state"] != move.expected:
            return None
        return await UNGUARDED.run(session, move)


PARTS = replace(REFERENCE, move=move)
