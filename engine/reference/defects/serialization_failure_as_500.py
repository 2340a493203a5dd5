"""Nobody handles the database's "try again".

The mistake: above READ COMMITTED the database rolls back whoever lost a race, with SQLSTATE 40001, and this engine
takes that for a failure like any other. A user would notice server errors that come and go with the load, where
somebody else was merely quicker.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Move, Parts, Transition
from engine.reference.pool import Isolation, Pool
from engine.reference.workflows import GUARDED

PROMISE = Promise("no-5xx", ("parallel", "race"), isolation=Isolation.REPEATABLE_READ)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write, with the driver's errors as they are."""
    session = await pool.take()
    try:
        return await GUARDED.run(session, move)
    finally:
        pool.give(session)


def break_parts(parts: Parts) -> Parts:
    return replace(parts, move=move)
