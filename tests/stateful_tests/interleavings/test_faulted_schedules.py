"""Goal: server errors count against a service only after its time to recover from a fault.

Method: an engine in memory that answers with server errors for some requests after each fault.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.template import Request
from reports.history import events
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from stateful_tests.interleavings import fresh_workflows as fresh
from stateful_tests.interleavings import program
from stateful_tests.interleavings.connection import Connection
from stateful_tests.interleavings.faulted_schedules import ROUNDS_AFTER_CRASH, inject, run_faulted, walk_faults
from stateful_tests.interleavings.fresh_workflows import OTHER_CHANNELS
from stateful_tests.interleavings.pairings import list_pairings
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.statement_faults import DELAYED, FAULTS, SERVER_KILLED
from stateful_tests.interleavings.testbed import Testbed
from tests.load.stub import SMALL, Engine, load_text, make_answer
from tests.stateful_tests.stub import StubSender, make_testbed

FAULT = "connection lost before"


class Breaker(Engine):
    """Answers 503 to the request that meets a fault, and to that many more, after it answered `spared` ones."""

    def __init__(self, graph: TransitionGraph, errors: int) -> None:
        super().__init__(graph)
        self.errors, self.left, self.spared = errors, 0, 0
        self.testbed: Testbed | None = None

    def decide(self, request: Request) -> Answer:
        struck = self.testbed.scheduler.faulted if self.testbed is not None else None
        if struck is not None and struck.fault != DELAYED and struck.steps[-1].fault is not None:
            self.left = self.errors + self.spared
            return make_answer(503)
        self.left -= 1
        return make_answer(503) if 0 <= self.left < self.errors else super().decide(request)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Testbed]:
    monkeypatch.setattr(fresh, "PAUSE_S", 0.0)

    def make_broken(errors: int) -> Testbed:
        target = load_text(tmp_path, SMALL)
        engine = Breaker(target.graph, errors)
        engine.testbed = make_testbed(tmp_path, target, engine)
        return engine.testbed

    return make_broken


def find_pairing(testbed: Testbed) -> Pairing:
    return list_pairings(testbed.target, 2)[0]


def judge_testbed(testbed: Testbed) -> dict[str, Verdict | None]:
    testbed.asker.end()
    judged = judge(read_history(testbed.asker.journal.path), testbed.target.graph)
    return {check.check: check.verdict for check in judged.checks}


def sent_over(testbed: Testbed) -> list[int]:
    sender: Any = testbed.fresh.sender
    assert isinstance(sender, StubSender)
    return sender.channels


@pytest.mark.parametrize("errors", [0, 1, 20])
def test_a_service_that_backs_off_for_a_while_is_not_accused(make: Callable[[int], Testbed], errors: int) -> None:
    testbed = make(errors)
    traces, are_all = asyncio.run(walk_faults(testbed, find_pairing(testbed), kills=1))
    assert are_all
    assert {trace.fault for trace in traces} == {None, *FAULTS}
    verdicts = judge_testbed(testbed)
    assert Verdict.FAIL not in verdicts.values(), verdicts
    told = [event.what for event in read_history(testbed.asker.journal.path).having(events.Fault)]
    assert told == [trace.fault for trace in traces[1:]]


def test_a_thread_that_answers_late_after_a_crash_is_not_accused(make: Callable[[int], Testbed]) -> None:
    """The first round of reads does not reach its dead connection."""
    testbed = make(1)
    testbed.proxy.broken.add(Connection(testbed.proxy))
    sender: Any = testbed.fresh.sender
    sender.engine.spared = 11
    asyncio.run(run_faulted(testbed, find_pairing(testbed), inject("AB", 1, SERVER_KILLED)))
    assert judge_testbed(testbed)["no-5xx"] is Verdict.PASS


def test_one_that_does_not_recover_is_accused(make: Callable[[int], Testbed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "RECOVERY_LIMIT_S", -1.0)
    testbed = make(20)
    pairing = find_pairing(testbed)
    asyncio.run(run_faulted(testbed, pairing, inject("AB", 1, FAULT)))
    assert judge_testbed(testbed)["no-5xx"] is Verdict.FAIL


@pytest.mark.parametrize(
    ("fault", "lines"), [(FAULT, {0, 1}), (SERVER_KILLED, {0, 1, *OTHER_CHANNELS}), (DELAYED, set())]
)
def test_every_process_that_may_have_met_the_fault_is_asked(
    make: Callable[[int], Testbed], fault: str, lines: set[int]
) -> None:
    testbed = make(0)
    testbed.proxy.broken.add(Connection(testbed.proxy))
    pairing = find_pairing(testbed)
    asyncio.run(run_faulted(testbed, pairing, inject("AB", 1, fault)))
    sent = sent_over(testbed)
    # After the two requests of the schedule; the last requests read the workflow and move it on.
    asked = sent[sent.index(0) + 2 :]
    assert set(asked[: len(lines)]) == lines
    rounds = ROUNDS_AFTER_CRASH if fault == SERVER_KILLED else 1
    assert sorted(asked[: len(lines) * rounds]) == sorted([*lines] * rounds)
    assert all(line >= OTHER_CHANNELS[0] for line in asked[len(lines) * rounds :])


def test_when_no_broken_connection_is_left_one_round_is_enough(make: Callable[[int], Testbed]) -> None:
    testbed = make(0)
    asyncio.run(run_faulted(testbed, find_pairing(testbed), inject("AB", 1, SERVER_KILLED)))
    sent = sent_over(testbed)
    lines = [0, 1, *OTHER_CHANNELS]
    assert sent[sent.index(0) + 2 :][: len(lines) + 1] == [*lines, OTHER_CHANNELS[0]]


class Leftover(Breaker):
    """Its second request after a fault meets a connection that this fault broke, and gets a server error for it."""

    def decide(self, request: Request) -> Answer:
        answer = super().decide(request)
        if answer.status == 503 and self.testbed is not None and self.testbed.scheduler.faulted is None:
            self.testbed.record_meeting()
        return answer


@pytest.mark.parametrize(("engine", "verdict"), [(Breaker, Verdict.FAIL), (Leftover, Verdict.PASS)])
def test_the_error_of_a_request_that_meets_a_broken_connection_is_the_faults(
    tmp_path: Path, engine: type[Breaker], verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "RECOVERY_LIMIT_S", -1.0)
    target = load_text(tmp_path, SMALL)
    broken = engine(target.graph, 1)
    # The reads after the fault meet none; a request of the workflow does, later.
    broken.spared = 3
    broken.testbed = make_testbed(tmp_path, target, broken)
    asyncio.run(run_faulted(broken.testbed, find_pairing(broken.testbed), inject("AB", 1, FAULT)))
    assert judge_testbed(broken.testbed)["no-5xx"] is verdict


def test_a_fault_that_was_not_injected_is_tried_again(make: Callable[[int], Testbed]) -> None:
    """The first request of the schedule ended before its statement came."""
    testbed = make(0)
    end_early(testbed, lambda number: number in (1, 2))
    traces, are_all = asyncio.run(walk_faults(testbed, find_pairing(testbed)))
    assert are_all
    assert [trace.fault for trace in traces] == [None, *[fault for fault in FAULTS if fault != SERVER_KILLED] * 2]


def test_when_a_fault_cannot_be_injected_not_all_were(make: Callable[[int], Testbed]) -> None:
    testbed = make(0)
    end_early(testbed, lambda number: number > 0)
    traces, are_all = asyncio.run(walk_faults(testbed, find_pairing(testbed)))
    assert ({trace.fault for trace in traces}, are_all) == ({None}, False)


def end_early(testbed: Testbed, ends: Callable[[int], bool]) -> None:
    """The schedules of these numbers have no statements."""
    scheduler: Any = testbed.scheduler
    run, numbers = scheduler.run, count()

    async def run_or_end(*arguments: Any) -> Any:
        scheduler.steps = not ends(next(numbers))
        return await run(*arguments)

    scheduler.run = run_or_end


def test_no_fault_is_begun_when_the_time_is_up(make: Callable[[int], Testbed]) -> None:
    testbed, asked = make(0), count()
    traces, are_all = asyncio.run(walk_faults(testbed, find_pairing(testbed), go_on=lambda: next(asked) < 3))
    assert (len(traces), are_all) == (4, False)


def test_a_level_that_is_ended_during_a_fault_records_the_fault(
    make: Callable[[int], Testbed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is in the history already."""
    testbed = make(0)
    pairing = find_pairing(testbed)

    async def end_in_the_middle() -> None:
        ended = asyncio.Event()
        monkeypatch.setattr(program, "raise_signal", lambda _: ended.set())
        program.record_when_ended(testbed)
        trace = await testbed.run(pairing, inject("AB", 1, FAULT))
        assert trace.fault_ns is not None
        os.kill(os.getpid(), signal.SIGTERM)
        await ended.wait()

    asyncio.run(end_in_the_middle())
    testbed.record_fault()
    (fault,) = read_history(testbed.asker.journal.path).having(events.Fault)
    assert fault.what == FAULT
    assert judge_testbed(testbed)["no-5xx"] is not Verdict.FAIL
