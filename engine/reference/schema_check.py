"""The live workflow table against its design: `state` alone says how far a workflow is."""

import asyncpg

from engine.reference.errors import SchemaUnavailable
from engine.reference.schema import WORKFLOWS

LIMIT_S = 10.0
# As a session of the engine sees the table: by its search path, dropped columns left out.
LIVE = """SELECT attname::text FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""


async def find_drift(database_url: str) -> str | None:
    """What the live workflow table has that it was not designed with, or lacks, in words; None when it is as designed.

    Raises SchemaUnavailable.
    """
    try:
        session = await asyncpg.connect(database_url, timeout=LIMIT_S, statement_cache_size=0)
        try:
            rows = await session.fetch(LIVE, WORKFLOWS.name, timeout=LIMIT_S)
        finally:
            await session.close(timeout=LIMIT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise SchemaUnavailable(f"the columns of {WORKFLOWS.name} could not be read: {told}") from error
    return compare([row[0] for row in rows])


def compare(live: list[str]) -> str | None:
    designed = [column.name for column in WORKFLOWS.columns]
    more = [name for name in live if name not in designed]
    less = [name for name in designed if name not in live]
    parts = [
        f"the table {WORKFLOWS.name} {verb} {', '.join(names)}"
        for verb, names in (("also has the column", more), ("lacks the column", less))
        if names
    ]
    return "; ".join(parts) or None
