"""What is left of a voucher is read; if it is more than nothing, an UPDATE without a condition lowers it.

The mistake: the UPDATE has no guard of its own. Two requests read that one use is left, and both lower it; what is left
is -1 then. A user would notice that more redemptions were paid than the voucher had uses.
"""

from dataclasses import replace
from uuid import UUID

from engine.reference.defects import Promise
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.units.reference import REFERENCE
from engine.reference.units.vouchers import NOTE, READ

ENGINE = "vouchers"
PROMISE = Promise("capacity", ("parallel", "race", "interleavings"), beside=("contract",))
LOWER = "UPDATE vouchers SET uses_left = uses_left - 1 WHERE id = $1"


async def redeem(pool: Pool, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """Reads, compares in Python, and lowers the number: one transaction."""
    async with open_transaction(pool) as session:
        row = await session.fetchrow(READ.format(left="uses_left"), voucher, organization_id)
        if row is None or row["left"] < 1:
            return False
        await session.execute(LOWER, voucher)
        await session.execute(NOTE, redemption, voucher)
        return True


PARTS = replace(REFERENCE, redeem=redeem)
