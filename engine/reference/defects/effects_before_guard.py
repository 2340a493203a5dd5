"""The payload of a step is stored before it is known whether the step is claimed.

The mistake: "save what the user typed first, it can do no harm". It replaces what the winner typed. A user would notice
that the approved selection is not hers but that of a colleague who was told that he came too late.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_session
from engine.reference.split_write import store
from engine.reference.workflows import move as move_guarded

PROMISE = Promise("effects", ("sequential", "parallel", "race"))


async def move(pool: Pool, move: Move) -> Transition | None:
    """The payload, committed; then the guarded write."""
    async with open_session(pool) as session:
        await store(session, move)
    return await move_guarded(pool, replace(move, payload=None))


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
