"""The caller is told that she won while the transaction is still open.

The mistake: the commit is put off until after the answer, as a framework does that closes its sessions when the answer
has gone out. When the process or the database dies in between, all is rolled back. A user would notice that a click
that was confirmed has never happened, and now and then that the page read right after it shows the old state.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.workflows import GUARDED

PROMISE = Promise(
    "durability",
    ("faults",),
    beside=("one-winner", "conflict-truth", "linearizable", "final-state", "audit", "contract"),
)

# The event loop keeps only a weak hold on its tasks.
COMMITS: set[asyncio.Task[None]] = set()


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write in a transaction that is committed when the answer is on its way."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_transaction(pool))
        moved = await GUARDED.run(session, move)
        if moved is not None:
            commit = asyncio.create_task(stack.pop_all().aclose())
            COMMITS.add(commit)
            commit.add_done_callback(COMMITS.discard)
        return moved


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
