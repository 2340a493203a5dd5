"""The write follows the check directly on one connection, and other requests can still run in between.

The mistake: "nothing can happen between two lines". The SELECT and the UPDATE are two statements, each with a snapshot
of its own, and the UPDATE names no state. A user would notice now and then, and never in an attempt to reproduce it,
that one click was counted twice.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import READ
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session
from engine.reference.split_write import UNGUARDED

PROMISE = Promise(
    "one-winner",
    ("parallel", "race", "interleavings"),
    beside=("linearizable", "audit", "effects"),
    elsewhere={"parallel": "linearizable"},
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """Reads the workflow, compares, and makes the whole write in one statement that commits by itself."""
    async with open_session(pool) as session:
        workflow = await READ.fetch_one(session, **move.values())
        if workflow is None or workflow["state"] != move.expected:
            return None
        return await UNGUARDED.run(session, move)


PARTS = replace(REFERENCE, move=move)
