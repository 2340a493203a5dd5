"""The idempotency key is looked up before the work, and stored after it.

The mistake: between the SELECT and the INSERT a second request with the key does the same. Both find no key, and both
do the work. A user would notice that a second click is answered "conflict" although the first one won; where no state
guards the work, it would be done twice.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.keys import CLAIM, SERVED_BELOW, Act, Answer, find_answer, keep
from engine.reference.part_types import Engine, Key
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_session, open_transaction

PROMISE = Promise("idempotent", ("race", "interleavings"), beside=("linearizable", "audit", "final-state"))


async def answer_once(engine: Engine, key: Key, act: Act) -> Answer:
    """Looks the key up, does the work, stores the answer: three transactions."""
    async with open_session(engine.pool) as session:
        if (stored := await find_answer(session, key)) is not None:
            return stored
    status, body = await act(engine)
    if status < SERVED_BELOW:
        async with open_transaction(engine.pool) as session:
            if await session.fetchval(CLAIM, key.organization_id, key.text, key.request) is not None:
                await keep(session, key, status, body)
    return status, body


PARTS = replace(REFERENCE, answer_once=answer_once)
