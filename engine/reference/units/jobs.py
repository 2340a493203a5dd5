"""Jobs: one queue for each organization. A worker claims the next job that no other worker has locked."""

from engine.reference.pool import Pool
from engine.reference.sessions import open_session

PUT = "INSERT INTO jobs (organization_id) VALUES ($1) RETURNING id"
CLAIM = """UPDATE jobs SET claimed_at = clock_timestamp() WHERE id = (
        SELECT id FROM jobs WHERE organization_id = $1 AND claimed_at IS NULL
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id"""
GIVE_UP = """UPDATE jobs SET claimed_at = NULL
    WHERE id = $1 AND organization_id = $2 AND claimed_at IS NOT NULL RETURNING id"""


async def claim(pool: Pool, organization_id: str) -> int | None:
    """The next job, locked and claimed in one statement; None if none is left."""
    async with open_session(pool) as session:
        job: int | None = await session.fetchval(CLAIM, organization_id)
        return job
