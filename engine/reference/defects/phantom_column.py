"""A second column tells the progress of a workflow, and drifts away from the first.

The mistake: `current_step` was added for a list of workflows. The routes of steps update it; the other routes that move
the state do not. A user would notice an overview that shows "icp-generate" for a workflow that was cancelled long ago.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import GUARDED
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.variant_tables import Addition

PROMISE = Promise("schema", ("sequential", "parallel", "race"))

COLUMN = Addition(
    "COLUMN intent_workflows.current_step",
    "ALTER TABLE intent_workflows ADD COLUMN IF NOT EXISTS current_step text NOT NULL DEFAULT ''",
)
SET = "UPDATE intent_workflows SET current_step = $2 WHERE id = $1"


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write; the second column follows when a step is claimed or finished with a payload."""
    async with open_transaction(pool) as session:
        moved = await GUARDED.run(session, move)
        if moved is not None and move.payload is not None:
            await session.execute(SET, move.workflow_id, move.payload.step)
        return moved


PARTS = replace(REFERENCE, move=move, additions=(COLUMN,))
