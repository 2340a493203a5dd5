"""GET answers from a cache that lives for a moment.

The mistake: reads were too many, so each worker keeps what it read for half a second, and nobody empties the cache when
the workflow moves. A user would notice that the page still shows the old state right after her own click.
"""

import time
from dataclasses import replace
from uuid import UUID

from engine.reference.defects import Promise
from engine.reference.parts import Parts, Workflow
from engine.reference.pool import Pool
from engine.reference.workflows import read_row

# Where a winner was not answered, it is the trail alone that contradicts what was read.
PROMISE = Promise("linearizable", ("sequential", "parallel", "race"), beside=("final-state", "audit"))

KEPT_S = 0.5
CACHE: dict[tuple[UUID, str], tuple[float, Workflow]] = {}


async def read_cached(pool: Pool, workflow_id: UUID, organization_id: str) -> Workflow | None:
    """What was read last, if that was a moment ago."""
    kept = CACHE.get((workflow_id, organization_id))
    if kept is not None and time.monotonic() - kept[0] < KEPT_S:
        return kept[1]
    found = await read_row(pool, workflow_id, organization_id)
    if found is not None:
        CACHE[workflow_id, organization_id] = time.monotonic(), found
    return found


def break_parts(parts: Parts) -> Parts:
    return replace(parts, read=read_cached)
