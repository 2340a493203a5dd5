"""The UPDATE does not name the state that the caller expects.

The mistake: `WHERE id = ... AND organization_id = ...`; the expected state is used for the trail only. A user would
notice that an old browser tab moves a finished workflow back, and that no request ever gets a conflict.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session
from engine.reference.split_write import UNGUARDED

PROMISE = Promise(
    "linearizable",
    ("sequential", "parallel", "race", "interleavings"),
    beside=("one-winner", "audit", "effects", "contract"),
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The write of the reference without the guard on the state."""
    async with open_session(pool) as session:
        return await UNGUARDED.run(session, move)


PARTS = replace(REFERENCE, move=move)
