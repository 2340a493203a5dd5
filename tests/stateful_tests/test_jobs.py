"""Goal: background work of a service hides no order; requests on two workflows wait for what these share, or fail; a
service that ends under a fault is started again.

Method: a service in the way of others, right about races, behind the proxy, on a real PostgreSQL.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from engine.provision.database import Database, start_embedded
from engine.target.target_file import load_target
from reports.history import events
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.levels.race_file_format import RACE_FORMAT, Race, RaceRequest
from reports.judge.levels.schedules import read_schedules
from reports.judge.verdict import Verdict
from stateful_tests.interleavings.explorer import LATE_S, SOON_S, explore, explore_apart, stop_after
from stateful_tests.interleavings.faulted_schedules import inject_one, walk_faults
from stateful_tests.interleavings.fresh_workflows import StateNotReachedError
from stateful_tests.interleavings.level import pick_action, read_pairing
from stateful_tests.interleavings.pairings import list_apart, list_pairings
from stateful_tests.interleavings.schedule import GIVEN_UP, Trace, Wait
from stateful_tests.interleavings.schedule_replay import Follower
from stateful_tests.interleavings.statement_faults import FAULTS
from stateful_tests.interleavings.statements import is_end
from stateful_tests.interleavings.testbed import LaunchSpec, Testbed, open_testbed
from stateful_tests.interleavings.timed_pairings import list_timed_pairings
from stateful_tests.interleavings.warming import warm
from tests.stateful_tests import jobs_service

SERVICE = Path(jobs_service.__file__)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with start_embedded() as started:
        yield started


@asynccontextmanager
async def open_jobs(database: Database, folder: Path, *traits: str, service: str = "") -> AsyncIterator[Testbed]:
    file = folder / "jobs.toml"
    command = json.dumps([sys.executable, str(SERVICE), "{port}", "{database_url}", *traits])
    text = jobs_service.TARGET.replace("COMMAND", command).replace("[service]", f"[service]\n{service}")
    if "sessions" in traits:
        text = text.replace('X-Tenant = "acme"', 'X-Tenant = "acme", Authorization = "{session}"') + jobs_service.LOGIN
    file.write_text(text + (jobs_service.LAPSE if "lapse" in traits else ""))
    order = LaunchSpec(
        load_target(file, os.environ), database, folder / "interleavings-0.jsonl", folder / "service.log"
    )
    async with open_testbed(order) as testbed:
        yield testbed


def judge_all(folder: Path) -> set[str]:
    """The checks that failed."""
    graph = load_target(folder / "jobs.toml", os.environ).graph
    judgement = judge(read_history(folder / "interleavings-0.jsonl"), graph)
    return {each.check for each in judgement.checks if each.verdict is Verdict.FAIL}


def test_a_text_of_the_background_is_held_where_a_request_sends_it(database: Database, tmp_path: Path) -> None:
    """Its worker commits all the time: with the same words, on the connections that requests use too."""

    async def run() -> None:
        async with open_jobs(database, tmp_path, "busy") as testbed:
            assert any(is_end(sql) for sql in testbed.proxy.background)
            pairing = list_pairings(testbed.target)[0]
            await warm(testbed, [pairing])
            assert not testbed.proxy.asked
            found = await explore(pairing, testbed.run, schedules_max=100)
            assert found.is_exhausted
            for trace in found.traces:
                ends = [step for step in trace.steps if is_end(step.sql)]
                assert sorted(trace.answers) == ["conflict", "won"]
                assert [step.task for step in ends] == sorted([0, 1], key=lambda task: trace.answers[task] != "won")
            assert any(is_end(sql) and passed for sql, passed in testbed.proxy.unscheduled.items())
            assert any(sql.startswith("NOTIFY") and passed for sql, passed in testbed.proxy.unscheduled.items())
            await testbed.read()

    asyncio.run(run())
    assert judge_all(tmp_path) == set()


@pytest.mark.parametrize(
    ("traits", "checks"),
    [((), set()), (("shared",), set()), (("shared", "nowait"), {"conflict-truth", "linearizable"})],
)
def test_what_two_workflows_share_is_waited_for_or_found(
    database: Database, tmp_path: Path, traits: tuple[str, ...], checks: set[str]
) -> None:
    async def run() -> set[str]:
        remarks: set[str] = set()
        async with open_jobs(database, tmp_path, *traits) as testbed:
            for pairing in list_apart(testbed.target, 3):
                found = await explore_apart(pairing, testbed.run, times=1)
                assert found.is_exhausted
                assert all(len(set(trace.workflows)) == 2 for trace in found.traces)
                assert checks or all(trace.answers == ["won", "won"] for trace in found.traces)
                remarks |= {remark for trace in found.traces for remark in trace.remarks}
            await testbed.read()
        return remarks

    remarks = asyncio.run(run())
    assert ("waited" in remarks) is (traits == ("shared",))
    assert judge_all(tmp_path) == checks


@pytest.mark.parametrize(
    ("names", "lead", "stop", "wrong"),
    [(("DONE", "DONE"), 0, 1, "hasty"), (("FILED", "DROPPED"), 1, 1, "blind")],
    ids=["sent after the moment", "stopped before it"],
)
def test_requests_meet_the_moment_at_which_a_job_lapses(
    database: Database, tmp_path: Path, names: tuple[str, str], lead: int, stop: int, wrong: str
) -> None:
    """One has seen that the job is, or is not, lapsed; then the other runs to its end, behind the moment."""

    async def run(folder: Path, *traits: str) -> Trace:
        async with open_jobs(database, folder, "lapse", *traits) as testbed:
            pairings = list_timed_pairings(testbed.target, 100.0)
            pairing = next(each for each in pairings if tuple(call.to for call in each.calls) == names)
            assert pairing.wait == Wait(1.0)
            wait = Wait(1.0 + (LATE_S if lead else SOON_S), lead)
            trace = await testbed.run(replace(pairing, wait=wait), stop_after(0, stop)())
            assert trace.is_known
            testbed.record(trace, 0)
            await testbed.read()
            if traits:
                await replay(testbed, trace)
        return trace

    async def replay(testbed: Testbed, trace: Trace) -> None:
        """As a race file keeps it."""
        [schedule] = read_schedules(read_history(testbed.asker.journal.path))
        calls = zip("AB", trace.pairing.calls, strict=True)
        requests = tuple(RaceRequest(name, **pick_action(call)) for name, call in calls)
        race = Race(RACE_FORMAT, "", "", "DONE", requests, schedule.order, (), steps=schedule.steps)
        race = structs.replace(race, wait_s=schedule.wait_s, lead=schedule.lead)
        pairing, follower = read_pairing(race), Follower.of(race)
        assert pairing.wait == trace.pairing.wait
        again = await testbed.run(pairing, follower)
        assert (again.order, again.answers, follower.has_left) == (trace.order, trace.answers, False)

    for name in ("right", "wrong"):
        (tmp_path / name).mkdir()
    trace = asyncio.run(run(tmp_path / "right"))
    assert "won" in trace.answers
    assert judge_all(tmp_path / "right") == set()
    assert asyncio.run(run(tmp_path / "wrong", wrong)).answers == ["won", "won"]
    assert "linearizable" in judge_all(tmp_path / "wrong")


def test_a_service_that_waits_no_longer_is_not_accused(database: Database, tmp_path: Path) -> None:
    async def run() -> Trace:
        async with open_jobs(database, tmp_path, "lapse", "curt") as testbed:
            pairings = list_timed_pairings(testbed.target, 100.0)
            pairing = next(each for each in pairings if each.calls[0].to == "FILED")
            trace = await testbed.run(replace(pairing, wait=Wait(1.0 + LATE_S, 1)), stop_after(0, 1)())
            await testbed.read()
        return trace

    trace = asyncio.run(run())
    assert trace.answers[0] == "unknown"
    assert GIVEN_UP in trace.remarks
    [fault] = read_history(tmp_path / "interleavings-0.jsonl").having(events.Fault)
    assert (fault.what, fault.workflow) == (GIVEN_UP, trace.workflows[0])
    history = read_history(tmp_path / "interleavings-0.jsonl")
    accused = {str(each) for found in judge(history, None).findings for each in found.operations}
    [held] = history.frame.filter(process="interleavings-0#1").collect()["id"]
    assert held not in accused


@pytest.mark.exhaustive
@pytest.mark.parametrize("trait", ["mortal", "later"])
def test_a_service_that_ends_under_a_fault_is_started_again(database: Database, tmp_path: Path, trait: str) -> None:
    async def run() -> None:
        async with open_jobs(database, tmp_path, trait) as testbed:
            traces, are_all = await walk_faults(testbed, list_pairings(testbed.target)[0])
            assert are_all
            assert all(trace.is_known for trace in traces)
            await testbed.read()

    asyncio.run(run())
    restarted = list(read_history(tmp_path / "interleavings-0.jsonl").having(events.Restarted))
    # One that ends later may do so only under the next faults.
    expected = {"connection lost before", "answer lost"} if trait == "mortal" else {*FAULTS}
    assert {event.fault for event in restarted} & expected
    assert {event.fault for event in restarted} <= {*FAULTS}
    assert all("ended by itself with status 3" in str(event.how) for event in restarted)
    assert judge_all(tmp_path) == set()


def test_a_service_that_loses_its_sessions_with_each_restart_is_logged_in_to_again(
    database: Database, tmp_path: Path
) -> None:
    """Each fault ends it before it has served the last login."""

    async def run() -> None:
        async with open_jobs(database, tmp_path, "mortal", "sessions") as testbed:
            pairing = list_pairings(testbed.target)[0]
            for _ in range(3):
                await inject_one(testbed, pairing, "", 2, "connection lost before")
            await testbed.read()

    asyncio.run(run())
    history = read_history(tmp_path / "interleavings-0.jsonl")
    assert len(history.having(events.Restarted)) >= 3
    assert history.having(events.AccessDenied) == []
    assert 401 not in history.frame.collect()["status"].to_list()


@pytest.mark.exhaustive
def test_a_service_that_is_not_to_be_started_again_is_not(database: Database, tmp_path: Path) -> None:
    async def run() -> str | None:
        async with open_jobs(database, tmp_path, "mortal", service="restart = false") as testbed:
            with pytest.raises(StateNotReachedError):
                await walk_faults(testbed, list_pairings(testbed.target)[0])
            return await testbed.find_end(in_doubt=True)

    assert "ended by itself with status 3" in str(asyncio.run(run()))
    assert not list(read_history(tmp_path / "interleavings-0.jsonl").having(events.Restarted))
