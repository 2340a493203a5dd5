"""Each use of a voucher has a number, and a unique index refuses a second redemption with the same number.

Right, because the index knows of redemptions that no snapshot shows yet: the second insert waits for the first, and
then fails. The request looks again, and takes the next number, until none is left.
"""

from dataclasses import replace
from uuid import UUID

import asyncpg

from engine.reference.errors import SerializationFailure
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.units.reference import REFERENCE
from engine.reference.units.vouchers import COUNTED, READ, remove
from engine.reference.variant_tables import Addition

ENGINE = "vouchers"
FREE = """SELECT min(number) FROM generate_series(1, $2::integer) AS number
    WHERE number NOT IN (SELECT number FROM redemptions WHERE voucher_id = $1 AND number IS NOT NULL)"""
NOTE = "INSERT INTO redemptions (id, voucher_id, number) VALUES ($1, $2, $3)"


async def redeem(pool: Pool, voucher: UUID, organization_id: str, redemption: UUID) -> bool:
    """Inserts a redemption with a number that is free; a number that another request took is tried again."""
    try:
        async with open_transaction(pool) as session:
            row = await session.fetchrow(READ.format(left=COUNTED), voucher, organization_id)
            number = await session.fetchval(FREE, voucher, row["uses"]) if row is not None else None
            if number is not None:
                await session.execute(NOTE, redemption, voucher, number)
            return number is not None
    except asyncpg.UniqueViolationError:
        raise SerializationFailure from None


PARTS = replace(
    REFERENCE,
    redeem=redeem,
    restore=remove,
    left=COUNTED,
    additions=(
        Addition(
            "COLUMN redemptions.number",
            "ALTER TABLE redemptions ADD COLUMN IF NOT EXISTS number integer; "
            "CREATE UNIQUE INDEX IF NOT EXISTS redemptions_numbered ON redemptions (voucher_id, number)",
        ),
    ),
)
