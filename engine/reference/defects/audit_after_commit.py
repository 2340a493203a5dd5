"""The row in the trail is written after the commit of the transition.

The mistake: the trail is "only a log" and has a transaction of its own. If the process dies in between, or the
connection breaks, the trail lacks a transition that happened. A user would notice a workflow whose trail ends one state
before its current state.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session, open_transaction
from engine.reference.split_write import ENTRY, STATE_GUARDED, store, to_transition

PROMISE = Promise("audit", ("faults",), beside=("one-winner", "contract"))


async def move(pool: Pool, move: Move) -> Transition | None:
    """Commits the guarded write with its payload, then writes the trail."""
    async with open_transaction(pool) as session:
        updated = await STATE_GUARDED.fetch_one(session, **move.values())
        if updated is None:
            return None
        await store(session, move)
    async with open_session(pool) as session:
        entry = await ENTRY.fetch_only(session, **move.values())
    return to_transition(move, updated, entry["sequence"])


PARTS = replace(REFERENCE, move=move)
