"""An idempotency key is stored without the request that it belongs to.

The mistake: a client that uses a key for another request gets the answer of the first one, and the other request is not
carried out. A user would notice that a cancellation was confirmed, and that the workflow goes on.
"""

from dataclasses import replace

from engine.reference import keys
from engine.reference.defects import Promise
from engine.reference.keys import Act, Answer
from engine.reference.part_types import Engine, Key
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise("idempotent", ("race", "interleavings"), beside=("linearizable", "audit", "final-state", "contract"))


async def answer_once(engine: Engine, key: Key, act: Act) -> Answer:
    """As the reference, but all requests look alike."""
    return await keys.answer_once(engine, replace(key, request=""), act)


PARTS = replace(REFERENCE, answer_once=answer_once)
