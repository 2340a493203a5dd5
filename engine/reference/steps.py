"""The nine steps: claims or finishes a step with its payload, completes it, fails it, reads it.

The statement that makes the transition also writes the payload, so a loser leaves no trace.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import Text, and_, bindparam, cast, func, literal_column, select

from engine.reference.bodies import Body, StateName
from engine.reference.errors import StepNotFound, StepNotReached
from engine.reference.guarded_write import OWNED
from engine.reference.part_types import Caller, Engine, Payload, Transition
from engine.reference.schema import PAYLOADS, TRANSITIONS, WORKFLOWS
from engine.reference.sessions import Statement
from engine.reference.states import CANCELLED, COMPLETED, STEP_BY_NAME, STEPS, Kind, Step
from engine.reference.workflows import fetch_owned, move_from

NUMBER_BY_STATE = {state: step.number for step in STEPS for state in step.states} | {COMPLETED: len(STEPS) + 1}


class StepAnswer(Body, frozen=True):
    """A step that the workflow has reached, with the payload that it was last given; null if it was given none."""

    id: UUID
    step: str
    state: StateName
    payload: msgspec.Raw


class PayloadAnswer(Body, frozen=True):
    """The payload that a step was last given."""

    step: str
    payload: msgspec.Raw


class PayloadsAnswer(Body, frozen=True):
    """Everything that is stored of the steps of a workflow."""

    steps: list[PayloadAnswer]


def find_step(name: str) -> Step:
    """The step of a route name. Raises StepNotFound."""
    if name not in STEP_BY_NAME:
        raise StepNotFound
    return STEP_BY_NAME[name]


async def perform(engine: Engine, caller: Caller, workflow_id: UUID, step: Step, content: str) -> Transition:
    """Claims a work step (PENDING or FAILED -> PROCESSING) or finishes a review step, and stores its payload.

    Raises WorkflowNotFound, TransitionConflict, Contended or DatabaseLost.
    """
    work = step.kind is Kind.WORK
    expected = (step.pending, step.failed) if work else (step.pending,)
    next_state = step.processing if work else step.completed
    payload = Payload(step.name, content)
    return await move_from(engine, caller, workflow_id, expected, next_state, payload=payload)


async def leave_processing(
    engine: Engine, caller: Caller, workflow_id: UUID, step: Step, next_state: str
) -> Transition:
    """PROCESSING -> COMPLETED or FAILED. Raises StepNotFound for a review step; else as perform."""
    if step.kind is Kind.REVIEW:
        raise StepNotFound
    return await move_from(engine, caller, workflow_id, (step.processing,), next_state)


async def read_step(engine: Engine, caller: Caller, workflow_id: UUID, step: Step) -> StepAnswer:
    """The step with its stored payload. Raises WorkflowNotFound, or StepNotReached before its PENDING."""
    [(state, payload, trail)] = await fetch_owned(engine, caller, workflow_id, READ_STEP, step=step.name)
    if not has_reached(step, state, trail or ()):
        raise StepNotReached(workflow_id, state)
    return StepAnswer(workflow_id, step.name, state, msgspec.Raw(payload or "null"))


async def read_payloads(engine: Engine, caller: Caller, workflow_id: UUID) -> PayloadsAnswer:
    """What is stored of the workflow's steps, sorted by name. Raises WorkflowNotFound.

    It shows all of it, also for a step that the workflow has not reached, where nothing may be stored.
    """
    rows = await fetch_owned(engine, caller, workflow_id, READ_PAYLOADS)
    return PayloadsAnswer([PayloadAnswer(step, msgspec.Raw(payload)) for step, payload in rows if step is not None])


def has_reached(step: Step, state: str, trail: Sequence[str]) -> bool:
    """Whether a workflow in this state has reached the step. For a cancelled one, its trail decides."""
    seen = trail if state == CANCELLED else (state,)
    return any(NUMBER_BY_STATE.get(one, 0) >= step.number for one in seen)


def select_step() -> Statement:
    """Selects the state, the payload, and for a cancelled workflow the states that it left: in one snapshot."""
    left = select(func.array_agg(TRANSITIONS.c.from_state)).where(TRANSITIONS.c.workflow_id == WORKFLOWS.c.id)
    left = left.where(WORKFLOWS.c.state == literal_column(f"'{CANCELLED}'"))
    stored = and_(PAYLOADS.c.workflow_id == WORKFLOWS.c.id, PAYLOADS.c.step == bindparam("step"))
    joined = WORKFLOWS.outerjoin(PAYLOADS, stored)
    columns = (WORKFLOWS.c.state, cast(PAYLOADS.c.payload, Text), left.scalar_subquery())
    return Statement.of(select(*columns).select_from(joined).where(*OWNED))


READ_STEP = select_step()
# A join from the workflow: if it returns no row, the workflow does not exist.
READ_PAYLOADS = Statement.of(
    select(PAYLOADS.c.step, cast(PAYLOADS.c.payload, Text))
    .select_from(WORKFLOWS.outerjoin(PAYLOADS, PAYLOADS.c.workflow_id == WORKFLOWS.c.id))
    .where(*OWNED)
    .order_by(PAYLOADS.c.step)
)
