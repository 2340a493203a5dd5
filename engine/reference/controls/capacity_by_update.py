"""One UPDATE lowers what is left of a voucher where something is left; the redemption follows in the same transaction.

Right, because the UPDATE locks the row and looks at what is left again after each wait. The transaction keeps the lock
until the redemption is stored, too.
"""

from dataclasses import replace
from uuid import UUID

from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.units.reference import REFERENCE
from engine.reference.units.vouchers import NOTE

ENGINE = "vouchers"
LOWER = """UPDATE vouchers SET uses_left = uses_left - 1
    WHERE id = $1 AND organization_id = $2 AND uses_left > 0 RETURNING id"""


async def redeem(pool: Pool, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """Lowers what is left, and stores the redemption if that changed a row."""
    async with open_transaction(pool) as session:
        if await session.fetchrow(LOWER, voucher, organization_id) is None:
            return False
        await session.execute(NOTE, redemption, voucher)
        return True


PARTS = replace(REFERENCE, redeem=redeem)
