"""Every error of the database becomes a conflict.

The mistake: one `except` around the write turns a broken connection into a conflict, although the workflow may still be
in the expected state, or this very request may have moved it. A user would notice conflicts, again and again, on a
workflow that no other user ever touched.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.errors import DatabaseLost, SerializationFailure, TransitionConflict
from engine.reference.guarded_write import move as move_guarded
from engine.reference.guarded_write import read_row
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise(
    "conflict-truth",
    ("faults",),
    beside=("one-winner", "linearizable", "final-state", "audit", "effects", "contract"),
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write; if it fails, a conflict that reports the current state of the workflow."""
    try:
        return await move_guarded(pool, move)
    except (SerializationFailure, DatabaseLost):
        found = await read_row(pool, move.workflow_id, move.caller.organization_id)
        if found is None:
            return None
        raise TransitionConflict(
            move.workflow_id, found.state, expected=move.expected, attempted=move.next_state
        ) from None


PARTS = replace(REFERENCE, move=move)
