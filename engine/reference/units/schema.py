"""The tables of vouchers and jobs, and how they are created."""

import asyncpg

from engine.reference.schema import PREPARE_LOCK_KEY

TABLES = (
    """CREATE TABLE IF NOT EXISTS vouchers (
        id uuid PRIMARY KEY,
        organization_id text NOT NULL,
        uses integer NOT NULL CHECK (uses > 0),
        uses_left integer NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS redemptions (
        id uuid PRIMARY KEY,
        voucher_id uuid NOT NULL REFERENCES vouchers,
        at timestamptz NOT NULL DEFAULT clock_timestamp())""",
    "CREATE INDEX IF NOT EXISTS redemptions_by_voucher ON redemptions (voucher_id)",
    """CREATE TABLE IF NOT EXISTS jobs (
        id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        organization_id text NOT NULL,
        claimed_at timestamptz)""",
    "CREATE INDEX IF NOT EXISTS jobs_waiting ON jobs (organization_id, id) WHERE claimed_at IS NULL",
)


async def create_tables(session: asyncpg.Connection) -> None:
    """Creates the missing tables. Safe to repeat, and in several processes at once."""
    async with session.transaction():
        await session.execute("SELECT pg_advisory_xact_lock($1)", PREPARE_LOCK_KEY)
        for statement in TABLES:
            await session.execute(statement)
