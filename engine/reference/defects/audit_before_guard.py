"""The row in the trail is written before the guard decides whether the transition happens.

The mistake: first the log entry, then the change, in one transaction that is committed in both cases. A user would
notice a trail with a row for every attempt, also for the failed ones.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.split_write import ENTRY, STATE_GUARDED, store, to_transition

# Where no answer came, the judge takes the winner from the trail, which is wrong here.
PROMISE = Promise("audit", ("sequential", "parallel", "race"), beside=("one-winner",))


async def move(pool: Pool, move: Move) -> Transition | None:
    """Writes the trail, then makes the guarded write; a loser's row stays."""
    async with open_transaction(pool) as session:
        entry = await ENTRY.fetch_one(session, **move.values())
        updated = await STATE_GUARDED.fetch_one(session, **move.values())
        if entry is None or updated is None:
            return None
        await store(session, move)
        return to_transition(move, updated, entry["sequence"])


PARTS = replace(REFERENCE, move=move)
