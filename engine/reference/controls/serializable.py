"""Reads, compares and writes in a SERIALIZABLE transaction, with a limited number of retries.

Right, because the database commits only transactions that could have run one after the other. A transaction that is
rolled back starts again with a new read.
"""

from dataclasses import replace

from engine.reference.parts import Move, Transition
from engine.reference.pool import Pool
from engine.reference.sessions import open_session, retry
from engine.reference.split_write import UNGUARDED
from engine.reference.workflows import READ, REFERENCE

ATTEMPTS_MAX = 20


async def move(pool: Pool, move: Move) -> Transition | None:
    """Retries until the database commits. Raises Contended after ATTEMPTS_MAX attempts."""
    return await retry(lambda: try_once(pool, move), ATTEMPTS_MAX)


async def try_once(pool: Pool, move: Move) -> Transition | None:
    async with open_session(pool) as session, session.transaction(isolation="serializable"):
        workflow = await READ.fetch_one(session, **move.values())
        if workflow is None or workflow["state"] != move.expected:
            return None
        return await UNGUARDED.run(session, move)


PARTS = replace(REFERENCE, move=move)
