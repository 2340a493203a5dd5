"""Any trouble in the database is taken for somebody else having been quicker.

The mistake: one `except` around the write turns a lost connection into a conflict, although the workflow may be where
the caller expected it, or may have been moved by this very request. A user would notice a "somebody else was quicker"
on a workflow that nobody else ever touched, and that does not go away.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.errors import DatabaseLost, SerializationFailure, TransitionConflict
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.workflows import move as move_guarded
from engine.reference.workflows import read_row

PROMISE = Promise(
    "conflict-truth",
    ("faults",),
    beside=("one-winner", "linearizable", "final-state", "audit", "effects", "contract"),
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write; when it fails, a conflict with whatever state the workflow is in."""
    try:
        return await move_guarded(pool, move)
    except (SerializationFailure, DatabaseLost):
        found = await read_row(pool, move.workflow_id, move.caller.organization_id)
        if found is None:
            return None
        raise TransitionConflict(
            move.workflow_id, found.state, expected=move.expected, attempted=move.next_state
        ) from None


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
