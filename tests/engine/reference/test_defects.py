"""Goal: each defect is wrong in its own way, each time, and in no other.

Method: the engine's functions inside of this process on the real database; over HTTP where the mistake is at the edge
or between two processes. What needs a race is raced until it shows, at most RACES_MAX times.
"""

import asyncio
import math
from uuid import UUID

import msgspec
import pytest

from engine.provision.database import Database
from engine.reference import steps, workflows
from engine.reference.api import create_app
from engine.reference.defects import LEVELS, ack_before_commit, list_defects, read_promise, stale_read
from engine.reference.errors import (
    DatabaseLost,
    IllegalTransition,
    TransitionConflict,
    UnknownVariant,
    WorkflowNotFound,
)
from engine.reference.pool import Isolation
from engine.reference.settings import Settings
from engine.reference.states import STEP_BY_NAME
from engine.reference.variants import WORKFLOWS, find_variant
from reports.judge.all_checks import CHECKS
from tests.engine.asking import Answer, open_client, open_clients
from tests.engine.conftest import put
from tests.engine.serving import SECRET, Served, serve, serve_here
from tests.engine.within import (
    ANN,
    GIL,
    count_winners,
    hold,
    kill_the_waiting,
    open_engine,
    prepare_another,
    race,
    show_trail,
)

CONTENDERS = 10
RACES_MAX = 500
DUE = ("ICP_PROCESSING", "ICP_COMPLETED")
ICP = STEP_BY_NAME["icp-generate"]
SEQUENTIAL = [name for name in list_defects(WORKFLOWS) if "sequential" in read_promise(name).levels]


@pytest.mark.parametrize("name", list_defects())
def test_each_says_what_is_wrong_what_is_noticed_and_what_is_promised(name: str) -> None:
    description = " ".join((find_variant("defect", name).__doc__ or "").split())
    assert "The mistake: " in description
    assert "A user would notice" in description
    promise = read_promise(name)
    assert {promise.check, *promise.beside} <= set(CHECKS)
    assert promise.check not in promise.beside
    assert set(promise.elsewhere) <= set(promise.levels)
    assert set(promise.elsewhere.values()) <= set(promise.beside)
    assert promise.levels
    assert list(promise.levels) == [level for level in LEVELS if level in promise.levels]


def test_an_unknown_one_is_a_sentence_that_names_the_known() -> None:
    with pytest.raises(UnknownVariant, match=r"no defect 'nope'; the defects are: .*check-then-act"):
        create_app(Settings("postgresql://unused", SECRET, defect="nope"))


@pytest.mark.parametrize("name", [name for name in list_defects(WORKFLOWS) if name not in SEQUENTIAL])
def test_one_request_at_a_time_shows_no_mistake(database: Database, name: str) -> None:
    """One request at a time, as in a demonstration: created, moved with an idempotency key and moved again with it,
    claimed, completed, cancelled, read back.
    """

    async def run() -> None:
        # One connection to the database: deferred work is done before the next request.
        async with serve_here(database.url, defect=name, pool_size=1) as served, open_client(served) as client:
            workflow = await client.create()
            body, key = {"expectedState": "CREATED", "nextState": "ICP_PENDING"}, [("Idempotency-Key", workflow)]
            first, again = [await client.ask("POST", f"/{workflow}/advance", body, headers=key) for _ in range(2)]
            assert (first.status, again.status, again.content) == (200, 200, first.content)
            assert (await client.ask("POST", f"/{workflow}/steps/icp-generate", {"a": 1})).status == 200
            assert (await client.ask("GET", f"/{workflow}/steps/icp-generate")).body["payload"] == {"a": 1}
            assert (await client.ask("POST", f"/{workflow}/steps/icp-generate/complete")).status == 200
            assert (await client.ask("POST", f"/{workflow}/cancel")).status == 200
            assert (await client.ask("POST", f"/{workflow}/cancel")).status == 409
            assert len((await client.ask("GET", f"/{workflow}/transitions")).body["transitions"]) == 4

    asyncio.run(run())


@pytest.mark.parametrize("name", ["check-then-act", "narrow-check-then-act", "subquery-guard"])
def test_a_race_has_two_winners_sooner_or_later(database: Database, name: str) -> None:
    """And the trail has a row of each."""

    async def run() -> None:
        async with open_engine(database.url, defect=name, size=CONTENDERS) as engine:
            for workflow in await put_ids(database, [DUE[0]] * RACES_MAX):
                winners = count_winners(await race(engine, workflow, *DUE, CONTENDERS))
                assert await show_trail(engine, workflow) == [DUE] * winners
                if winners > 1:
                    return
        pytest.fail(f"no violation in {RACES_MAX} races")

    asyncio.run(run())


def test_process_local_lock_is_right_in_one_process_and_wrong_in_two(database: Database) -> None:
    async def within_one() -> list[int]:
        async with open_engine(database.url, defect="process-local-lock", size=CONTENDERS) as engine:
            workflows = await put_ids(database, [DUE[0]] * 20)
            return [count_winners(await race(engine, workflow, *DUE, CONTENDERS)) for workflow in workflows]

    async def between_two(served: Served) -> int:
        async with open_clients(served, 2 * CONTENDERS) as clients:
            for number, workflow in enumerate(await put(database.url, [DUE[0]] * RACES_MAX)):
                answers = await asyncio.gather(*(client.advance(workflow, *DUE) for client in clients))
                if sum(answer.status == 200 for answer in answers) > 1:
                    return number
        return RACES_MAX

    assert asyncio.run(within_one()) == [1] * 20
    with serve(database.url, defect="process-local-lock") as served:
        assert asyncio.run(between_two(served)) < RACES_MAX


@pytest.mark.parametrize(
    ("name", "state", "asked", "trail"),
    [
        # The stale request wins.
        ("no-state-guard", "ICP_FAILED", ("ICP_PENDING", "ICP_PROCESSING"), [("ICP_PENDING", "ICP_PROCESSING")]),
        # The answer says that it won, and nothing has happened.
        ("ignored-row-count", "ICP_FAILED", ("ICP_PENDING", "ICP_PROCESSING"), []),
        # It is applied to the state that was found, if the graph has that edge.
        ("retry-on-conflict", "ICP_FAILED", ("ICP_PENDING", "ICP_PROCESSING"), [("ICP_FAILED", "ICP_PROCESSING")]),
        ("extra-edge", "ICP_PENDING", ("ICP_PENDING", "CREATED"), [("ICP_PENDING", "CREATED")]),
    ],
)
def test_what_must_be_refused_is_told_that_it_won(
    database: Database, name: str, state: str, asked: tuple[str, str], trail: list[tuple[str, str]]
) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect=name) as engine:
            (workflow,) = await put_ids(database, [state])
            assert (await workflows.advance(engine, ANN, workflow, *asked)).state == asked[1]
            assert await show_trail(engine, workflow) == trail

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "after", "trail"),
    [
        ("conflict-but-applied", "ICP_PROCESSING", [("ICP_PENDING", "ICP_PROCESSING")]),
        ("audit-before-guard", "ICP_COMPLETED", [("ICP_PENDING", "ICP_PROCESSING")]),
    ],
)
def test_what_was_refused_leaves_a_trace(
    database: Database, name: str, after: str, trail: list[tuple[str, str]]
) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect=name) as engine:
            (workflow,) = await put_ids(database, ["ICP_COMPLETED"])
            with pytest.raises(TransitionConflict):
                await workflows.advance(engine, ANN, workflow, "ICP_PENDING", "ICP_PROCESSING")
            assert (await workflows.read(engine, ANN, workflow)).state == after
            assert await show_trail(engine, workflow) == trail

    asyncio.run(run())


def test_no_tenant_guard_lets_strangers_write_and_not_read(database: Database) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect="no-tenant-guard") as engine:
            (workflow,) = await put_ids(database, [DUE[0]])
            assert (await workflows.advance(engine, GIL, workflow, *DUE)).state == DUE[1]
            with pytest.raises(WorkflowNotFound):
                await workflows.read(engine, GIL, workflow)

    asyncio.run(run())


def test_effects_before_guard_keeps_the_losers_payload(database: Database) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect="effects-before-guard") as engine:
            (workflow,) = await put_ids(database, [ICP.pending])
            await steps.perform(engine, ANN, workflow, ICP, '"the winner"')
            with pytest.raises(TransitionConflict):
                await steps.perform(engine, ANN, workflow, ICP, '"the loser"')
            assert (await steps.read_step(engine, ANN, workflow, ICP)).payload == msgspec.Raw(b'"the loser"')

    asyncio.run(run())


def test_missing_edge_refuses_the_retry(database: Database) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect="missing-edge") as engine:
            (workflow,) = await put_ids(database, ["ICP_FAILED"])
            with pytest.raises(IllegalTransition):
                await workflows.advance(engine, ANN, workflow, "ICP_FAILED", "ICP_PROCESSING")

    asyncio.run(run())


def test_cancel_ignores_terminal_cancels_what_is_over(database: Database) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect="cancel-ignores-terminal") as engine:
            for workflow in await put_ids(database, ["COMPLETED", "CANCELLED"]):
                assert (await workflows.cancel(engine, ANN, workflow)).state == "CANCELLED"

    asyncio.run(run())


def test_stale_read_shows_what_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_read, "KEPT_S", math.inf)

    async def run() -> None:
        async with open_engine(database.url, defect="stale-read") as engine:
            (workflow,) = await put_ids(database, [DUE[0]])
            assert (await workflows.read(engine, ANN, workflow)).state == DUE[0]
            assert (await workflows.advance(engine, ANN, workflow, *DUE)).state == DUE[1]
            assert (await workflows.read(engine, ANN, workflow)).state == DUE[0]

    asyncio.run(run())


def test_phantom_column_drifts(database: Database) -> None:
    async def run() -> None:
        url = await prepare_another(database, "phantom", defect="phantom-column", control=None)
        async with open_engine(url, defect="phantom-column", size=1) as engine:
            workflow = (await workflows.create(engine, ANN)).id
            await workflows.advance(engine, ANN, workflow, "CREATED", ICP.pending)
            await steps.perform(engine, ANN, workflow, ICP, "{}")
            await workflows.cancel(engine, ANN, workflow)
            session = await engine.pool.take()
            row = await session.fetchrow("SELECT state, current_step FROM intent_workflows WHERE id = $1", workflow)
            engine.pool.give(session)
            assert row is not None
            assert tuple(row) == ("CANCELLED", ICP.name)

    asyncio.run(run())


def test_audit_after_commit_loses_the_row_when_the_connection_is_lost(database: Database) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect="audit-after-commit") as engine:
            (workflow,) = await put_ids(database, [DUE[0]])
            async with hold(database.url, "LOCK TABLE workflow_transitions IN SHARE MODE") as holder:
                moving = asyncio.create_task(workflows.advance(engine, ANN, workflow, *DUE))
                await kill_the_waiting(holder)
                with pytest.raises(DatabaseLost):
                    await moving
            assert (await workflows.read(engine, ANN, workflow)).state == DUE[1]
            assert await show_trail(engine, workflow) == []

    asyncio.run(run())


def test_database_error_as_409_tells_a_conflict_where_nothing_had_moved(database: Database) -> None:
    async def run() -> None:
        async with open_engine(database.url, defect="database-error-as-409") as engine:
            (workflow,) = await put_ids(database, [DUE[0]])
            lock = "SELECT FROM intent_workflows WHERE id = $1 FOR UPDATE"
            async with hold(database.url, lock, workflow) as holder:
                moving = asyncio.create_task(workflows.advance(engine, ANN, workflow, *DUE))
                await kill_the_waiting(holder)
                with pytest.raises(TransitionConflict) as told:
                    await moving
            assert told.value.current == told.value.expected == DUE[0]

    asyncio.run(run())


def test_ack_before_commit_loses_what_it_acknowledged(database: Database) -> None:
    """The connection dies with the process, right after the answer."""

    async def run() -> None:
        async with open_engine(database.url, defect="ack-before-commit", size=1) as engine:
            (workflow,) = await put_ids(database, [DUE[0]])
            session = await engine.pool.take()
            engine.pool.give(session)
            moved = await workflows.advance(engine, ANN, workflow, *DUE)
            session.terminate()
            await asyncio.gather(*ack_before_commit.COMMITS, return_exceptions=True)
            assert moved.state == DUE[1]
            assert (await workflows.read(engine, ANN, workflow)).state == DUE[0]
            assert await show_trail(engine, workflow) == []

    asyncio.run(run())


def test_conflict_as_500(database: Database) -> None:
    (answer,) = ask_over_http(database, "conflict-as-500", "ICP_FAILED", ("ICP_PENDING", "ICP_PROCESSING"))
    assert answer.status == 500


def test_lying_conflict_tells_what_it_was_told(database: Database) -> None:
    (answer,) = ask_over_http(database, "lying-conflict", "ICP_COMPLETED", ("ICP_PENDING", "ICP_PROCESSING"))
    assert (answer.status, answer.body["currentState"]) == (409, "ICP_PENDING")


def test_serialization_failure_as_500_at_repeatable_read(database: Database) -> None:
    """Sooner or later a loser meets SQLSTATE 40001; there is one winner all the same."""
    level = read_promise("serialization-failure-as-500").isolation
    assert level is Isolation.REPEATABLE_READ

    async def run(served: Served) -> None:
        async with open_clients(served, CONTENDERS) as clients:
            for workflow in await put(database.url, [DUE[0]] * RACES_MAX):
                answers = await asyncio.gather(*(client.advance(workflow, *DUE) for client in clients))
                statuses = [answer.status for answer in answers]
                assert statuses.count(200) == 1
                if 500 in statuses:
                    return
        pytest.fail(f"no server error in {RACES_MAX} races")

    with serve(database.url, defect="serialization-failure-as-500", isolation=level) as served:
        asyncio.run(run(served))


def ask_over_http(database: Database, name: str, state: str, *asked: tuple[str, str]) -> list[Answer]:
    """The answers of a broken engine to some advances of a workflow in this state."""

    async def run() -> list[Answer]:
        (workflow,) = await put(database.url, [state])
        async with serve_here(database.url, defect=name) as served, open_client(served) as client:
            return [await client.advance(workflow, *edge) for edge in asked]

    return asyncio.run(run())


async def put_ids(database: Database, states: list[str]) -> list[UUID]:
    return [UUID(workflow) for workflow in await put(database.url, states)]
