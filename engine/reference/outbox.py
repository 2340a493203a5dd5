"""The outbox: a move that stores a payload leaves a message in its transaction, and a sender sends it to the sink.

A message exists if, and only if, its move was committed. The sender locks it, sends it, and marks it as sent in one
transaction. If the process ends in between, or the answer is lost, the message is sent again, with the same key: that
is "at least once", and "exactly once" for a sink that knows a key again. More is not possible.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import JSON, Text, bindparam, cast, insert, select
from sqlalchemy.sql.selectable import CTE

from engine.reference.errors import EngineError
from engine.reference.guarded_write import IN_EXPECTED_STATE, OWNED, Write, store_payload, write_move
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.schema import MESSAGES
from engine.reference.sessions import open_transaction

POLL_S = 0.1
CALL_TIMEOUT_S = 5.0

WAITING = """SELECT id, workflow_id, step, payload FROM workflow_messages WHERE sent_at IS NULL
    ORDER BY at LIMIT 10"""
LOCK = WAITING + " FOR UPDATE SKIP LOCKED"
MARK = "UPDATE workflow_messages SET sent_at = clock_timestamp() WHERE id = ANY($1)"


@dataclass(frozen=True)
class Message:
    """What the sink gets. `payload` is JSON text; a sink takes two calls with one `key` for one."""

    key: str
    workflow: str
    step: str
    payload: str

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Message":
        return cls(str(row["id"]), str(row["workflow_id"]), row["step"], row["payload"])

    @property
    def content(self) -> bytes:
        return json.dumps({"workflow": self.workflow, "step": self.step, "payload": json.loads(self.payload)}).encode()


def leave_message(moved: CTE) -> CTE:
    """Leaves a message about the payload, if the workflow was moved."""
    entry: dict[str, Any] = {
        "workflow_id": moved.c.id,
        "step": cast(bindparam("step"), Text),
        "payload": cast(bindparam("payload"), JSON),
        "at": moved.c.updated_at,
    }
    return insert(MESSAGES).from_select(list(entry), select(*entry.values())).cte("left_behind")


GUARDED = Write(
    write_move(*OWNED, IN_EXPECTED_STATE),
    write_move(*OWNED, IN_EXPECTED_STATE, beside=[store_payload, leave_message]),
)


async def send_messages(pool: Pool, sink: str) -> None:
    """Sends what waits, again and again."""
    await repeat(lambda: send_locked(pool, sink))


async def repeat(send: Callable[[], Awaitable[int]]) -> None:
    """Runs a round of sending; then the next at once if it sent something, or after a while."""
    while True:
        try:
            sent = await send()
        except EngineError:
            sent = 0
        if not sent:
            await asyncio.sleep(POLL_S)


async def send_locked(pool: Pool, sink: str) -> int:
    """Messages that no other sender has locked, sent and marked. Returns how many."""
    async with open_transaction(pool) as session:
        messages = [Message.of(row) for row in await session.fetch(LOCK)]
        return await send_and_mark(session, messages, sink)


async def send_and_mark(session: asyncpg.Connection, messages: Sequence[Message], sink: str) -> int:
    sent = await call_all(messages, sink)
    if sent:
        await session.execute(MARK, sent)
    return len(sent)


async def call_all(messages: Sequence[Message], sink: str) -> list[str]:
    """The keys of the messages that the sink has taken."""
    taken = await asyncio.gather(*(asyncio.to_thread(call, sink, message) for message in messages))
    return [message.key for message, is_taken in zip(messages, taken, strict=True) if is_taken]


def call(sink: str, message: Message) -> bool:
    """Whether the sink has answered that it took the message."""
    where = urlsplit(sink)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=CALL_TIMEOUT_S)
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
    try:
        connection.request("POST", where.path or "/", message.content, headers)
        return connection.getresponse().status < 300
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


WITH_OUTBOX = replace(REFERENCE, move=GUARDED.move, send=send_messages)
