"""The payload of a step is stored before the guard decides whether the request claims the step.

The mistake: "save the input first, that can do no harm". It replaces the input of the winner. A user would notice that
the approved selection is not hers, but that of a colleague whose request got a conflict.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import move as move_guarded
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session
from engine.reference.split_write import store

PROMISE = Promise("effects", ("sequential", "parallel", "race"))


async def move(pool: Pool, move: Move) -> Transition | None:
    """Commits the payload, then makes the guarded write."""
    async with open_session(pool) as session:
        await store(session, move)
    return await move_guarded(pool, replace(move, payload=None))


PARTS = replace(REFERENCE, move=move)
