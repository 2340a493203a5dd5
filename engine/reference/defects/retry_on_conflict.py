"""After a conflict the server reads the state again and applies the request to the state that it finds.

The mistake: the server retries in place of the caller. Only the caller can decide whether the request still makes sense
in the new state. A user would notice that her request, made in one state, was applied in another state, which a second
user had produced in between.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import move as move_guarded
from engine.reference.guarded_write import read_row
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.states import GRAPH

PROMISE = Promise(
    "linearizable", ("sequential", "parallel", "interleavings"), beside=("one-winner", "audit", "effects", "contract")
)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write, and once more from the state that was found, if the graph has that edge."""
    moved = await move_guarded(pool, move)
    if moved is None:
        found = await read_row(pool, move.workflow_id, move.caller.organization_id)
        if found is not None and GRAPH.allows(found.state, move.next_state):
            return await move_guarded(pool, replace(move, expected=found.state))
    return moved


PARTS = replace(REFERENCE, move=move)
