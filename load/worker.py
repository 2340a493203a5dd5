"""The worker: one Locust process's part in a run. It opens the sources, keeps the tally and tells of every trouble.

Locust swallows what listeners and message handlers raise, and with several processes its exit status says nothing.
So whatever goes wrong here is written into a journal, where the judge's accounting finds it.
"""

import contextlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.env import Environment

from engine.provision.service import REFERENCE
from engine.target.create import unpack
from engine.target.file import load_target
from engine.target.target import Target
from load.client.asker import Asker
from load.client.barrier import ALONE, MONOTONIC, Barrier, BarrierError, Clock, Instant, read_wall_clock
from load.client.release import Release
from load.pace import make_pace
from load.quotas import make_workload, name_source, parse_weights, take_quota
from load.source import RoundResult, Source
from load.tally import Tally
from load.trouble import say
from reports.history import events
from reports.history.journal import Journal

ASSIGNMENT, SAY, HEARD, HALT, TALLY, LEFT = (
    f"onewinner-{word}" for word in ("assignment", "say", "heard", "halt", "tally", "left")
)
REPORT_S = 0.5
# Beyond two answers that time out, how long one may wait for another: a worker that is slow, but there.
PATIENCE_S = 10.0
BROKEN = 3


@dataclass(frozen=True)
class WorkerAssignment:
    """What the master says to one worker: who it is, and what it needs to reach the engine."""

    number: int
    workers: int
    users: int
    history: str
    host: str
    base_url: str
    tenants: dict[str, dict[str, str]]
    create: str | None = None


def identify_host() -> str:
    """What all processes have in common that share one monotonic clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class Worker:
    """One process's sources. `halted` says why no round may begin any more, empty while they may."""

    def __init__(self, environment: Environment, name: str) -> None:
        self.environment = environment
        self.name = name
        self.assignment: WorkerAssignment | None = None
        self.tally = Tally()
        self.halted = ""
        self.entered = 0
        self.began_ns = 0
        self.clock: Clock = MONOTONIC
        self.waiting: dict[str, AsyncResult[Any]] = {}
        self.troubles: list[str] = []
        self.lost = ""
        self.history: Path | None = None
        self.set_code = False

    def receive_assignment(self, data: dict[str, Any]) -> None:
        """A new run begins: nothing of an earlier one counts."""
        self.assignment = WorkerAssignment(**data)
        self.name = str(self.assignment.number)
        self.tally, self.halted, self.entered, self.lost = Tally(), "", 0, ""
        self.waiting.clear()
        self.began_ns = time.monotonic_ns()
        self.keep_history(Path(self.assignment.history))
        gevent.spawn(self.report, self.assignment)

    def report(self, assignment: WorkerAssignment) -> None:
        """Sends the tally to the master as long as the run is this one."""
        while self.assignment is assignment and not self.halted:
            self.send(TALLY, {"worker": self.name, "tally": self.tally.pack()})
            gevent.sleep(REPORT_S)

    def keep_history(self, folder: Path) -> None:
        """Where the journals are, known from now on: what was to be told until now is told there."""
        self.history = folder
        self.note_troubles()

    def enter(self) -> Source | None:
        """The next source of this process; None for a user that no source was planned for."""
        assignment, options = self.assignment, self.options
        nth, self.entered = self.entered, self.entered + 1
        if assignment is None or (options.together and nth):
            return None
        name, number = name_source(assignment.number, nth, options.label), assignment.number + nth * assignment.workers
        if number >= assignment.users:
            return None
        journal: Journal | None = None
        try:
            uncertainty_ns = int(self.options.clock_uncertainty_ms * 1e6) if self.options.clock == "wall" else 0
            journal = Journal(Path(assignment.history) / f"{name}.jsonl", clock_uncertainty_ns=uncertainty_ns)
            return self.open_source(assignment, number, journal)
        except Exception as error:  # noqa: BLE001 - Locust would only log it
            self.tell_broken(name, journal, error)
            return None

    def open_source(self, assignment: WorkerAssignment, number: int, journal: Journal) -> Source:
        options, target, together = self.options, self.find_target(assignment), self.options.together
        self.clock = self.find_clock(assignment, journal.clock_uncertainty_ns)
        workload = make_workload(target, parse_weights(options.scenarios), options.races or None)
        quota = workload if together else take_quota(workload, number, assignment.users)
        leads = not together or number == 0
        partners = [name_source(worker, 0, options.label) for worker in range(assignment.workers)] if together else []
        facts = {"races": quota.races if leads else 0, "rounds": quota.rounds if leads else 0}
        journal.write(events.Quota(**facts, shared_by=partners))
        release = Release(target.base_url, target.timeout_s)
        asker = Asker(target, release, journal, journal.path.stem, "", clock=self.clock)
        barrier: Barrier = ALONE
        if together and assignment.workers > 1:
            barrier = MessageBarrier(self, number, assignment.workers, 2 * target.timeout_s + PATIENCE_S)
        pace = make_pace(options.rate, 0 if together else number, 1 if together else assignment.users, self.began_ns)
        return Source(asker, quota, options.seed, options.contenders, barrier, pace, self.why_stop)

    @property
    def options(self) -> Any:
        options = self.environment.parsed_options
        assert options is not None
        return options

    def find_clock(self, assignment: WorkerAssignment, uncertainty_ns: int) -> Clock:
        """The clock that the run's times are told in. Raises ValueError when the workers share none."""
        if self.options.clock == "wall":
            return read_wall_clock(uncertainty_ns)
        if assignment.host != identify_host():
            raise ValueError(
                f"worker {assignment.number} is not on the master's host, where the monotonic clock is shared; "
                "start all of them with --clock wall and the --clock-uncertainty-ms of the hosts' clocks"
            )
        return MONOTONIC

    def find_target(self, assignment: WorkerAssignment) -> Target:
        """The target as the master reaches it: workers need the file, and neither tokens nor an engine."""
        file = Path(self.options.target) if self.options.target else REFERENCE
        told = load_target(file, None)
        create = unpack(assignment.create) if assignment.create is not None else told.create
        return replace(told, base_url=assignment.base_url, tenants=assignment.tenants, create=create)

    def why_stop(self) -> str | None:
        """Why nothing new may begin."""
        seconds = (time.monotonic_ns() - self.began_ns) / 1e9
        if self.options.duration and seconds > self.options.duration:
            return "time"
        return self.halted or None

    def halt(self, why: str) -> None:
        """Nobody begins anything new. When a worker was lost, nobody waits for it either."""
        self.halted = self.halted or why
        if why.startswith("lost"):
            self.lost = why
            for waiting in list(self.waiting.values()):
                waiting.set_exception(BarrierError(why))

    def show(self, result: RoundResult) -> None:
        """Counts a round, and tells Locust's statistics; only an unknown counts as a failure there."""
        self.tally.count(result)
        if self.tally.violations and self.options.fail_fast and not self.halted:
            self.halt("fail-fast")
            self.send(TALLY, {"worker": self.name, "tally": self.tally.pack()})
        for call, reply in result.answers:
            returned_ns = reply.exchange.returned_ns
            self.environment.events.request.fire(
                request_type=call.to or ("create" if call.creates else "guard" if call.guard else "read"),
                name=reply.outcome,
                response_time=((returned_ns or time.monotonic_ns()) - reply.exchange.invoked_ns) / 1e6,
                response_length=len(reply.exchange.answer.body),
                exception=RuntimeError(reply.reading.message) if reply.outcome == "unknown" else None,
                context={},
            )

    def leave(self, source: Source) -> None:
        """A source has ended in good order. A run without any end of its own is there to be stopped."""
        if source.ended == "stopped" and not self.options.races and not self.options.duration:
            source.ended = "asked to"
        source.finish()
        self.tell_left(source.asker.source, source.ended)

    def tell_broken(self, name: str, journal: Journal | None, error: BaseException) -> None:
        """A source has broken off. Its journal gets the reason, and no end; the process's does where that is full."""
        told, what = "".join(traceback.format_exception(error)), f"{type(error).__name__}: {error}"
        say(f"the source {name} broke off: {told}")
        if journal is None:
            self.fear(f"the source {name} could not begin: {error}")
        elif journal.is_open:
            try:
                journal.write(events.Broken(what=what, traceback=told))
                journal.close()
            except OSError:
                self.fear(f"the source {name} broke off: {what}")
        self.set_exit_code()
        self.tell_left(name, "broken")

    def tell_left(self, name: str, ended: str) -> None:
        self.send(TALLY, {"worker": self.name, "tally": self.tally.pack()})
        self.send(LEFT, {"source": name, "ended": ended})

    def send(self, kind: str, data: dict[str, Any]) -> None:
        runner = self.environment.runner
        assert runner is not None
        runner.send_message(kind, data)

    def fear(self, what: str) -> None:
        """Something outside of the sources went wrong: it is told in a journal of this process's own."""
        self.troubles.append(what)
        say(f"onewinner, Locust process {self.name}: {what}")
        self.set_exit_code()
        self.note_troubles()

    def set_exit_code(self) -> None:
        """For whoever looks at it; nothing rests on it. Somebody else's is told before it is lost."""
        if self.environment.process_exit_code in (None, 0):
            self.environment.process_exit_code, self.set_code = BROKEN, True

    def look_at_exit_code(self) -> None:
        """An exit status that somebody else set says that something is wrong."""
        if self.environment.process_exit_code and not self.set_code:
            self.fear(f"the exit status was set to {self.environment.process_exit_code}")

    def note_troubles(self) -> None:
        """Writes what is to be told, as soon as it is known where."""
        if self.history is None or not self.troubles:
            return
        # On a full disk it is kept for the next time; the exit status tells meanwhile.
        with contextlib.suppress(OSError), Journal(self.history / f"locust-{self.name}.jsonl") as journal:
            while self.troubles:
                journal.write(events.Broken(what=self.troubles[0]))
                self.troubles.pop(0)

    def guard(self, what: str, listener: Callable[..., None]) -> Callable[..., None]:
        """The listener, named, with whatever it raises told: Locust would log it and go on."""

        def guarded(*arguments: Any, **named: Any) -> None:
            try:
                listener(*arguments, **named)
            except Exception as error:  # noqa: BLE001 - nothing that a listener raises may be lost
                say(traceback.format_exc())
                self.fear(f"{what} raised {type(error).__name__}: {error}")

        return guarded


class MessageBarrier:
    """A barrier over Locust's messages: words go to the master, and come back when everybody's are there."""

    def __init__(self, worker: Worker, number: int, size: int, limit_s: float) -> None:
        self.worker, self.number, self.size, self.limit_s = worker, number, size, limit_s

    def gather(self, key: str, word: Any) -> list[Any]:
        words: list[Any] = self._meet(key, word)["words"]
        return words

    def line_up(self, key: str, intended_ns: int | None) -> Instant:
        offset_ns = self.worker.clock.offset_ns
        heard = self._meet(key, None if intended_ns is None else intended_ns + offset_ns)
        intended = heard["words"][0]
        return Instant(heard["at_ns"] - offset_ns, None if intended is None else intended - offset_ns)

    def _meet(self, key: str, word: Any) -> dict[str, Any]:
        if self.worker.lost:
            raise BarrierError(self.worker.lost)
        waiting: AsyncResult[dict[str, Any]] = AsyncResult()
        self.worker.waiting[key] = waiting
        self.worker.send(SAY, {"key": key, "number": self.number, "word": word})
        try:
            heard: dict[str, Any] = waiting.get(timeout=self.limit_s) or {}
            return heard
        except gevent.Timeout:
            raise BarrierError(f"not everybody came to {key} within {self.limit_s:g} s") from None
        finally:
            self.worker.waiting.pop(key, None)

    @staticmethod
    def hear(worker: Worker, data: dict[str, Any]) -> None:
        waiting = worker.waiting.get(data["key"])
        if waiting is not None:
            waiting.set(data)
