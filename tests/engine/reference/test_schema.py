"""Goal: the database enforces its constraints against any client. Method: SQL without the engine."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from engine.provision.database import Database
from engine.reference.api import prepare
from engine.reference.states import GRAPH
from tests.engine.conftest import put


async def execute(database: Database, *statements: str) -> None:
    connection = await asyncpg.connect(database.url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workflow_transitions SET actor = 'someone else'",
        "DELETE FROM workflow_transitions",
        "UPDATE workflow_transitions SET actor = 'x' WHERE false",
        "TRUNCATE workflow_transitions",
        "TRUNCATE intent_workflows CASCADE",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_trail_is_append_only(database: Database, statement: str, role: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        asyncio.run(execute(database, f"SET session_replication_role = {role}", statement))


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE intent_workflows SET state = 'NOWHERE' WHERE id = '{id}'", "intent_workflows_state_known"),
        ("UPDATE intent_workflows SET organization_id = '' WHERE id = '{id}'", "intent_workflows_organization_named"),
        (
            (
                "INSERT INTO workflow_transitions (workflow_id, organization_id, from_state, to_state, request_id) "
                "VALUES ('{id}', 'acme', 'CREATED', 'NOWHERE', 'r')"
            ),
            "workflow_transitions_to_known",
        ),
        (
            (
                "INSERT INTO workflow_transitions (workflow_id, organization_id, from_state, to_state, request_id) "
                "VALUES ('{unknown}', 'acme', 'CREATED', 'ICP_PENDING', 'r')"
            ),
            "workflow_transitions_workflow",
        ),
        (
            (
                "INSERT INTO workflow_payloads (workflow_id, step, payload, request_id, at) "
                "VALUES ('{id}', 'nothing', '{{}}', 'r', now())"
            ),
            "workflow_payloads_step_known",
        ),
    ],
)
def test_constraints_are_named_and_hold(database: Database, statement: str, constraint: str) -> None:
    (workflow,) = asyncio.run(put(database.url, [GRAPH.initial]))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
        asyncio.run(execute(database, statement.format(id=workflow, unknown=uuid4())))
    assert caught.value.as_dict()["constraint_name"] == constraint


def test_the_workflow_table_has_one_column_for_progress(database: Database) -> None:
    async def run() -> list[str]:
        connection = await asyncpg.connect(database.url)
        try:
            question = "SELECT column_name FROM information_schema.columns WHERE table_name = 'intent_workflows'"
            return [row[0] for row in await connection.fetch(question)]
        finally:
            await connection.close()

    assert sorted(asyncio.run(run())) == ["created_at", "id", "organization_id", "state", "updated_at"]


def test_it_can_be_prepared_by_several_at_once(database: Database) -> None:
    """In an empty database, and again in a full one."""
    asyncio.run(execute(database, "CREATE DATABASE at_once"))
    other = Database(database.host, database.port, database.user, database.password, "at_once")

    async def run() -> None:
        await asyncio.gather(*(prepare(other.url) for _ in range(5)))
        await put(other.url, [GRAPH.initial])
        await prepare(other.url)

    asyncio.run(run())
