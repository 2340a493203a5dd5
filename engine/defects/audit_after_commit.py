"""The row in the trail is written after the transition was committed.

The mistake: the trail is "only a log" and has a transaction of its own. When the process dies in between, or the
connection is lost, the transition has happened and nobody ever did it. A user would notice a workflow whose trail ends
one state before the one that it is in.
"""

from dataclasses import replace

from engine.defects import Promise
from engine.parts import Move, Moved, Parts
from engine.pieces import ENTRY, STATE_GUARDED, store, to_moved
from engine.pool import Pool
from engine.sessions import open_session, open_transaction

PROMISE = Promise("audit", ("faults",), beside=("one-winner", "contract"))


async def move(pool: Pool, move: Move) -> Moved | None:
    """The guarded write with its payload, committed; then the trail."""
    async with open_transaction(pool) as session:
        updated = await STATE_GUARDED.fetch_one(session, **move.values())
        if updated is None:
            return None
        await store(session, move)
    async with open_session(pool) as session:
        entry = await ENTRY.fetch_only(session, **move.values())
    return to_moved(move, updated, entry["sequence"])


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
