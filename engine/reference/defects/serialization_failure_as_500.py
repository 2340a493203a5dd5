"""A serialization failure becomes a server error.

The mistake: above READ COMMITTED the database rolls back the losers of a race with SQLSTATE 40001, which means "try
again". This engine treats it like any other failure. A user would notice server errors that come and go with the load,
where another request was only faster.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.guarded_write import GUARDED
from engine.reference.part_types import Move, Transition
from engine.reference.pool import Isolation, Pool
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise("no-5xx", ("parallel", "race"), isolation=Isolation.REPEATABLE_READ)


async def move(pool: Pool, move: Move) -> Transition | None:
    """The guarded write; the driver's errors are not translated."""
    session = await pool.take()
    try:
        return await GUARDED.run(session, move)
    finally:
        pool.give(session)


PARTS = replace(REFERENCE, move=move)
