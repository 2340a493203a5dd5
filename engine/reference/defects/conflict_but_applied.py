"""The conflict is noticed after the write, and the write stays.

The mistake: inside the transaction the row is locked, written and only then compared; the way out is a `return` where
only an exception rolls back. A user would notice that what was refused has happened all the same.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.split_write import LOCK, UNGUARDED

PROMISE = Promise(
    "linearizable",
    ("sequential", "parallel", "race"),
    beside=("one-winner", "conflict-truth", "final-state", "audit", "effects", "contract"),
    # Those who lose ask for the state that the winner leads to; only the trail shows that they moved it as well.
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


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
