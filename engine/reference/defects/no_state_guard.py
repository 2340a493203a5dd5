"""The UPDATE does not name the state that the caller expects.

The mistake: `WHERE id = ... AND organization_id = ...`, and the expected state is only written into the trail. A user
would notice that an old browser tab throws a finished workflow back, and that nobody is ever told of a conflict.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_session
from engine.reference.split_write import UNGUARDED

PROMISE = Promise(
    "linearizable", ("sequential", "parallel", "race", "interleavings"), beside=("one-winner", "audit", "contract")
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The reference's write, but for the one condition."""
    async with open_session(pool) as session:
        return await UNGUARDED.run(session, move)


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
