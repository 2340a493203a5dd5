"""The sink is called inside of the transaction of the move, before the guarded write and its commit.

The mistake: the state is read first, so the call looks safe. But another request may have read the same state, and
only one of the two can win; the call of the other one has left by then. A user would notice a mail about a request that
was answered "conflict".
"""

import asyncio
from dataclasses import replace
from uuid import uuid4

from engine.reference.defects import Promise
from engine.reference.guarded_write import GUARDED, READ
from engine.reference.outbox import POLL_S, WITH_OUTBOX, Message, call_all
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction

ENGINE = "outbox"
PROMISE = Promise("effects", ("parallel", "race", "interleavings"))


async def move(pool: Pool, move: Move) -> Transition | None:
    """Reads, calls until the sink has answered, and then makes the guarded write."""
    async with open_transaction(pool) as session:
        workflow = await READ.fetch_one(session, **move.values())
        if workflow is None or workflow["state"] != move.expected:
            return None
        if move.payload is not None and move.sink is not None:
            payload = move.payload
            message = Message(str(uuid4()), str(move.workflow_id), payload.step, payload.content)
            await insist(message, move.sink)
        return await GUARDED.run(session, move)


async def insist(message: Message, sink: str) -> None:
    """Calls again with the same key, until the sink has answered."""
    while not await call_all([message], sink):  # noqa: ASYNC110 - only the sink knows when it is ready again
        await asyncio.sleep(POLL_S)


PARTS = replace(WITH_OUTBOX, move=move, send=None)
