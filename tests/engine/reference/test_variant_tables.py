"""Goal: after a variant a database is as it was before, and what is not ours is never removed.

Method: every defect and every control on one database; its whole catalog before and after.
"""

import asyncio

import asyncpg
import pytest

from engine.provision.database import Database
from engine.reference.api import prepare
from engine.reference.controls import list_controls
from engine.reference.defects import list_defects
from engine.reference.schema_check import find_drift
from engine.reference.variant_tables import remove_additions
from engine.reference.variants import WORKFLOWS
from tests.engine.within import ANN, open_engine, prepare_another, race

CATALOG = """SELECT 'column', attrelid::regclass::text || '.' || attname FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
    UNION ALL SELECT 'constraint', conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'function', proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgname::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname NOT LIKE 'pg_t%'
    UNION ALL SELECT 'extension', extname::text FROM pg_extension
    UNION ALL SELECT 'role', rolname::text FROM pg_roles
    UNION ALL SELECT 'setting', setrole || '/' || setdatabase || setconfig::text FROM pg_db_role_setting"""
VARIANTS = [*((name, None) for name in list_defects(WORKFLOWS)), *((None, name) for name in list_controls(WORKFLOWS))]


async def look(url: str, *statements: str) -> list[tuple[str, str]]:
    """The content of the catalog after the statements."""
    session = await asyncpg.connect(url)
    try:
        for statement in statements:
            await session.execute(statement)
        return sorted(tuple(row) for row in await session.fetch(CATALOG))
    finally:
        await session.close()


@pytest.fixture(scope="module")
def shared(database: Database) -> str:
    """A database of another program, with a table, a column and comments of its own."""
    url = asyncio.run(prepare_another(database, "of-another", defect=None, control=None))
    own = "CREATE TABLE kept (one int)", "COMMENT ON TABLE kept IS 'added by onewinner, or so we think'"
    asyncio.run(look(url, *own))
    return url


@pytest.mark.parametrize(("defect", "control"), VARIANTS, ids=str)
def test_the_additions_of_a_variant_are_removed(shared: str, defect: str | None, control: str | None) -> None:
    async def use() -> None:
        before = await look(shared)
        await prepare(shared, defect, control)
        async with open_engine(shared, defect=defect, control=control) as engine:
            workflow = (await engine.parts.create(engine.pool, ANN)).id
            await race(engine, workflow, "CREATED", "ICP_PENDING", 2)
        await prepare(shared, defect, control)
        changed = await look(shared)
        removed = await remove_additions(shared)
        assert await look(shared) == before
        assert bool(removed) == (changed != before)

    asyncio.run(use())


@pytest.mark.parametrize(
    ("name", "what"), [("phantom-column", "current_step"), ("version-column", "workflow_versions")]
)
def test_the_next_engine_removes_what_a_killed_one_left(shared: str, name: str, what: str) -> None:
    defect, control = (name, None) if name in list_defects() else (None, name)

    async def use() -> None:
        before = await look(shared)
        await prepare(shared, defect, control)
        assert any(what in found for _, found in await look(shared))
        await prepare(shared, "stale-read")
        assert await look(shared) == before
        assert await find_drift(shared) is None

    asyncio.run(use())


def test_a_column_of_another_program_stays_and_is_named(shared: str) -> None:
    async def use() -> None:
        await look(shared, "ALTER TABLE intent_workflows ADD COLUMN current_step text")
        await prepare(shared)
        assert await remove_additions(shared) == []
        assert "current_step" in (await find_drift(shared) or "")
        await look(shared, "ALTER TABLE intent_workflows DROP COLUMN current_step")

    asyncio.run(use())
