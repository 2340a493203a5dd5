"""A message is sent with a new key each time, by senders that do not lock it.

The mistake: two senders find the same message, and an answer that was lost makes one of them send it again. A key would
tell the sink that it has the message already, but the key belongs to the call and not to the message. A user would
notice that she was charged twice after a timeout.
"""

from dataclasses import replace
from uuid import uuid4

from engine.reference.defects import Promise
from engine.reference.outbox import MARK, WAITING, WITH_OUTBOX, Message, call_all, repeat
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction

ENGINE = "outbox"
PROMISE = Promise("effects", ("sequential", "parallel", "race", "interleavings", "faults"))


async def send_messages(pool: Pool, sink: str) -> None:
    await repeat(lambda: send_unlocked(pool, sink))


async def send_unlocked(pool: Pool, sink: str) -> int:
    """Finds, sends with a new key, and marks."""
    async with open_transaction(pool) as session:
        calls = {str(uuid4()): Message.of(row) for row in await session.fetch(WAITING)}
        sent = await call_all([replace(message, key=key) for key, message in calls.items()], sink)
        if sent:
            await session.execute(MARK, [calls[key].key for key in sent])
        return len(sent)


PARTS = replace(WITH_OUTBOX, send=send_messages)
