"""The engine answers a win while the transaction is still open.

The mistake: the commit comes after the answer, as in a framework that closes its sessions after the response. If the
process or the database dies in between, the transaction is rolled back. A user would notice that a confirmed click had
no effect, and now and then that a page loaded right after the click shows the old state.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from engine.reference import keys
from engine.reference.defects import Promise
from engine.reference.guarded_write import GUARDED
from engine.reference.keys import Act, Answer, HeldSession
from engine.reference.part_types import Engine, Key, Move, Transition
from engine.reference.pool import Pool, Session
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session, open_transaction

PROMISE = Promise(
    "durability",
    ("faults",),
    beside=("one-winner", "conflict-truth", "linearizable", "final-state", "audit", "idempotent", "contract"),
)

# The event loop keeps only weak references to its tasks.
COMMITS: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def open_until_answered(pool: Pool) -> AsyncIterator[Session]:
    """A transaction that is committed after the answer; rolled back at once if the block fails."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_transaction(pool))
        commit_later(stack)


def commit_later(stack: AsyncExitStack) -> None:
    """Leaves the transaction of the stack in a task of its own."""
    commit = asyncio.create_task(stack.pop_all().aclose())
    COMMITS.add(commit)
    commit.add_done_callback(COMMITS.discard)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write; with an idempotency key it is part of the key's transaction, which is as late."""
    if isinstance(pool, HeldSession):
        async with open_session(pool) as session:
            return await GUARDED.run(session, move)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_transaction(pool))
        moved = await GUARDED.run(session, move)
        if moved is not None:
            commit_later(stack)
        return moved


async def answer_once(engine: Engine, key: Key, act: Act) -> Answer:
    return await keys.answer_once(engine, key, act, open_until_answered)


PARTS = replace(REFERENCE, move=move, answer_once=answer_once)
