"""The row in the trail is written before it is known whether the transition happens.

The mistake: "first the log, then the deed", in one transaction that is committed either way. A user would notice a
trail in which a state was left as often as anybody tried to leave it.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.split_write import ENTRY, STATE_GUARDED, store, to_transition

# Who won where no answer came is taken from the trail, which lies.
PROMISE = Promise("audit", ("sequential", "parallel", "race"), beside=("one-winner",))


async def move(pool: Pool, move: Move) -> Transition | None:
    """The trail, then the guarded write; a loser's row stays."""
    async with open_transaction(pool) as session:
        entry = await ENTRY.fetch_one(session, **move.values())
        updated = await STATE_GUARDED.fetch_one(session, **move.values())
        if entry is None or updated is None:
            return None
        await store(session, move)
        return to_transition(move, updated, entry["sequence"])


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
