"""Variant tables: tables and columns that a variant adds, marked as ours, so that a later process can remove them.

The mark is the comment of the table or the column. A process finds the additions of a killed one in the catalog, and
never touches a table or a column without the mark.
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
    """A table or a column, as in `COMMENT ON` (TABLE name, COLUMN table.name).

    `statement` adds it if it is missing.
    """

    what: str
    statement: str

    def list_statements(self, variant: str) -> tuple[str, str]:
        """The statements that add it and mark it."""
        return self.statement, f"COMMENT ON {self.what} IS '{MARK}{variant}'"


def make_removal(table: str, column: str | None) -> str:
    return f"DROP TABLE IF EXISTS {table}" if column is None else f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}"


async def remove_additions(database_url: str, but_of: str = "") -> list[str]:
    """Removes the additions of all variants but the named one. Returns the statements that removed them.

    Raises OSError, TimeoutError or one of asyncpg's errors.
    """
    session = await asyncpg.connect(database_url, timeout=LIMIT_S, statement_cache_size=0)
    try:
        async with session.transaction():
            # Another session may still use the table. Then a later process removes it.
            await session.execute(f"SET LOCAL lock_timeout = '{LIMIT_S:.0f}s'")
            marked = await session.fetch(MARKED, MARK, timeout=LIMIT_S)
            found = [(row["table"], row["column"]) for row in marked if row["mark"] != MARK + but_of]
            removals = [make_removal(table, column) for table, column in found]
            for statement in removals:
                await session.execute(statement, timeout=2 * LIMIT_S)
            return removals
    finally:
        await session.close(timeout=LIMIT_S)
