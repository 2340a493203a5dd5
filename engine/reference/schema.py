"""The tables, and what the database itself holds true of them.

`state` is the single source of truth: no second column says how far a workflow is. The trail is append-only:
triggers refuse UPDATE, DELETE and TRUNCATE, whoever asks.
"""

from collections.abc import Iterable

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import BIGINT, JSON
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import DDL

from engine.reference.states import CREATED, GRAPH, STEPS

# Two processes that prepare one database at once: the second waits for this lock and finds all done.
PREPARE_LOCK_KEY = 7_160_311_909

METADATA = MetaData()


def one_of(column: str, values: Iterable[str]) -> str:
    """A CHECK's text. The values are our own names, so that quoting them is enough."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


WORKFLOWS = Table(
    "intent_workflows",
    METADATA,
    Column("id", Uuid, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=CREATED),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    PrimaryKeyConstraint("id", name="intent_workflows_pk"),
    CheckConstraint(one_of("state", GRAPH.states), name="intent_workflows_state_known"),
    CheckConstraint("organization_id <> ''", name="intent_workflows_organization_named"),
    # Room on each page, so that a change of state rewrites no index.
    postgresql_with={"fillfactor": 70},
)

TRANSITIONS = Table(
    "workflow_transitions",
    METADATA,
    Column("sequence", BIGINT, Identity(always=True), nullable=False),
    Column("workflow_id", Uuid, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
    Column("actor", Text),
    Column("request_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    PrimaryKeyConstraint("sequence", name="workflow_transitions_pk"),
    ForeignKeyConstraint(["workflow_id"], ["intent_workflows.id"], name="workflow_transitions_workflow"),
    CheckConstraint(one_of("from_state", GRAPH.states), name="workflow_transitions_from_known"),
    CheckConstraint(one_of("to_state", GRAPH.states), name="workflow_transitions_to_known"),
    Index("workflow_transitions_by_workflow", "workflow_id", "sequence"),
)

PAYLOADS = Table(
    "workflow_payloads",
    METADATA,
    Column("workflow_id", Uuid, nullable=False),
    Column("step", Text, nullable=False),
    # json rather than jsonb: it gives back what it was given, NUL escapes and large numbers included.
    Column("payload", JSON, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("workflow_id", "step", name="workflow_payloads_pk"),
    ForeignKeyConstraint(["workflow_id"], ["intent_workflows.id"], name="workflow_payloads_workflow"),
    CheckConstraint(one_of("step", (step.name for step in STEPS)), name="workflow_payloads_step_known"),
)

APPEND_ONLY = (
    """CREATE OR REPLACE FUNCTION workflow_transitions_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'workflow_transitions is append-only: %% refused', TG_OP
       USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER workflow_transitions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON workflow_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION workflow_transitions_refuse()""",
    # ALWAYS: also for a session that calls itself a replica to get around triggers.
    "ALTER TABLE workflow_transitions ENABLE ALWAYS TRIGGER workflow_transitions_append_only",
)
for statement in APPEND_ONLY:
    event.listen(TRANSITIONS, "after_create", DDL(statement))  # type: ignore[no-untyped-call]


async def create_tables(connection: AsyncConnection) -> None:
    """Creates what is missing, inside the connection's transaction. Safe when all is there, and when several do it."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PREPARE_LOCK_KEY})
    await connection.run_sync(METADATA.create_all)
