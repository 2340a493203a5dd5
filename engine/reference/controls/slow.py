"""The reference's write, with 50 ms before it and 50 ms after it.

Right, because nothing is decided while it waits: slowness is no mistake, and more requests overlap than elsewhere.
"""

import asyncio
from dataclasses import replace

from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.workflows import move as move_guarded

PAUSE_S = 0.05


async def move(pool: Pool, move: Move) -> Transition | None:
    """Waits, makes the guarded write, waits."""
    await asyncio.sleep(PAUSE_S)
    moved = await move_guarded(pool, move)
    await asyncio.sleep(PAUSE_S)
    return moved


def change_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
