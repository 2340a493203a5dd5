"""The write of the reference, with 50 ms before it and 50 ms after it.

Right, because the waits decide nothing. They make more requests overlap.
"""

import asyncio
from dataclasses import replace

from engine.reference.guarded_write import move as move_guarded
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE

PAUSE_S = 0.05


async def move(pool: Pool, move: Move) -> Transition | None:
    """Waits, makes the guarded write, waits."""
    await asyncio.sleep(PAUSE_S)
    moved = await move_guarded(pool, move)
    await asyncio.sleep(PAUSE_S)
    return moved


PARTS = replace(REFERENCE, move=move)
