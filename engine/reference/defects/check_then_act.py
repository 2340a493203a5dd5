"""The state is read, compared in Python, and then written by id.

The mistake: between the SELECT and the UPDATE another request may do the same. Both find the expected state, both
update, and both answers say that the request won. A user would notice two articles published for one click, and a trail
in which the same state is left twice.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import READ
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.split_write import ENTRY, STATE, store, to_transition

PROMISE = Promise(
    "one-winner",
    ("parallel", "race", "interleavings"),
    beside=("linearizable", "audit", "effects"),
    elsewhere={"parallel": "linearizable"},
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """Reads the workflow, compares, updates it, writes the trail: one transaction, three statements."""
    async with open_transaction(pool) as session:
        values = move.values()
        workflow = await READ.fetch_one(session, **values)
        if workflow is None or workflow["state"] != move.expected:
            return None
        updated = await STATE.fetch_only(session, **values)
        entry = await ENTRY.fetch_only(session, **values)
        await store(session, move)
        return to_transition(move, updated, entry["sequence"])


PARTS = replace(REFERENCE, move=move)
