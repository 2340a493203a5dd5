"""Compares the columns of the live workflow table with its design."""

import asyncpg

from engine.reference.errors import SchemaUnavailable
from engine.reference.schema import WORKFLOWS

LIMIT_S = 10.0
# The columns as a session of the engine sees them: by its search path, without dropped ones.
LIVE = """SELECT attname::text FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""


async def find_drift(database_url: str) -> str | None:
    """Names the columns that the live workflow table has in addition or lacks; None if it is as designed.

    Raises SchemaUnavailable.
    """
    try:
        session = await asyncpg.connect(database_url, timeout=LIMIT_S, statement_cache_size=0)
        try:
            rows = await session.fetch(LIVE, WORKFLOWS.name, timeout=LIMIT_S)
        finally:
            await session.close(timeout=LIMIT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise SchemaUnavailable(f"the columns of {WORKFLOWS.name} could not be read: {problem}") from error
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
