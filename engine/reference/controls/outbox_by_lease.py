"""A sender leases a message for a time and commits; then it sends it, and marks it as sent in another transaction.

Right, because a message whose lease has run out is sent again with the same key, and the sink knows the key. No
transaction is open while the sink is called.
"""

from dataclasses import replace

from engine.reference.outbox import MARK, WITH_OUTBOX, Message, call_all, repeat
from engine.reference.pool import Pool
from engine.reference.sessions import open_session
from engine.reference.variant_tables import Addition

ENGINE = "outbox"
LEASE = """UPDATE workflow_messages SET leased_until = clock_timestamp() + interval '1 second' WHERE id IN (
        SELECT id FROM workflow_messages
        WHERE sent_at IS NULL AND (leased_until IS NULL OR leased_until < clock_timestamp())
        ORDER BY at LIMIT 10 FOR UPDATE SKIP LOCKED)
    RETURNING id, workflow_id, step, payload"""
COLUMN = "workflow_messages.leased_until"
ADDED = "ALTER TABLE workflow_messages ADD COLUMN IF NOT EXISTS leased_until timestamptz"


class Sender:
    """Marks what the last round has sent, and leases and sends what waits."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, pool: Pool, sink: str) -> int:
        async with open_session(pool) as session:
            await session.execute(MARK, self.sent)
            self.sent = []
            leased = await session.fetch(LEASE)
        self.sent = await call_all([Message.of(row) for row in leased], sink)
        return len(self.sent)


async def send_messages(pool: Pool, sink: str) -> None:
    sender = Sender()
    await repeat(lambda: sender.send(pool, sink))


PARTS = replace(WITH_OUTBOX, send=send_messages, additions=(Addition(f"COLUMN {COLUMN}", ADDED),))
