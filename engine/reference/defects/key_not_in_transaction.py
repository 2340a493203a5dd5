"""The work commits first; then its answer is stored under the idempotency key, in a transaction of its own.

The mistake: a lock keeps two requests with one key apart, but if the process dies between the two commits, or the
connection breaks, the work is done and the key is unknown. A user would notice that a request that is sent again is
answered "conflict", though it was the first one that won.
"""

from contextlib import suppress
from dataclasses import replace

import asyncpg

from engine.reference.defects import Promise
from engine.reference.keys import CLAIM, SERVED_BELOW, Act, Answer, HeldSession, find_answer, keep
from engine.reference.part_types import Engine, Key
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session

PROMISE = Promise("idempotent", ("faults",), beside=("linearizable", "audit", "final-state", "conflict-truth"))
NAME = "hashtextextended($1 || '/' || $2, 0)"


async def answer_once(engine: Engine, key: Key, act: Act) -> Answer:
    """Under a lock of the key: looks it up, does the work, stores the answer."""
    async with open_session(engine.pool) as session:
        name = (key.organization_id, key.text)
        await session.execute(f"SELECT pg_advisory_lock({NAME})", *name)
        try:
            if (stored := await find_answer(session, key)) is not None:
                return stored
            status, body = await act(replace(engine, pool=HeldSession(session)))
            if status < SERVED_BELOW:
                async with session.transaction():
                    await session.fetchval(CLAIM, *name, key.request)
                    await keep(session, key, status, body)
            return status, body
        finally:
            # A connection that broke has no lock any more.
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await session.execute(f"SELECT pg_advisory_unlock({NAME})", *name)


PARTS = replace(REFERENCE, answer_once=answer_once)
