"""Everything that a PostgreSQL database holds, catalogs included, to be compared before and after a command."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from engine.provision.database import Database, start_embedded
from tests.onewinner.running import Command

THEIRS = (
    "CREATE ROLE shop LOGIN PASSWORD 'p'",
    "ALTER ROLE shop SET statement_timeout = '7s'",
    "ALTER DATABASE postgres SET lock_timeout = '9s'",
    "CREATE SCHEMA shop AUTHORIZATION shop",
    "CREATE TABLE shop.orders (id int PRIMARY KEY, state text NOT NULL)",
    "CREATE TABLE intent_workflows (id int PRIMARY KEY, current_step text)",
    "COMMENT ON COLUMN intent_workflows.current_step IS 'onewinner: added by phantom-column'",
    "INSERT INTO intent_workflows VALUES (1, 'theirs')",
    "CREATE FUNCTION workflow_transitions_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER theirs BEFORE UPDATE ON intent_workflows EXECUTE FUNCTION workflow_transitions_refuse()",
)
# Each row as text. Left out are the catalogs of statistics, which the server writes by itself.
TABLES = """SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname NOT IN ('information_schema', 'pg_toast')
    AND relname NOT IN ('pg_statistic', 'pg_statistic_ext_data')"""
# What autovacuum changes in a row.
VOLATILE = ("relpages", "reltuples", "relallvisible", "relallfrozen", "relfrozenxid", "relminmxid", "datfrozenxid",
            "datminmxid", "relhasindex", "relhastriggers", "relhasrules")  # fmt: skip
ROWS = "SELECT (to_jsonb(t) - $1::text[])::text FROM {} AS t"


async def ask(url: str, *statements: str) -> None:
    session = await asyncpg.connect(url)
    try:
        for statement in statements:
            await session.execute(statement)
    finally:
        await session.close()


async def read_all(url: str) -> dict[str, list[str]]:
    """Every row of every table, catalogs included."""
    session = await asyncpg.connect(url)
    try:
        names = [row[0] for row in await session.fetch(TABLES)]
        return {name: sorted(row[0] for row in await session.fetch(ROWS.format(name), VOLATILE)) for name in names}
    finally:
        await session.close()


def look(database: Database) -> dict[str, list[str]]:
    return asyncio.run(read_all(database.url))


def count_columns(database: Database) -> int:
    """The columns that a defect added, in any schema."""
    return sum('"attname": "current_step"' in row for row in look(database)["pg_catalog.pg_attribute"])


@contextmanager
def start_foreign() -> Iterator[Database]:
    """A server of our own that stands for a user's, with names in it that the reference engine uses, too."""
    with start_embedded() as started:
        asyncio.run(ask(started.url, *THEIRS))
        yield started


def run_without_a_trace(words: tuple[str, ...], database: Database, folder: Path) -> None:
    """Runs a command that passes on a database, and compares the database before and after."""
    before = look(database)
    command = Command((*words, "--database", database.url), folder)
    ended = command.run()
    left = command.find_left()
    assert look(database) == before, "the database is changed"
    assert left == [], left
    assert ended.returncode == 0, ended
