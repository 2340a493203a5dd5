"""The guarded write, and how a workflow is created and read: the SQL of the reference engine.

Only an UPDATE that names the expected state moves a workflow, and the same statement writes the row in the trail. So
the database decides a race.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import JSON, ColumnElement, Text, bindparam, cast, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.selectable import CTE

from engine.reference.part_types import Caller, Move, Transition, Workflow
from engine.reference.pool import Pool, Session
from engine.reference.schema import PAYLOADS, TRANSITIONS, WORKFLOWS
from engine.reference.sessions import Statement, open_session
from engine.reference.states import GRAPH

FIELDS = (WORKFLOWS.c.id, WORKFLOWS.c.state, WORKFLOWS.c.created_at, WORKFLOWS.c.updated_at)

OWNED = (WORKFLOWS.c.id == bindparam("workflow_id"), WORKFLOWS.c.organization_id == bindparam("organization_id"))
IN_EXPECTED_STATE = WORKFLOWS.c.state == bindparam("expected")


def write_move(*guards: ColumnElement[bool], beside: Sequence[Callable[[CTE], CTE]] = ()) -> Statement:
    """One statement: the transition where the guards hold, with its row in the trail and what stands `beside` it; or
    nothing.

    `at` is the time after the row was locked, so that times and sequences of a workflow have the same order.
    """
    changed = update(WORKFLOWS).where(*guards)
    changed = changed.values(state=bindparam("next_state"), updated_at=func.clock_timestamp())
    moved = changed.returning(*FIELDS, WORKFLOWS.c.organization_id).cte("moved")
    entry = {
        "workflow_id": moved.c.id,
        "organization_id": moved.c.organization_id,
        "from_state": cast(bindparam("expected"), Text),
        "to_state": moved.c.state,
        "actor": cast(bindparam("actor"), Text),
        "request_id": cast(bindparam("request_id"), Text),
        "at": moved.c.updated_at,
    }
    audited = insert(TRANSITIONS).from_select(list(entry), select(*entry.values()))
    trail = audited.returning(TRANSITIONS.c.sequence).cte("audited")
    answer = select(*(moved.c[field.name] for field in FIELDS), trail.c.sequence).select_from(moved.join(trail, true()))
    return Statement.of(answer.add_cte(*(write(moved) for write in beside)))


def store_payload(moved: CTE) -> CTE:
    """Stores the payload of the step, in place of an earlier attempt's, if the workflow was moved."""
    entry = {
        "workflow_id": moved.c.id,
        "step": cast(bindparam("step"), Text),
        "payload": cast(bindparam("payload"), JSON),
        "request_id": cast(bindparam("request_id"), Text),
        "at": moved.c.updated_at,
    }
    return or_replace(upsert(PAYLOADS).from_select(list(entry), select(*entry.values()))).cte("stored")


def or_replace(stored: Insert) -> Insert:
    """The insert of a payload, which replaces an earlier attempt's."""
    replaced = {name: stored.excluded[name] for name in ("payload", "request_id", "at")}
    return stored.on_conflict_do_update(constraint="workflow_payloads_pk", set_=replaced)


@dataclass(frozen=True)
class Write:
    """A write that makes the move, its row in the trail and its payload in one statement."""

    plain: Statement
    with_payload: Statement

    @classmethod
    def where(cls, *guards: ColumnElement[bool]) -> "Write":
        return cls(write_move(*guards), write_move(*guards, beside=[store_payload]))

    async def run(self, session: Session, move: Move) -> Transition | None:
        """Returns None if the guards do not hold."""
        statement = self.plain if move.payload is None else self.with_payload
        row = await statement.fetch_one(session, **move.values())
        return None if row is None else Transition(previous_state=move.expected, **row)

    async def move(self, pool: Pool, move: Move) -> Transition | None:
        """The same in a session of its own: one round trip."""
        async with open_session(pool) as session:
            return await self.run(session, move)


GUARDED = Write.where(*OWNED, IN_EXPECTED_STATE)
# The guarded write, one statement: None if the workflow is not in the expected state.
move = GUARDED.move
CREATE = Statement.of(
    insert(WORKFLOWS)
    .values(id=bindparam("workflow_id"), organization_id=bindparam("organization_id"), state=bindparam("state"))
    .returning(*FIELDS)
)
READ = Statement.of(select(*FIELDS).where(*OWNED))


async def create_row(pool: Pool, caller: Caller) -> Workflow:
    """Inserts a workflow in the initial state, under a new id."""
    values = {"workflow_id": uuid4(), "organization_id": caller.organization_id, "state": GRAPH.initial}
    async with open_session(pool) as session:
        return Workflow(*await CREATE.fetch_only(session, **values))


async def read_row(pool: Pool, workflow_id: UUID, organization_id: str) -> Workflow | None:
    """The workflow as it is now, in a statement of its own, and so in a snapshot of its own."""
    async with open_session(pool) as session:
        row = await READ.fetch_one(session, workflow_id=workflow_id, organization_id=organization_id)
    return None if row is None else Workflow(*row)
