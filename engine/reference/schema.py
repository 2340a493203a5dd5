"""The tables of the engine, their constraints and triggers, and how they are created.

The column `state` alone tells the state of a workflow. Triggers refuse UPDATE, DELETE and TRUNCATE of the trail from
every session.
"""

from collections.abc import Iterable

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
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

# If two processes prepare one database at once, the second waits for this lock, and then finds all tables.
PREPARE_LOCK_KEY = 7_160_311_909

METADATA = MetaData()


def one_of(column: str, values: Iterable[str]) -> str:
    """The text of a CHECK. The values are names of ours, so quotes suffice."""
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
    # Free space on each page, so that a change of state needs no new index entries.
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
    # json, not jsonb: it returns the text as stored, including NUL escapes and large numbers.
    Column("payload", JSON, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("workflow_id", "step", name="workflow_payloads_pk"),
    ForeignKeyConstraint(["workflow_id"], ["intent_workflows.id"], name="workflow_payloads_workflow"),
    CheckConstraint(one_of("step", (step.name for step in STEPS)), name="workflow_payloads_step_known"),
)

# The answers to requests with an idempotency key; status and answer are null until the transaction commits.
KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("organization_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    PrimaryKeyConstraint("organization_id", "key", name="idempotency_keys_pk"),
)

# The outbox: what is to be sent about a step. A message is sent until the sink has answered.
MESSAGES = Table(
    "workflow_messages",
    METADATA,
    Column("id", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    Column("workflow_id", Uuid, nullable=False),
    Column("step", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("id", name="workflow_messages_pk"),
    ForeignKeyConstraint(["workflow_id"], ["intent_workflows.id"], name="workflow_messages_workflow"),
    Index("workflow_messages_unsent", "at", postgresql_where=text("sent_at IS NULL")),
)

APPEND_ONLY = (
    """CREATE FUNCTION workflow_transitions_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'workflow_transitions is append-only: %% refused', TG_OP
       USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER workflow_transitions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON workflow_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION workflow_transitions_refuse()""",
    # ALWAYS: also in a session with session_replication_role = replica.
    "ALTER TABLE workflow_transitions ENABLE ALWAYS TRIGGER workflow_transitions_append_only",
)
for statement in APPEND_ONLY:
    event.listen(TRANSITIONS, "after_create", DDL(statement))  # type: ignore[no-untyped-call]


async def create_tables(connection: AsyncConnection) -> None:
    """Creates the missing tables in the connection's transaction. Safe to repeat, and in several processes at once."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PREPARE_LOCK_KEY})
    await connection.run_sync(METADATA.create_all)
