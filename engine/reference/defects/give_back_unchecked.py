"""The redemption is looked up, removed, and its use given back: three statements in one transaction.

The mistake: of two requests that undo one redemption both may find it. The second waits until the first has removed it,
removes nothing, and gives a use back all the same. A user would notice that a voucher is worth more after a double
click on "undo".
"""

from dataclasses import replace
from uuid import UUID

from engine.reference.defects import Promise
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.units.reference import REFERENCE

ENGINE = "vouchers"
PROMISE = Promise("capacity", ("race", "interleavings"))
FIND = """SELECT voucher_id FROM redemptions JOIN vouchers ON vouchers.id = voucher_id
    WHERE redemptions.id = $1 AND organization_id = $2"""
REMOVE = "DELETE FROM redemptions WHERE id = $1"
RAISE = "UPDATE vouchers SET uses_left = uses_left + 1 WHERE id = $1"


async def restore(pool: Pool, redemption: UUID, organization_id: str) -> bool:
    """Does not look at how many rows were removed."""
    async with open_transaction(pool) as session:
        voucher = await session.fetchval(FIND, redemption, organization_id)
        if voucher is None:
            return False
        await session.execute(REMOVE, redemption)
        await session.execute(RAISE, voucher)
        return True


PARTS = replace(REFERENCE, restore=restore)
