"""Optimistic locking: reads state and version together, and writes only if the version is still the same.

Right, because one guarded statement raises the version, in the transaction that writes the state. The column is in a
table of its own, because the workflow table may have only its designed columns. A workflow that never moved has no row
there, and version 0.
"""

from dataclasses import replace

from engine.reference.part_types import Move, Transition
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_transaction
from engine.reference.split_write import UNGUARDED
from engine.reference.variant_tables import Addition

TABLE = Addition(
    "TABLE workflow_versions",
    """CREATE TABLE IF NOT EXISTS workflow_versions (
    workflow_id uuid CONSTRAINT workflow_versions_pk PRIMARY KEY
        CONSTRAINT workflow_versions_workflow REFERENCES intent_workflows,
    version bigint NOT NULL)""",
)
SEE = """SELECT state, coalesce(version, 0) AS version
    FROM intent_workflows LEFT JOIN workflow_versions ON workflow_id = id WHERE id = $1 AND organization_id = $2"""
# An existing row must have the version that was read; otherwise the statement writes and returns nothing.
RAISE = """INSERT INTO workflow_versions AS held (workflow_id, version) VALUES ($1, $2 + 1)
    ON CONFLICT (workflow_id) DO UPDATE SET version = excluded.version WHERE held.version = excluded.version - 1
    RETURNING version"""


async def move(pool: Pool, move: Move) -> Transition | None:
    """Reads, compares, raises the version, writes: one transaction."""
    async with open_transaction(pool) as session:
        seen = await session.fetchrow(SEE, move.workflow_id, move.caller.organization_id)
        if seen is None or seen["state"] != move.expected:
            return None
        if await session.fetchrow(RAISE, move.workflow_id, seen["version"]) is None:
            return None
        return await UNGUARDED.run(session, move)


PARTS = replace(REFERENCE, move=move, additions=(TABLE,))
