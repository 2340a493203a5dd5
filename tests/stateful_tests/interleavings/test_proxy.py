"""Goal: the proxy changes nothing that passes; the scheduler knows which request sent each statement, and which waits.

Method: a real PostgreSQL behind the proxy, asked by the drivers of the engine; then engines whose orders are known.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from engine.provision.database import Database, start_embedded
from engine.provision.service import REFERENCE
from engine.reference.defects import list_defects, read_promise
from engine.reference.variants import WORKFLOWS
from engine.target.target_file import load_target
from onewinner.deployment import mint_tokens
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.verdict import Verdict
from stateful_tests.interleavings import proxy as proxies
from stateful_tests.interleavings.explorer import Exploration, explore, follow
from stateful_tests.interleavings.faulted_schedules import inject, run_faulted, walk_faults
from stateful_tests.interleavings.messages import BACKGROUND, REQUEST, ProtocolState
from stateful_tests.interleavings.pairings import list_pairings
from stateful_tests.interleavings.proxy import Proxy
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.statement_faults import DELAYED, FAULTS
from stateful_tests.interleavings.testbed import LaunchSpec, Testbed, open_testbed

KIND = "advance / advance, same next state"
ENVIRONMENT = {**os.environ, **mint_tokens()}
# Those whose outcome an order decides, and those that write more than the guarded statement; the others have the orders
# of the engine itself, and are compared with ONEWINNER_PROFILE=full.
ORDERED = [each for each in list_defects(WORKFLOWS) if "interleavings" in read_promise(each).levels]
WRITING = ["audit-after-commit", "audit-before-guard", "effects-before-guard"]
REDUCED = list_defects(WORKFLOWS) if os.environ.get("ONEWINNER_PROFILE") == "full" else sorted({*ORDERED, *WRITING})
EXHAUSTIVE = pytest.mark.exhaustive
# One whose requests may wait for each other outside of the database.
KINDS = ("process-local-lock",)
SERIES = [pytest.param(each, marks=() if each in KINDS else EXHAUSTIVE) for each in REDUCED]
# Two processes differ from one only in what a process keeps to itself.
IN_ONE_PROCESS = ("--workers", "1")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with start_embedded() as started:
        yield started


@asynccontextmanager
async def open_proxy(database: Database) -> AsyncIterator[Proxy]:
    proxy = Proxy(database, {"lock_timeout": "1234ms"})
    await proxy.listen()
    try:
        yield proxy
    finally:
        proxy.close()


def test_while_no_request_runs_all_is_background_but_what_a_request_has_begun() -> None:
    proxy = Proxy(Database("127.0.0.1", 1, "", "", ""), {})
    own, begun = ProtocolState(bool), ProtocolState(bool, claim=REQUEST)
    proxy.watch()
    assert [proxy.passes("UPDATE t", each) for each in (own, begun)] == [False, False]
    proxy.is_idle = True
    assert [proxy.passes("UPDATE t", each) for each in (own, begun)] == [True, False]
    proxy.is_idle = False
    assert [proxy.passes("UPDATE t", each) for each in (own, ProtocolState(bool))] == [True, False]
    assert own.claim == BACKGROUND
    assert proxy.unscheduled == Counter({"UPDATE t": 2})


@asynccontextmanager
async def open_engine(database: Database, folder: Path, *arguments: str) -> AsyncIterator[Testbed]:
    target = load_target(REFERENCE, ENVIRONMENT)
    if "process-local-lock" not in arguments:
        arguments = (*arguments, *IN_ONE_PROCESS)
    journal, log = folder / "interleavings-0.jsonl", folder / "service.log"
    spec = LaunchSpec(target, database, journal, log, arguments, environment=ENVIRONMENT)
    async with open_testbed(spec) as testbed:
        yield testbed


def find_pairing(testbed: Testbed, contenders: int = 2) -> Pairing:
    return next(
        pairing
        for pairing in list_pairings(testbed.target, contenders)
        if pairing.state == "CREATED" and pairing.is_race(testbed.target)
    )


async def walk(database: Database, folder: Path, *arguments: str) -> Exploration:
    async with open_engine(database, folder, *arguments) as testbed:
        found = await explore(find_pairing(testbed), testbed.run, schedules_max=500)
        await testbed.read()
    return found


async def walk_twice(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[Exploration, Exploration]:
    """With the reduction, and without it; then each BEGIN is held, too."""
    async with open_engine(database, folder, *arguments) as testbed:
        reduced = await explore(find_pairing(testbed), testbed.run, schedules_max=500)
        monkeypatch.setattr("stateful_tests.interleavings.proxy.is_begin", lambda _: False)
        monkeypatch.setattr("stateful_tests.interleavings.explorer.commute", lambda *_: False)
        every = await explore(find_pairing(testbed), testbed.run, schedules_max=500)
        await testbed.read()
    return reduced, every


def count(found: Exploration) -> Counter[tuple[str, ...]]:
    return Counter(tuple(sorted(trace.answers)) for trace in found.traces)


def test_what_passes_is_the_same_and_sessions_begin_with_the_settings(database: Database) -> None:
    """Prepared statements, COPY, errors, a large result and a cancel, as without a proxy."""

    async def run() -> None:
        async with open_proxy(database) as proxy:
            connection = await asyncpg.connect(proxy.database.url)
            assert await connection.fetchval("SHOW lock_timeout") == "1234ms"
            assert await connection.fetchval("SELECT $1::int + 1", 1) == 2
            assert len(await connection.fetch("SELECT repeat('x', 1000) FROM generate_series(1, 2000)")) == 2000
            await connection.execute("CREATE TEMP TABLE t (a int)")
            await connection.copy_records_to_table("t", records=[(number,) for number in range(1000)])
            assert await connection.fetchval("SELECT count(*) FROM t") == 1000
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetch("SELECT a FROM missing")
            with pytest.raises(TimeoutError):
                await connection.fetch("SELECT pg_sleep(60)", timeout=0.2)
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()

    asyncio.run(run())


def test_a_held_statement_waits_until_it_is_let_go(database: Database) -> None:
    async def run() -> None:
        async with open_proxy(database) as proxy:
            connection = await asyncpg.connect(proxy.database.url)
            proxy.watch()
            asked = asyncio.ensure_future(connection.fetchval("SELECT now()"))
            await proxy.changed.wait(10)
            (held,) = [each for each in proxy.connections if each.protocol.held]
            assert (held.protocol.held, asked.done()) == ("SELECT now()", False)
            held.let_go()
            assert await asked is not None
            proxy.release()
            await connection.close()

    asyncio.run(run())


class BlockingClient:
    """A session whose client sees what happens to it only while it asks something, like a driver that blocks."""

    def __init__(self, database: Database) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection = self.loop.run_until_complete(asyncpg.connect(database.url))

    async def ask(self, sql: str) -> Any:
        return await asyncio.to_thread(self.loop.run_until_complete, self.connection.fetchval(sql))

    async def leave(self) -> None:
        await asyncio.to_thread(self.loop.run_until_complete, self.connection.close())
        self.loop.close()


async def cut(proxy: Proxy, sql: Callable[[str], Awaitable[Any]]) -> None:
    for connection in list(proxy.connections):
        connection.cut()


async def lose_in_a_crash(proxy: Proxy, sql: Callable[[str], Awaitable[Any]]) -> None:
    """What the server loses during a crash of ours, with what it accepted after the crash began."""

    async def crash(upstream: Database) -> tuple[int, int]:
        await end_unasked(proxy, sql)
        return 1, 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proxies, "crash", crash)
        assert await proxy.crash_server() == (1, 2)


async def end_unasked(proxy: Proxy, sql: Callable[[str], Awaitable[Any]]) -> None:
    """No fault of ours: a server error that follows is the service's own."""
    for connection in list(proxy.connections):
        await sql(f"SELECT pg_terminate_backend({connection.protocol.pid})")
        while not connection.is_closed:
            await proxy.changed.wait(10)


@pytest.mark.parametrize(("end", "met"), [(cut, 1), (lose_in_a_crash, 1), (end_unasked, 0)])
def test_the_proxy_knows_when_the_service_meets_a_broken_connection(
    database: Database, end: Callable[[Proxy, Callable[[str], Awaitable[Any]]], Awaitable[None]], met: int
) -> None:
    """A connection that the service closes is no such one."""

    async def run() -> None:
        meetings: list[None] = []
        async with open_proxy(database) as proxy:
            proxy.on_break_met = lambda: meetings.append(None)
            client = await asyncio.to_thread(BlockingClient, proxy.database)
            leaver = await asyncpg.connect(proxy.database.url)
            await leaver.close()
            while len(proxy.connections) > 1:
                await proxy.changed.wait(10)
            other = await asyncpg.connect(database.url)
            await end(proxy, other.fetchval)
            await other.close()
            assert (len(proxy.broken), meetings) == (met, [])
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await client.ask("SELECT 1")
            while proxy.broken:
                await proxy.changed.wait(10)
            assert len(meetings) == met
            await client.leave()

    asyncio.run(run())


def test_the_guarded_write_has_one_winner_in_every_order(database: Database, tmp_path: Path) -> None:
    found = asyncio.run(walk(database, tmp_path))
    assert count(found) == {("conflict", "won"): 2}
    assert found.is_exhausted
    assert judge_all(tmp_path) == {}


@pytest.mark.parametrize(
    "defect",
    [
        "narrow-check-then-act",
        *(pytest.param(each, marks=EXHAUSTIVE) for each in ("subquery-guard", "process-local-lock")),
    ],
)
def test_defects_have_two_winners_in_known_orders(database: Database, tmp_path: Path, defect: str) -> None:
    """Both requests may go to one of two processes: then its lock serialises them, and the trace says so."""
    found = asyncio.run(walk(database, tmp_path, "--defect", defect))
    winners = count(found)
    if defect == "process-local-lock":
        assert found.is_serialised or winners[("won", "won")] == 16
        return
    assert winners == {("conflict", "won"): 2, ("won", "won"): 2}
    assert found.is_exhausted
    assert "one-winner" in judge_all(tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("defect", SERIES)
def test_with_and_without_the_reduction_the_outcomes_are_the_same(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: str
) -> None:
    """All orders, with each BEGIN held, too, have the answers and the failing checks of the reduced ones."""
    needed = read_promise(defect).isolation
    arguments = ["--defect", defect, *(["--isolation", needed.lower().replace(" ", "-")] if needed else [])]
    reduced, every = asyncio.run(walk_twice(database, tmp_path, monkeypatch, *arguments))
    assert reduced.is_exhausted
    assert every.is_exhausted
    if not (reduced.is_serialised or every.is_serialised):
        assert set(count(reduced)) == set(count(every))
        failed = list_failed(tmp_path)
        found, all_found = (
            {check for each in walk.traces for check in failed[each.workflows[0]]} for walk in (reduced, every)
        )
        assert found == all_found
        assert len(reduced.traces) <= len(every.traces)


@pytest.mark.exhaustive
def test_an_order_is_the_same_every_time(database: Database, tmp_path: Path) -> None:
    async def run() -> list[tuple[str, list[str]]]:
        async with open_engine(database, tmp_path, "--defect", "check-then-act") as testbed:
            pairing = find_pairing(testbed)
            traces = [await testbed.run(pairing, follow("ABBBBAAA")) for _ in range(10)]
        return [(trace.order, trace.answers) for trace in traces]

    assert asyncio.run(run()) == [("ABBBBAAA", ["won", "won"])] * 10


def test_a_statement_after_an_answer_belongs_to_no_later_schedule(database: Database, tmp_path: Path) -> None:
    """The scheduler waits for an engine that answers before it commits: no later request gets its statements."""

    async def run() -> list[str]:
        async with open_engine(database, tmp_path, "--defect", "ack-before-commit") as testbed:
            pairing = find_pairing(testbed)
            return [(await run_faulted(testbed, pairing, inject("AABBB", 1, DELAYED))).order for _ in range(20)]

    assert asyncio.run(run()) == ["AABBB"] * 20


def test_a_connection_that_is_always_at_work_is_waited_for_once(database: Database, tmp_path: Path) -> None:
    async def run() -> None:
        async with open_engine(database, tmp_path) as testbed:
            scheduler = testbed.scheduler
            connection = await asyncpg.connect(testbed.proxy.database.url)
            await connection.execute("BEGIN")
            await scheduler.await_quiet()
            (restless,) = scheduler.restless
            assert restless.is_at_work
            trace = await testbed.run(find_pairing(testbed), follow(""))
            assert sorted(trace.answers) == ["conflict", "won"]
            assert scheduler.restless == {restless}
            await connection.execute("ROLLBACK")
            await scheduler.await_quiet()
            assert scheduler.restless == set()
            await connection.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("defect", "check"),
    [
        pytest.param("database-error-as-409", "conflict-truth", marks=EXHAUSTIVE),
        pytest.param("audit-after-commit", "audit", marks=EXHAUSTIVE),
        pytest.param("ack-before-commit", "durability", marks=EXHAUSTIVE),
        ("", ""),
    ],
)
def test_faults_are_explained_unless_the_engine_is_wrong(
    database: Database, tmp_path: Path, defect: str, check: str
) -> None:
    async def run() -> None:
        async with open_engine(database, tmp_path, *(["--defect", defect] if defect else [])) as testbed:
            traces, are_all = await walk_faults(testbed, find_pairing(testbed), kills=2)
            assert are_all
            assert {fault for fault in FAULTS if any(fault in trace.remarks for trace in traces)} == set(FAULTS)
            assert defect or all(trace.is_known for trace in traces)
            await testbed.read()

    asyncio.run(run())
    failed = judge_all(tmp_path)
    assert check in failed if defect else failed == {}, failed


def judge_all(folder: Path) -> dict[str, int]:
    """The checks that failed, with how often."""
    judgement = judge(read_history(folder / "interleavings-0.jsonl"), load_target(REFERENCE, ENVIRONMENT).graph)
    return {each.check: each.findings_total for each in judgement.checks if each.verdict is Verdict.FAIL}


def list_failed(folder: Path) -> dict[str, set[str]]:
    """The checks that failed on each workflow."""
    history = read_history(folder / "interleavings-0.jsonl")
    of_operation = dict(history.operations.select("id", "workflow").iter_rows())
    limits = Limits(findings_max=100_000)
    judgement = judge(history, load_target(REFERENCE, ENVIRONMENT).graph, limits=limits)
    failed: dict[str, set[str]] = {workflow: set() for workflow in of_operation.values()}
    for finding in judgement.findings:
        if finding.verdict is Verdict.FAIL:
            for workflow in {finding.workflow} - {None} or {of_operation[str(id_)] for id_ in finding.operations}:
                failed[str(workflow)].add(finding.check)
    return failed
