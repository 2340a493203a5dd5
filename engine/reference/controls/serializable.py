"""Reads, compares and writes in a SERIALIZABLE transaction, with a limited number of retries.

Right, because the database commits only transactions that could have run one after the other. A transaction that is
rolled back starts again with a new read.
"""

from dataclasses import replace
from functools import partial

from engine.reference import keys
from engine.reference.guarded_write import READ
from engine.reference.keys import Act, Answer, HeldSession
from engine.reference.part_types import Engine, Key, Move, Transition
from engine.reference.pool import Pool, Session
from engine.reference.reference_parts import REFERENCE
from engine.reference.retries import retry
from engine.reference.sessions import Serializable, open_session, open_transaction
from engine.reference.split_write import UNGUARDED

ATTEMPTS_MAX = 20
SERIALIZABLE: Serializable = "serializable"


async def move(pool: Pool, move: Move) -> Transition | None:
    """Retries until the database commits. Raises Contended after ATTEMPTS_MAX attempts.

    With an idempotency key the move is part of the key's transaction, which starts again as a whole.
    """
    if isinstance(pool, HeldSession):
        async with open_session(pool) as session:
            return await read_and_write(session, move)
    return await retry(lambda: try_once(pool, move), ATTEMPTS_MAX)


async def try_once(pool: Pool, move: Move) -> Transition | None:
    async with open_session(pool) as session, session.transaction(isolation=SERIALIZABLE):
        return await read_and_write(session, move)


async def read_and_write(session: Session, move: Move) -> Transition | None:
    workflow = await READ.fetch_one(session, **move.values())
    if workflow is None or workflow["state"] != move.expected:
        return None
    return await UNGUARDED.run(session, move)


async def answer_once(engine: Engine, key: Key, act: Act) -> Answer:
    begin = partial(open_transaction, isolation=SERIALIZABLE)
    return await keys.answer_once(replace(engine, attempts_max=ATTEMPTS_MAX), key, act, begin)


PARTS = replace(REFERENCE, move=move, answer_once=answer_once)
