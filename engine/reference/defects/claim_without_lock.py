"""The next job of the queue is selected without a lock, and then marked as claimed by its id.

The mistake: two workers select the same job before one of them has marked it, and both get it. A user would notice a
mail that was sent twice, and a job that was carried out by two workers.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.pool import Pool
from engine.reference.sessions import open_transaction
from engine.reference.units.reference import REFERENCE

ENGINE = "jobs"
PROMISE = Promise("capacity", ("parallel", "race", "interleavings"))
NEXT = "SELECT id FROM jobs WHERE organization_id = $1 AND claimed_at IS NULL ORDER BY id LIMIT 1"
MARK = "UPDATE jobs SET claimed_at = clock_timestamp() WHERE id = $1"


async def claim(pool: Pool, organization_id: str) -> int | None:
    """Selects, and then updates: one transaction."""
    async with open_transaction(pool) as session:
        job: int | None = await session.fetchval(NEXT, organization_id)
        if job is not None:
            await session.execute(MARK, job)
        return job


PARTS = replace(REFERENCE, claim=claim)
