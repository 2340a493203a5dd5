"""The engine answers a win while the transaction is still open.

The mistake: the commit comes after the answer, as in a framework that closes its sessions after the response. If the
process or the database dies in between, the transaction is rolled back. A user would notice that a confirmed click had
no effect, and now and then that a page loaded right after the click shows the old state.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.workflows import GUARDED, REFERENCE

PROMISE = Promise(
    "durability",
    ("faults",),
    beside=("one-winner", "conflict-truth", "linearizable", "final-state", "audit", "contract"),
)

# The event loop keeps only weak references to its tasks.
COMMITS: set[asyncio.Task[None]] = set()


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write in a transaction that is committed after the answer."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_transaction(pool))
        moved = await GUARDED.run(session, move)
        if moved is not None:
            commit = asyncio.create_task(stack.pop_all().aclose())
            COMMITS.add(commit)
            commit.add_done_callback(COMMITS.discard)
        return moved


PARTS = replace(REFERENCE, move=move)
