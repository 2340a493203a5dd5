"""Takes an advisory lock on the voucher's id until the commit; then counts the redemptions and inserts one.

Right, because every request in every process takes the same lock, and at READ COMMITTED the count after the wait has a
snapshot of its own. It runs at that level, also where the engine has another one.
"""

from dataclasses import replace
from uuid import UUID

from engine.reference.pool import Pool
from engine.reference.sessions import open_session
from engine.reference.units.reference import REFERENCE
from engine.reference.units.vouchers import COUNTED, insert_if_left, remove

ENGINE = "vouchers"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


async def redeem(pool: Pool, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """Waits for its turn, counts, inserts."""
    async with open_session(pool) as session, session.transaction(isolation="read_committed"):
        await session.execute(LOCK, str(voucher))
        return await insert_if_left(session, voucher, organization_id, redemption)


PARTS = replace(REFERENCE, redeem=redeem, restore=remove, left=COUNTED)
