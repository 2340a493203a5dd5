"""The engine detects the conflict after the write, and the write stays.

The mistake: the transaction locks the row, writes it, and only then compares the state. On a conflict it returns, but
only an exception would roll back. A user would notice that a refused request had its effect all the same.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.split_write import LOCK, UNGUARDED

PROMISE = Promise(
    "linearizable",
    ("sequential", "parallel", "race"),
    beside=("one-winner", "conflict-truth", "final-state", "audit", "effects", "contract"),
    # The losers ask for the same next state as the winner; only the trail shows that they moved the workflow too.
    elsewhere={"parallel": "audit", "race": "audit"},
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """Locks, writes, compares; leaving the block commits."""
    async with open_transaction(pool) as session:
        before = await LOCK.fetch_one(session, **move.values())
        if before is None:
            return None
        moved = await UNGUARDED.run(session, move)
        if before["state"] != move.expected:
            return None
        return moved


PARTS = replace(REFERENCE, move=move)
