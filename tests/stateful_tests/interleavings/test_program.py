"""Goal: a server that onewinner did not make is never killed, and the history says so; what did not run, or proves
nothing, is no pass.

Method: the program on a real database, reached by a name that onewinner does not know; and the level over an engine in
memory.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from engine.provision.child import LAUNCH
from engine.provision.database import start_embedded
from engine.target.http_answer import Answer
from engine.target.template import Request
from reports.history import events
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.levels.unfinished_levels import describe_partial, sum_levels
from reports.judge.verdict import Verdict
from stateful_tests.interleavings.explorer import Exploration, Run, follow
from stateful_tests.interleavings.fresh_workflows import StateNotReachedError
from stateful_tests.interleavings.level import Level
from stateful_tests.interleavings.pairings import list_pairings, pick_one_of_each
from stateful_tests.interleavings.program import Launch, find_obstacle, parse, run
from stateful_tests.interleavings.proxy import NO_STATEMENT
from stateful_tests.interleavings.schedule import UNKNOWN, Pairing
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.statement_faults import FAULTS, SERVER_KILLED
from stateful_tests.interleavings.testbed import END_LIMIT_S, Testbed
from stateful_tests.interleavings.timed_pairings import list_timed_pairings
from tests.engine.serving import ROOT
from tests.load.stub import SMALL, Engine, load_text
from tests.stateful_tests import jobs_service
from tests.stateful_tests.stub import make_testbed


@pytest.mark.parametrize(
    ("host", "may_crash", "told"),
    [
        pytest.param(
            "localhost",
            True,
            "cannot be crashed: onewinner did not start it; use --database embedded.",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            "127.0.0.1",
            False,
            "it is not a database of this run alone; use --database embedded",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_a_server_that_onewinner_did_not_make_is_not_killed(
    host: str, may_crash: bool, told: str, tmp_path: Path
) -> None:
    words = [sys.executable, jobs_service.__file__, "{port}", "{database_url}"]
    target = tmp_path / "jobs.toml"
    target.write_text(jobs_service.TARGET.replace("COMMAND", json.dumps(words)))
    with start_embedded() as ours:
        assert asyncio.run(find_obstacle(ours)) is None
        theirs = replace(ours, host=host)
        order = {"database_url": theirs.url, "arguments": [], "cwd": str(ROOT), "values": {}, "may_crash": may_crash}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), LAUNCH: json.dumps(order)}
        options = ["--source", "faults-0", "--level", "faults", "--faults", "--kills", "9"]
        where = ["--target", str(target), "--history", str(tmp_path)]
        command = [sys.executable, "-W", "error", "-m", "stateful_tests.interleavings.program", *where, *options]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert ended.returncode == 0, ended
    assert told in ended.stderr
    history = read_history(tmp_path / "faults-0.jsonl")
    ((fault, why),) = [(event.fault, event.why) for event in history.having(events.Skipped)]
    assert fault == SERVER_KILLED
    assert told in why
    remarks = {remark for event in history.having(events.Schedule) for remark in event.remarks}
    assert set(FAULTS) - remarks == {SERVER_KILLED}


def test_a_service_that_does_not_start_behind_the_proxy_is_told_in_one_gap(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('this database speaks an odd protocol')"]
    target = tmp_path / "jobs.toml"
    target.write_text(jobs_service.TARGET.replace("COMMAND", json.dumps(words)))
    where = ["--target", str(target), "--history", str(tmp_path / "history")]
    with start_embedded() as database:
        launch = Launch(database.url, (), str(ROOT), {}, may_crash=True)
        asyncio.run(run(parse(["--source", "faults-0", "--level", "faults", "--faults", *where]), launch))
    history = read_history(tmp_path / "history" / "faults-0.jsonl")
    (broken,) = history.having(events.Broken)
    told = "the service did not start behind the proxy: service.command: it ended with status 1 before it was ready"
    what = broken.what or ""
    assert what.startswith(told)
    assert what.endswith("this database speaks an odd protocol")
    (accounting,) = judge(history, None, plan=RunPlan(sources=("faults-0",)), only=["accounting"]).checks
    assert accounting.verdict is Verdict.UNKNOWN
    assert told in accounting.findings[0].title


def list_small(testbed: Testbed) -> Sequence[Pairing]:
    return pick_one_of_each(list_pairings(testbed.target, 2))


def list_gaps(testbed: Testbed) -> list[str]:
    """What is wrong with the accounting of a level that has ended."""
    testbed.asker.end()
    path = testbed.asker.journal.path
    judged = judge(read_history(path), testbed.target.graph, plan=RunPlan(sources=(path.stem,)))
    assert all(check.verdict is not Verdict.FAIL for check in judged.checks), judged.findings
    (accounting,) = [check for check in judged.checks if check.check == "accounting"]
    assert (accounting.verdict is Verdict.PASS) is not bool(accounting.findings)
    return [found.title for found in accounting.findings]


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize("steps", [True, False])
def test_a_level_in_which_no_statement_was_held_proves_nothing(tmp_path: Path, *, steps: bool, faults: bool) -> None:
    target = load_text(tmp_path, SMALL)
    testbed = make_testbed(tmp_path, target, Engine(target.graph), steps=steps)
    level = Level(testbed, time.monotonic() + 60, 10)
    asyncio.run(level.explore_all(list_small(testbed), faults=faults, mixed=0, first_seed=1))
    asyncio.run(level.end("interleavings", None))
    gaps = list_gaps(testbed)
    assert gaps == ([] if steps else [f"The source interleavings-0 broke off: {NO_STATEMENT}."])
    explored = list(read_history(testbed.asker.journal.path).having(events.Exploration))
    assert len(explored) == level.explored == len(list_small(testbed))
    assert {event.exhausted for event in explored} == {steps}


def test_a_level_whose_time_is_up_before_its_first_pairing_is_a_gap(tmp_path: Path) -> None:
    """The mixed pairings keep to the time, too."""
    target = load_text(tmp_path, SMALL)
    testbed = make_testbed(tmp_path, target, Engine(target.graph))
    level = Level(testbed, time.monotonic(), 10)
    asyncio.run(level.explore_all(list_small(testbed), faults=False, mixed=30, first_seed=1))
    asyncio.run(level.end("interleavings", None))
    planned = len(list_small(testbed))
    gaps = list_gaps(testbed)
    assert f"The source interleavings-0 ended with 0 of its {planned} pairings: its time was up." in gaps
    assert [event.examples for event in read_history(testbed.asker.journal.path).having(events.RandomPlans)] == [0]


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_orders_without_end_leave_time_for_every_pairing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    async def explore_endlessly(
        pairing: Pairing, run: Run, *, go_on: Callable[[], bool], schedules_max: int = 0
    ) -> Exploration:
        assert schedules_max == 10
        found = Exploration()
        while not found.traces or go_on():
            clock.now += 0.01
            found.traces.append(await run(pairing, follow("")))
        return found

    monkeypatch.setattr("stateful_tests.interleavings.level.time", clock)
    monkeypatch.setattr("stateful_tests.interleavings.level.explore", explore_endlessly)
    target = load_text(tmp_path, SMALL)
    testbed = make_testbed(tmp_path, target, Engine(target.graph))
    pairings = [*list_small(testbed)] * 3
    level = Level(testbed, 6.0, 10)
    asyncio.run(level.explore_all(pairings, faults=False, mixed=0, first_seed=1))
    asyncio.run(level.end("interleavings", None))
    assert list_gaps(testbed) == []
    history = read_history(testbed.asker.journal.path)
    assert [event.exhausted for event in history.having(events.Exploration)] == [False] * len(pairings)
    assert [(event.run, event.ended) for event in history.having(events.Level)] == [(len(pairings), "complete")]
    counts = Counter(event.pairing for event in history.having(events.Schedule))
    assert min(counts.values()) > 5


@pytest.mark.parametrize(("lost", "is_shown"), [(1, True), (2, True), (3, False)])
def test_a_pairing_whose_outcomes_are_mostly_unknown_was_not_run(tmp_path: Path, *, lost: int, is_shown: bool) -> None:
    target = load_text(tmp_path, SMALL)
    testbed = make_testbed(tmp_path, target, Engine(target.graph))
    first, second = list_small(testbed)[:2]
    level = Level(testbed, time.monotonic() + 60, 10, planned=2)

    async def run() -> None:
        for pairing, count in ((first, lost), (second, 0)):
            traces = [await testbed.run(pairing, follow("")) for _ in range(4)]
            for trace in traces[:count]:
                trace.remarks.add(UNKNOWN)
            level.record(traces)
            await level.finish(pairing, 0, exhausted=True)
        await level.end("interleavings", None)

    asyncio.run(run())
    assert list_gaps(testbed) == []
    [told] = sum_levels(read_history(testbed.asker.journal.path).having(events.Level))
    assert (told.run, told.planned) == (1 + is_shown, 2)
    why = "of most schedules of the others it is not known whose statement came next"
    expected = "" if is_shown else f"partly run: 1 of 2 pairings (interleavings: {why})"
    assert describe_partial([told]) == expected


def test_what_may_move_by_itself_is_read_before_the_next_schedule(tmp_path: Path) -> None:
    timed = '[[workflow.timed]]\nfrom = "B"\nto = "A"\nafter_s = 0\nrequested = false\n'
    target = load_text(tmp_path, SMALL + timed)
    testbed = make_testbed(tmp_path, target, Engine(target.graph))
    pairing = next(each for each in list_timed_pairings(target, 0.0) if each.calls[0].origin == "B")
    level = Level(testbed, time.monotonic() + 60, 10, planned=1)
    asyncio.run(level.explore_one(pairing, faults=False))
    asyncio.run(level.end("interleavings", None))
    testbed.asker.end()
    history = read_history(testbed.asker.journal.path)
    schedules = list(history.having(events.Schedule))
    reads = dict(history.frame.filter(kind="read").select("workflow", "returned_ns").collect().iter_rows())
    assert [schedule.lead for schedule in schedules] == [0, 0, 1]
    for schedule, following in pairwise(schedules):
        assert reads[schedule.workflow] < (following.began_ns or 0)


def test_a_pairing_may_use_all_but_the_reserve_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stateful_tests.interleavings.level.time", Clock())
    target = load_text(tmp_path, SMALL)
    level = Level(make_testbed(tmp_path, target, Engine(target.graph)), 100.0, 10)
    assert [level.find_share(pairings, 5) for pairings in (10, 2, 1)] == [55, 95, 100]
    assert level.find_share(4, 25) == 25


@pytest.mark.parametrize("limit_s", [0.0, END_LIMIT_S])
def test_a_service_that_ended_at_the_last_moment_is_recorded(tmp_path: Path, limit_s: float) -> None:
    """The level waits for its end only while it accepts no connections."""
    target = load_text(tmp_path, SMALL)
    asked: list[float] = []

    def say_ended(limit_s: float) -> str:
        asked.append(limit_s)
        return "it ended"

    testbed = make_testbed(tmp_path, target, Engine(target.graph), describe_end=say_ended, is_there=limit_s == 0)
    level = Level(testbed, time.monotonic() + 60, 10)
    asyncio.run(level.explore_all(list_small(testbed), faults=False, mixed=0, first_seed=1))
    asyncio.run(level.end("interleavings", None))
    assert list_gaps(testbed) == ["The source interleavings-0 broke off: it ended."]
    assert asked == [limit_s]


def test_a_service_is_there_if_it_accepts_connections() -> None:
    async def ask() -> list[bool]:
        listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        sender = Sender(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", 5)
        found = [await sender.is_there()]
        listening.close()
        await listening.wait_closed()
        return [*found, await sender.is_there()]

    assert asyncio.run(ask()) == [True, False]


@pytest.mark.parametrize(
    ("status", "method", "outcome", "told"),
    [
        (429, "create", Verdict.PASS, "a workflow could not be created: unknown, status 429"),
        (None, "create", Verdict.PASS, "a workflow could not be created: unknown, status None"),
        (403, "create", Verdict.FAIL, "a workflow could not be created: refused, status 403"),
        (429, "advance", Verdict.PASS, "alone, and was answered unknown (status 429)"),
        (409, "advance", Verdict.FAIL, "alone, and was answered conflict (status 409)"),
    ],
)
def test_only_a_wrong_answer_on_the_way_to_a_state_is_held_against_the_engine(
    tmp_path: Path, status: int | None, method: str, outcome: Verdict, told: str
) -> None:
    def refuse(request: Request, answer: Answer) -> Answer:
        kind = "advance" if request.path.endswith("advance") else "create" if request.method == "POST" else "read"
        return replace(answer, status=status) if kind == method else answer

    target = load_text(tmp_path, SMALL.replace("refused = [404]", "refused = [403, 404]"))
    testbed = make_testbed(tmp_path, target, Engine(target.graph, refuse))
    level, troubles = Level(testbed, time.monotonic() + 60, 10), []
    for mixed in (20, 0):
        # From a state to which a workflow must be moved first.
        pairings = [pairing for pairing in list_pairings(target, 2) if pairing.state != target.graph.initial]
        with pytest.raises(StateNotReachedError) as raised:
            asyncio.run(level.explore_all(pairings, faults=False, mixed=mixed, first_seed=4))
        troubles.append(level.judge_obstacle(raised.value))
    asyncio.run(level.end("interleavings", troubles[0]))
    testbed.asker.end()
    history = read_history(testbed.asker.journal.path)
    judged = judge(history, target.graph)
    (contract,) = [check for check in judged.checks if check.check == "contract"]
    assert contract.verdict is outcome
    said = [event.problem for event in history.having(events.Probe)] + [
        event.what for event in history.having(events.Broken)
    ]
    assert said
    assert all(told in str(each) for each in said)
