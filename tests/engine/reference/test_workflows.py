"""Goal: "no row" gets the right name, in every case of what happens between the write and the read.

Method: the parts that talk to the database are replaced by scripts, so that each interleaving can be told.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from engine.reference.errors import (
    Contended,
    DatabaseLost,
    EngineError,
    IllegalTransition,
    SerializationFailure,
    TransitionConflict,
    UnknownState,
    WorkflowNotFound,
)
from engine.reference.part_types import Caller, Engine, Move, Transition, Workflow
from engine.reference.pool import Pool
from engine.reference.reference_parts import REFERENCE
from engine.reference.workflows import advance, cancel, move_from

NOW = datetime(2024, 1, 1, tzinfo=UTC)
CALLER = Caller("acme", "ann", "r-1")
WORKFLOW = uuid4()
ROLLED_BACK = SerializationFailure()


def script(moves: Iterable[bool | EngineError], reads: Iterable[str | EngineError | None]) -> tuple[Engine, list[str]]:
    """An engine whose writes win, lose or fail in this order, and whose reads see these states; and what was tried."""
    tried: list[str] = []
    coming_moves, coming_reads = iter(moves), iter(reads)

    async def move(pool: Pool, move: Move) -> Transition | None:
        tried.append(move.expected)
        outcome = next(coming_moves)
        if isinstance(outcome, EngineError):
            raise outcome
        return Transition(move.workflow_id, move.next_state, move.expected, NOW, NOW, 1) if outcome else None

    async def read_row(pool: Pool, workflow_id: UUID, organization_id: str) -> Workflow | None:
        seen = next(coming_reads)
        if isinstance(seen, EngineError):
            raise seen
        return None if seen is None else Workflow(workflow_id, seen, NOW, NOW)

    parts = replace(REFERENCE, move=move, reread=read_row, read=read_row)
    return Engine(parts, cast("Any", None), attempts_max=3), tried


def test_a_win_is_one_write_and_no_read() -> None:
    engine, tried = script([True], [])
    moved = asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))
    assert (moved.previous_state, moved.state, tried) == ("CREATED", "ICP_PENDING", ["CREATED"])


def test_no_row_is_a_conflict_with_the_state_that_was_seen() -> None:
    engine, _ = script([False], ["CANCELLED"])
    with pytest.raises(TransitionConflict) as caught:
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))
    assert (caught.value.current, caught.value.expected, caught.value.attempted) == (
        "CANCELLED",
        "CREATED",
        "ICP_PENDING",
    )


def test_no_row_and_nothing_there_is_not_found() -> None:
    for expected, next_state in [("CREATED", "ICP_PENDING"), ("CREATED", "COMPLETED")]:
        engine, _ = script([False], [None])
        with pytest.raises(WorkflowNotFound):
            asyncio.run(advance(engine, CALLER, WORKFLOW, expected, next_state))


def test_an_illegal_edge_never_reaches_the_write() -> None:
    engine, tried = script([], ["ICP_FAILED"])
    with pytest.raises(IllegalTransition) as caught:
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "COMPLETED"))
    assert (caught.value.current, tried) == ("ICP_FAILED", [])
    with pytest.raises(UnknownState):
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "NOWHERE"))


@pytest.mark.parametrize("first", [ROLLED_BACK, False], ids=["rolled back", "came back"])
def test_still_or_again_expected_is_tried_again(first: bool | EngineError) -> None:
    """A write that was rolled back says nothing; one that found another state may see the expected one return."""
    engine, tried = script([first, True], ["ICP_FAILED"])
    moved = asyncio.run(advance(engine, CALLER, WORKFLOW, "ICP_FAILED", "ICP_PROCESSING"))
    assert (moved.previous_state, tried) == ("ICP_FAILED", ["ICP_FAILED"] * 2)


def test_rolled_back_for_a_winner_is_a_conflict() -> None:
    engine, _ = script([ROLLED_BACK], ["ICP_PENDING"])
    with pytest.raises(TransitionConflict) as caught:
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))
    assert caught.value.current == "ICP_PENDING"


def test_attempts_are_bounded_and_end_in_contended_not_in_a_conflict() -> None:
    for outcome in (ROLLED_BACK, False):
        engine, tried = script([outcome] * 3, ["CREATED"] * 3)
        with pytest.raises(Contended):
            asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))
        assert len(tried) == 3


def test_a_read_that_is_rolled_back_is_read_again() -> None:
    engine, _ = script([False], [ROLLED_BACK, ROLLED_BACK, "CANCELLED"])
    with pytest.raises(TransitionConflict):
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))
    engine, _ = script([False], [ROLLED_BACK] * 3)
    with pytest.raises(Contended):
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))


def test_a_lost_database_is_neither_a_conflict_nor_tried_again() -> None:
    engine, tried = script([DatabaseLost()], [])
    with pytest.raises(DatabaseLost):
        asyncio.run(advance(engine, CALLER, WORKFLOW, "CREATED", "ICP_PENDING"))
    assert tried == ["CREATED"]


def test_a_claim_follows_the_workflow_from_one_expected_state_to_the_other() -> None:
    """PENDING is tried first; it was claimed and failed meanwhile, which is expected as well."""
    engine, tried = script([False, True], ["ICP_FAILED"])
    expected = ("ICP_PENDING", "ICP_FAILED")
    moved = asyncio.run(move_from(engine, CALLER, WORKFLOW, expected, "ICP_PROCESSING"))
    assert (moved.previous_state, tried) == ("ICP_FAILED", ["ICP_PENDING", "ICP_FAILED"])


def test_a_cancel_writes_the_state_that_it_saw() -> None:
    engine, tried = script([False, True], ["ICP_PENDING", "ICP_PROCESSING"])
    moved = asyncio.run(cancel(engine, CALLER, WORKFLOW))
    assert (moved.previous_state, tried) == ("ICP_PROCESSING", ["ICP_PENDING", "ICP_PROCESSING"])


@pytest.mark.parametrize("reads", [["COMPLETED"], ["PUBLISH_COMPLETED", "COMPLETED"]])
def test_a_cancel_of_a_terminal_workflow_is_illegal(reads: list[str]) -> None:
    engine, _ = script([False], reads)
    with pytest.raises(IllegalTransition) as caught:
        asyncio.run(cancel(engine, CALLER, WORKFLOW))
    assert (caught.value.current, caught.value.expected, caught.value.attempted) == ("COMPLETED", None, "CANCELLED")
