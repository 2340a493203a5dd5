"""Locks and reads the row with SELECT ... FOR UPDATE, then writes it, in one transaction.

Right, because no other transaction can lock or change the row until the commit, and at READ COMMITTED the locking read
sees the newest version. Above that level the database rolls back the later transactions, as it does with the reference.
"""

from dataclasses import replace

from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.split_write import LOCK, UNGUARDED


async def move(pool: Pool, move: Move) -> Transition | None:
    """Locks, compares, writes: two statements in one transaction."""
    async with open_transaction(pool) as session:
        workflow = await LOCK.fetch_one(session, **move.values())
        if workflow is None or workflow["state"] != move.expected:
            return None
        return await UNGUARDED.run(session, move)


PARTS = replace(REFERENCE, move=move)
