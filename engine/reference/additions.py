"""Additions: what a variant adds to the tables, marked as ours, so that it can be told from what is not, and undone.

The mark is the comment of a table or a column. So what a killed process left is found by the next
one, in the catalog alone, and nothing that somebody else made is ever touched.
"""

from dataclasses import dataclass

import asyncpg

LIMIT_S = 10.0
MARK = "onewinner: added by "
MARKED = """SELECT objoid::regclass::text AS table, quote_ident(attname) AS column, description AS mark
    FROM pg_description LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
    WHERE classoid = 'pg_class'::regclass AND starts_with(description, $1) AND pg_table_is_visible(objoid)
    ORDER BY objsubid DESC"""


@dataclass(frozen=True)
class Addition:
    """A table or a column, as in `COMMENT ON` (TABLE name, COLUMN table.name), and the statement that adds it where it
    is missing.
    """

    what: str
    statement: str

    def list_statements(self, variant: str) -> tuple[str, str]:
        """What adds it and marks it."""
        return self.statement, f"COMMENT ON {self.what} IS '{MARK}{variant}'"


def make_removal(table: str, column: str | None) -> str:
    return f"DROP TABLE IF EXISTS {table}" if column is None else f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}"


async def remove_additions(database_url: str, but_of: str = "") -> list[str]:
    """Removes all that a variant has added, but for that of the one named; what was removed, in SQL.

    Raises OSError, TimeoutError or one of asyncpg's errors.
    """
    session = await asyncpg.connect(database_url, timeout=LIMIT_S, statement_cache_size=0)
    try:
        async with session.transaction():
            # Somebody may still use the table. Then it is for the next one to remove.
            await session.execute(f"SET LOCAL lock_timeout = '{LIMIT_S:.0f}s'")
            marked = await session.fetch(MARKED, MARK, timeout=LIMIT_S)
            found = [(row["table"], row["column"]) for row in marked if row["mark"] != MARK + but_of]
            removals = [make_removal(table, column) for table, column in found]
            for statement in removals:
                await session.execute(statement, timeout=2 * LIMIT_S)
            return removals
    finally:
        await session.close(timeout=LIMIT_S)
