"""Vouchers: each has a number of uses. The database decides who gets the last one, by one guarded statement."""

from uuid import UUID

from engine.reference.pool import Pool, Session
from engine.reference.sessions import open_session, open_transaction

CREATE = "INSERT INTO vouchers (id, organization_id, uses, uses_left) VALUES ($1, $2, $3, $3)"
READ = "SELECT id, uses, {left} AS left FROM vouchers WHERE id = $1 AND organization_id = $2"
REDEEM = """WITH taken AS (
        UPDATE vouchers SET uses_left = uses_left - 1
        WHERE id = $1 AND organization_id = $2 AND uses_left > 0 RETURNING id)
    INSERT INTO redemptions (id, voucher_id) SELECT $3, id FROM taken RETURNING id"""
RESTORE = """WITH gone AS (
        DELETE FROM redemptions USING vouchers
        WHERE redemptions.id = $1 AND vouchers.id = voucher_id AND organization_id = $2 RETURNING voucher_id)
    UPDATE vouchers SET uses_left = uses_left + 1 FROM gone WHERE vouchers.id = gone.voucher_id RETURNING vouchers.id"""
NOTE = "INSERT INTO redemptions (id, voucher_id) VALUES ($1, $2)"
REMOVE = """DELETE FROM redemptions USING vouchers
    WHERE redemptions.id = $1 AND vouchers.id = voucher_id AND organization_id = $2 RETURNING redemptions.id"""
# What is left where redemptions are counted, as an expression over a row of vouchers.
COUNTED = "uses - (SELECT count(*) FROM redemptions WHERE voucher_id = vouchers.id)::integer"


async def redeem(pool: Pool, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """Takes a use and writes the redemption in one statement, if a use is left."""
    async with open_session(pool) as session:
        return await session.fetchrow(REDEEM, voucher, organization_id, redemption) is not None


async def restore(pool: Pool, redemption: UUID, organization_id: str) -> bool:
    """Removes the redemption and gives its use back, in one statement."""
    async with open_session(pool) as session:
        return await session.fetchrow(RESTORE, redemption, organization_id) is not None


async def remove(pool: Pool, redemption: UUID, organization_id: str) -> bool:
    """Removes the redemption; for engines that count redemptions."""
    async with open_session(pool) as session:
        return await session.fetchrow(REMOVE, redemption, organization_id) is not None


async def insert_if_left(session: Session, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """Counts the redemptions, and then inserts one more if a use is left: two statements."""
    row = await session.fetchrow(READ.format(left=COUNTED), voucher, organization_id)
    if row is None or row["left"] < 1:
        return False
    await session.execute(NOTE, redemption, voucher)
    return True


async def count_and_insert(pool: Pool, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """The same in a transaction, which alone does not keep others from counting the same."""
    async with open_transaction(pool) as session:
        return await insert_if_left(session, voucher, organization_id, redemption)
