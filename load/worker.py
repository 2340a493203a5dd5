"""The worker: one Locust process's part in a run. It opens the sources, keeps the tally and ends what has to end."""

import os
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust.env import Environment

from engine.provision.service import resolve_target
from engine.target.credentials import choose, list_credentials
from engine.target.notices import say
from engine.target.secrets import learn
from engine.target.target import Target
from engine.target.target_file import load_target
from load.barrier import ALONE, Barrier
from load.client.asker import Asker
from load.client.clock import MONOTONIC, Clock, read_wall_clock
from load.client.release import SUPERVISED_VARIABLE, Release
from load.locust_failures import Failures
from load.message_barrier import MessageBarrier
from load.options import Options
from load.scenario_quotas import name_source, take_quota
from load.script_run import RoundResult, walk_instants
from load.source import Source
from load.tally import Tally, list_violations
from load.violation_picture import Violation, find_violation
from reports.history import events
from reports.history.journal import Journal

ASSIGNMENT, HALT, TALLY, LEFT = (f"onewinner-{word}" for word in ("assignment", "halt", "tally", "left"))
REPORT_S = 0.5
# The type of the entry that violations have in Locust's statistics.
VIOLATION = "VIOLATION"
# Beyond two answers that time out, how long a source may wait for another, whose worker is slow.
BARRIER_MARGIN_S = 10.0


class ViolationError(AssertionError):
    """What a round showed to be wrong with the engine, in Locust's list of failures. The judge gives the verdict."""

    def __repr__(self) -> str:
        """Locust shows it so."""
        return str(self)


class WorkerAssignment(msgspec.Struct, frozen=True):
    """What the master says to one worker: its number, the options, and what it needs to reach the engine."""

    number: int
    workers: int
    users: int
    history: str
    host: str
    base_url: str
    variables: dict[str, str]
    options: Options


def identify_host() -> str:
    """Equal for all processes that share one monotonic clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def find_absence(target: Target, environment: Mapping[str, str]) -> float:
    """For how many seconds the service may refuse connections: it may be on its way up again."""
    is_supervised = SUPERVISED_VARIABLE in environment
    return target.service.ready_timeout_s if is_supervised and target.service is not None else 0.0


class Worker:
    """One process's sources. `halted` says why no round may begin any more, empty while rounds may."""

    def __init__(self, environment: Environment, name: str) -> None:
        self.environment = environment
        self.failures = Failures(environment, name)
        self.assignment: WorkerAssignment | None = None
        self.barrier: MessageBarrier | None = None
        self.tally = Tally()
        self.violation: Violation | None = None
        self.halted = ""
        self.lost = ""
        self.entered = 0
        self.began_ns = 0

    def receive_assignment(self, data: dict[str, Any]) -> None:
        """A new run begins: nothing of an earlier one counts."""
        self.assignment = msgspec.convert(data, WorkerAssignment)
        self.failures.process = str(self.assignment.number)
        self.barrier, self.tally, self.halted, self.lost, self.entered = None, Tally(), "", "", 0
        self.violation = None
        self.began_ns = time.monotonic_ns()
        self.failures.keep_history(Path(self.assignment.history))
        gevent.spawn(self.report, self.assignment)

    def report(self, assignment: WorkerAssignment) -> None:
        """Sends the tally to the master as long as the run is this one."""
        while self.assignment is assignment and not self.halted:
            self.send_tally()
            gevent.sleep(REPORT_S)

    def open_next(self) -> Source | None:
        """The next source of this process; None for a user that no source was planned for."""
        assignment = self.assignment
        nth, self.entered = self.entered, self.entered + 1
        if assignment is None or (assignment.options.together and nth):
            return None
        number = assignment.number + nth * assignment.workers
        if number >= assignment.users:
            return None
        name = name_source(assignment.number, nth)
        journal: Journal | None = None
        try:
            # A worker on another host is told the secrets by its assignment alone.
            target = find_target(assignment)
            learn(choose(target, list_credentials(target)))
            uncertainty_ns = assignment.options.clock_uncertainty_ns
            journal = Journal(Path(assignment.history) / f"{name}.jsonl", clock_uncertainty_ns=uncertainty_ns)
            return self.open_source(assignment, target, number, journal)
        except Exception as error:  # noqa: BLE001 - Locust would only log it
            self.record_broken(name, journal, error)
            return None

    def open_source(self, assignment: WorkerAssignment, target: Target, number: int, journal: Journal) -> Source:
        options, together = assignment.options, assignment.options.together
        clock, workload = find_clock(assignment), options.make_workload(target)
        quota = workload if together else take_quota(workload, number, assignment.users)
        leads = not together or number == 0
        partners = [name_source(worker, 0) for worker in range(assignment.workers)] if together else []
        facts = {"races": quota.races if leads else 0, "rounds": quota.rounds if leads else 0}
        journal.write(events.Quota(**facts, shared_by=partners))
        release = Release(target.base_url, target.timeout_s, find_absence(target, os.environ))
        asker = Asker(target, release, journal, clock=clock)
        barrier: Barrier = ALONE
        if together and assignment.workers > 1:
            limit_s = 2 * target.timeout_s + BARRIER_MARGIN_S
            barrier = self.barrier = MessageBarrier(self.send, clock, number, assignment.workers, limit_s)
            if self.lost:
                barrier.lose(self.lost)
        turn, turns = (0, 1) if together else (number, assignment.users)
        instants = walk_instants(options.rate, turn, turns, self.began_ns)
        return Source(asker, quota, options.seed, options.contenders, barrier, instants, self.why_stop)

    def why_stop(self) -> str | None:
        """Why nothing new may begin."""
        seconds = (time.monotonic_ns() - self.began_ns) / 1e9
        if self.assignment is not None and 0 < self.assignment.options.duration < seconds:
            return "time"
        return self.halted or None

    def open_barrier(self, data: dict[str, Any]) -> None:
        if self.barrier is not None:
            self.barrier.open(data)

    def halt(self, why: str) -> None:
        """Nothing new begins. When a worker was lost, no source waits for it either."""
        self.halted = self.halted or why
        if why.startswith("lost"):
            self.lost = why
            if self.barrier is not None:
                self.barrier.lose(why)

    def record(self, result: RoundResult) -> None:
        """Counts a round, and tells Locust's statistics. A violation and an unknown are failures there."""
        self.tally.count(result)
        self.violation = find_violation(result) or self.violation
        assert self.assignment is not None
        if self.tally.violations and self.assignment.options.fail_fast and not self.halted:
            self.halt("fail-fast")
            self.send_tally()
        for reply in result.sent:
            call, returned_ns = reply.ask.call, reply.exchange.returned_ns
            self.environment.events.request.fire(
                request_type=call.to or ("guard" if call.guard else call.kind),
                name=reply.outcome,
                response_time=((returned_ns or time.monotonic_ns()) - reply.exchange.invoked_ns) / 1e6,
                response_length=len(reply.exchange.answer.body),
                exception=RuntimeError(reply.classified.message) if reply.outcome == "unknown" else None,
                context={},
            )
        for words in list_violations(result):
            self.environment.events.request.fire(
                request_type=VIOLATION,
                name="the service is wrong",
                response_time=None,
                response_length=0,
                exception=ViolationError(words),
                context={},
            )

    def finish(self, source: Source) -> None:
        """A source has ended in good order. A run without an end of its own is there to be stopped."""
        assert self.assignment is not None
        options = self.assignment.options
        if source.ended == "stopped" and not options.races and not options.duration:
            source.ended = "asked to"
        source.finish()
        self.send_left(source.asker.source, source.ended)

    def record_broken(self, name: str, journal: Journal | None, error: BaseException) -> None:
        """A source has broken off. Its journal gets the reason, and no end; the process's does if that disk is full."""
        trace, what = "".join(traceback.format_exception(error)), f"{type(error).__name__}: {error}"
        say(f"the source {name} broke off: {trace}")
        if journal is None:
            self.failures.note(f"the source {name} could not begin: {error}")
        elif journal.is_open:
            try:
                journal.write(events.Broken(what=what, traceback=trace))
                journal.close()
            except OSError:
                self.failures.note(f"the source {name} broke off: {what}")
        self.failures.set_exit_code()
        self.send_left(name, "broken")

    def send_left(self, name: str, ended: str) -> None:
        self.send_tally()
        self.send(LEFT, {"source": name, "ended": ended})

    def send_tally(self) -> None:
        violation = msgspec.to_builtins(self.violation)
        self.send(TALLY, {"worker": self.failures.process, "tally": self.tally.pack(), "violation": violation})

    def send(self, kind: str, data: dict[str, Any]) -> None:
        runner = self.environment.runner
        assert runner is not None
        runner.send_message(kind, data)


def find_clock(assignment: WorkerAssignment) -> Clock:
    """The clock that the run's times are told in. Raises ValueError when the workers share none."""
    if assignment.options.uses_wall_clock:
        return read_wall_clock()
    if assignment.host != identify_host():
        raise ValueError(
            f"worker {assignment.number} is not on the master's host, where the monotonic clock is shared; "
            "start all of them with --clock wall and the --clock-uncertainty-ms of the hosts' clocks"
        )
    return MONOTONIC


def find_target(assignment: WorkerAssignment) -> Target:
    """The target as the master reaches it: workers need the file, and neither tokens nor an engine."""
    target = load_target(assignment.options.target_file, assignment.variables)
    return resolve_target(target, assignment.base_url, assignment.variables)
