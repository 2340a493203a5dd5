"""Idempotency keys: a request that is sent again with its key gets the first answer, and does no more.

The key, the work and the stored answer are one transaction. A second request with the key waits at the primary key
until the first has committed, and reads its answer; if the first was rolled back, the second does the work itself. A
key belongs to one organization. Only what the state decided is stored: another error leaves no key behind.
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import msgspec

from engine.reference.bodies import encode
from engine.reference.errors import KeyReused, MalformedRequest, SerializationFailure
from engine.reference.part_types import Engine, Key
from engine.reference.pool import Pool, Session
from engine.reference.retries import retry
from engine.reference.sessions import open_transaction

KEY_LENGTH_MAX = 255
SERVED_BELOW = 500

# An answer: its status, and its body, as a value or as the stored JSON.
Answer = tuple[int, Any]
Act = Callable[[Engine], Awaitable[Answer]]
Begin = Callable[[Pool], AbstractAsyncContextManager[Session]]

CLAIM = """INSERT INTO idempotency_keys (organization_id, key, request) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING RETURNING key"""
FIND = "SELECT request, status, answer FROM idempotency_keys WHERE organization_id = $1 AND key = $2"
KEEP = "UPDATE idempotency_keys SET status = $3, answer = $4 WHERE organization_id = $1 AND key = $2"


class HeldSession(Pool):
    """A pool of the one session of an open transaction: all that it lends is part of that transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def take(self) -> Session:
        return self._session

    def give(self, session: Session) -> None:
        """The transaction goes on."""


@dataclass
class NotKept(Exception):  # noqa: N818 - it rolls the key back, and carries the answer
    answer: Answer


def make_key(organization_id: str, text: str, *request: bytes) -> Key:
    """Raises MalformedRequest. `request` is what the request asks for."""
    if not (0 < len(text) <= KEY_LENGTH_MAX and text.isascii() and text.isprintable()):
        raise MalformedRequest(f"An idempotency key has 1 to {KEY_LENGTH_MAX} printable ASCII characters.")
    return Key(organization_id, text, hashlib.sha256(b"\0".join(request)).hexdigest())


async def answer_once(engine: Engine, key: Key, act: Act, begin: Begin = open_transaction) -> Answer:
    """The answer of `act`, or the stored one of an earlier request with the key. Raises KeyReused.

    `begin` opens the transaction, and ends it.
    """
    try:
        return await retry(lambda: try_once(engine, key, act, begin), engine.attempts_max)
    except NotKept as error:
        return error.answer


async def try_once(engine: Engine, key: Key, act: Act, begin: Begin) -> Answer:
    """Raises NotKept, KeyReused, or SerializationFailure: then all of it was rolled back."""
    try:
        async with begin(engine.pool) as session:
            if await session.fetchval(CLAIM, key.organization_id, key.text, key.request) is None:
                stored = await find_answer(session, key)
                if stored is None:
                    # The transaction that had the key was rolled back meanwhile, or began after this snapshot.
                    raise SerializationFailure
                return stored
            status, body = await act(replace(engine, pool=HeldSession(session)))
            if status >= SERVED_BELOW:
                raise NotKept((status, body))
            await keep(session, key, status, body)
            return status, body
    except asyncpg.InFailedSQLTransactionError as error:
        raise SerializationFailure from error


async def find_answer(session: Session, key: Key) -> Answer | None:
    """The stored answer, if there is one. Raises KeyReused."""
    row = await session.fetchrow(FIND, key.organization_id, key.text)
    if row is None:
        return None
    if row["request"] != key.request:
        raise KeyReused
    return row["status"], msgspec.Raw(row["answer"].encode())


async def keep(session: Session, key: Key, status: int, body: Any) -> None:
    await session.execute(KEEP, key.organization_id, key.text, status, encode(body).decode())
