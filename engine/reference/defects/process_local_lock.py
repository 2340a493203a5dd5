"""A lock in memory lets one request at a time touch a workflow, in this process.

The mistake: check-then-act behind an asyncio.Lock per workflow is correct on a developer's machine, which has one
process. With a second worker there is a second lock. A user would notice two winners since the service was scaled out.
"""

import asyncio
from collections import defaultdict
from dataclasses import replace
from uuid import UUID

from engine.reference.defects import Promise, check_then_act
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise(
    "one-winner",
    ("parallel", "race", "interleavings"),
    beside=("linearizable", "audit", "effects"),
    elsewhere={"parallel": "linearizable"},
)

LOCKS: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)


async def move(pool: Pool, move: Move) -> Transition | None:
    """Check and act under the lock of the workflow."""
    async with LOCKS[move.workflow_id]:
        return await check_then_act.move(pool, move)


PARTS = replace(REFERENCE, move=move)
