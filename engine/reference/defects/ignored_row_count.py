"""The guarded write is correct, but the engine ignores whether it changed a row.

The mistake: the UPDATE names the expected state, but its row count, which tells whether it won, is not used. A user
would notice that every request gets a 200 and only one of them had an effect: an editor's approval is confirmed and
lost.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import move as move_guarded
from engine.reference.guarded_write import read_row
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise(
    "linearizable",
    ("sequential", "parallel", "race", "interleavings"),
    beside=("one-winner", "conflict-truth", "final-state", "audit", "effects", "contract"),
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """Makes the guarded write, reads the workflow for the answer, and reports the move as made."""
    await move_guarded(pool, move)
    workflow = await read_row(pool, move.workflow_id, move.caller.organization_id)
    if workflow is None:
        return None
    return Transition(
        id=workflow.id,
        state=move.next_state,
        previous_state=move.expected,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
        sequence=0,
    )


PARTS = replace(REFERENCE, move=move)
