"""Goal: the trail is read back whole and in order, or not at all. Method: the functions, on a real database."""

import asyncio

import pytest

from engine.provision.database import Database
from engine.reference.audit import read_trail
from engine.reference.errors import TransitionConflict, WorkflowNotFound
from engine.reference.part_types import Caller, Engine
from engine.reference.pool import Isolation
from engine.reference.reference_parts import REFERENCE
from engine.reference.sessions import open_pool
from engine.reference.workflows import advance, cancel, create

ANN = Caller("acme", "ann", "r-ann")
BOB = Caller("acme", None, "r-bob")


def test_who_moved_it_from_where_to_where(database: Database) -> None:
    async def run() -> None:
        async with open_pool(database.url, Isolation.READ_COMMITTED, 2) as pool:
            engine = Engine(REFERENCE, pool)
            workflow = (await create(engine, ANN)).id
            assert (await read_trail(engine, ANN, workflow)).transitions == []
            first = await advance(engine, ANN, workflow, "CREATED", "ICP_PENDING")
            with pytest.raises(TransitionConflict):
                await advance(engine, BOB, workflow, "CREATED", "ICP_PENDING")
            second = await cancel(engine, BOB, workflow)
            trail = (await read_trail(engine, ANN, workflow)).transitions
            assert [(one.from_state, one.to_state) for one in trail] == [
                ("CREATED", "ICP_PENDING"),
                ("ICP_PENDING", "CANCELLED"),
            ]
            assert [(one.actor, one.request_id) for one in trail] == [("ann", "r-ann"), (None, "r-bob")]
            assert [(one.sequence, one.at) for one in trail] == [
                (one.sequence, one.updated_at) for one in (first, second)
            ]
            with pytest.raises(WorkflowNotFound):
                await read_trail(engine, Caller("globex", "ann", "r"), workflow)

    asyncio.run(run())
