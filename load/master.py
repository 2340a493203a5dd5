"""The master: what one process does for all. It plans the run, is the barrier of the sources, and ends the run."""

import contextlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
import locust
import msgspec
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner, Runner

from engine.provision.service import ServiceError, describe_running
from engine.target.credentials import find_written
from engine.target.notices import say
from engine.target.plain_file import read_plain
from engine.target.run_copy import take_out
from engine.target.target import Target
from engine.target.target_file import TargetError, load_target
from load.barrier import BarrierServer, set_instant
from load.client.clock import MONOTONIC, Clock, read_wall_clock
from load.client.logins_and_setup import NotPreparedError
from load.client.release import ReleaseError
from load.locust_failures import Failures
from load.message_barrier import OPENED
from load.options import Options, read_options
from load.scenario_quotas import list_quotas
from load.tally import Tally, describe_spread, merge
from load.violation_picture import Violation
from load.worker import ASSIGNMENT, HALT, WorkerAssignment, identify_host
from reports.comparison.facts import Facts
from reports.judge.levels.run_plan import RunPlan, SourceQuota

WATCH_S = 0.25
# How long Locust may take to begin a run.
BEGIN_S = 10.0
LINED_UP = ".ready"
LOCAL = "local"
# What is wrong with the options, and not with the harness.
CANNOT_BEGIN = (TargetError, ServiceError, NotPreparedError, ReleaseError, ValueError)


class Master:
    """The master, or the only process. `left` and `owners` say which sources are done, and whose they are.

    `reach` reaches the engine of other options. `violation` is the last one, `trouble` why a run could not begin.
    """

    def __init__(
        self, environment: Environment, target: Target, failures: Failures, reach: Callable[[Options], Target]
    ) -> None:
        self.environment = environment
        self.reach = reach
        self.violation: Violation | None = None
        self.trouble = ""
        self.target = target
        self.failures = failures
        self.options = read_options(environment.parsed_options)
        self.folder: Path | None = None
        self.owners: dict[str, str] = {}
        self.left: dict[str, str] = {}
        self.barriers = BarrierServer(1)
        self.tallies: dict[str, Mapping[str, Any]] = {}
        self.clock: Clock = MONOTONIC
        self.began = time.monotonic()
        self.runs = 0

    @property
    def runner(self) -> Runner:
        runner = self.environment.runner
        assert runner is not None
        return runner

    def begin_or_quit(self) -> None:
        """Begins the run; if it cannot be planned, it ends at once.

        With a web UI only the run ends: its form can be corrected.
        """
        try:
            with self.quit_on_error(() if self.environment.web_ui is None else CANNOT_BEGIN):
                self.begin()
        except CANNOT_BEGIN as error:
            if self.environment.web_ui is None:
                raise
            self.trouble = str(error)
            say(self.trouble)
            gevent.spawn(self.stop_begun)

    def stop_begun(self) -> None:
        """Stops the run as soon as Locust has begun it: a run that has not begun cannot be stopped."""
        with contextlib.suppress(gevent.Timeout), gevent.Timeout(BEGIN_S):
            while self.runner.state in (STATE_INIT, STATE_STOPPED):
                gevent.sleep(WATCH_S)
        self.runner.stop()

    @contextlib.contextmanager
    def quit_on_error(self, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Ends the run when something else than these is raised: Locust would go on without it."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, but):
                gevent.spawn(self.runner.quit)
            raise

    def begin(self) -> None:
        """Plans the run and gives each worker its assignment, before any user starts."""
        options = self.take_options()
        users = max(1, self.runner.target_user_count)
        workers = self.list_workers()[:users]
        users = len(workers) if options.together else users
        workload = options.make_workload(self.target)
        quotas = list_quotas(workload, len(workers), users, together=options.together)
        self.owners = {name: workers[number % len(workers)] for number, name in enumerate(quotas)}
        self.left, self.tallies, self.barriers, self.violation = {}, {}, BarrierServer(len(workers)), None
        self.began = time.monotonic()
        self.clock = read_wall_clock() if options.uses_wall_clock else MONOTONIC
        history = self.open_history(quotas)
        self.failures.keep_history(history)
        self.assign(workers, users, history)
        for name, reason in workload.obstacles.items():
            say(f"the scenario {name} is not applicable: {reason}")
        gevent.spawn(self.failures.guard("the watch over the sources", self.watch_or_quit), self.runs)

    def take_options(self) -> Options:
        """The options of this run, and its engine, if the web UI names another one."""
        before, self.options, self.trouble = self.options, read_options(self.environment.parsed_options), ""
        if (self.options.target, self.options.base_url) != (before.target, before.base_url):
            self.target = self.reach(self.options)
            self.environment.host = self.target.base_url
        return self.options

    def assign(self, workers: Sequence[str], users: int, history: Path) -> None:
        """Sends each worker its assignment."""
        first = WorkerAssignment(
            number=0,
            workers=len(workers),
            users=users,
            history=str(history),
            host=identify_host(),
            base_url=self.target.base_url,
            variables={**self.target.variables, **describe_running(self.target)},
            options=self.options,
        )
        for number, worker in enumerate(workers):
            assignment = msgspec.to_builtins(msgspec.structs.replace(first, number=number))
            self.runner.send_message(ASSIGNMENT, assignment, client_id=worker)

    def list_workers(self) -> list[str]:
        """The workers in the order in which Locust assigns users: by their position on their host, then by name."""
        runner = self.runner
        if not isinstance(runner, MasterRunner):
            return [LOCAL]
        on_host: dict[str, int] = {}
        placed = []
        for worker in sorted(node.id for node in runner.clients.all):
            host = worker.split("_")[0]
            placed.append((on_host.get(host, 0), worker))
            on_host[host] = on_host.get(host, 0) + 1
        return [worker for _, worker in sorted(placed)]

    def open_history(self, quotas: Mapping[str, SourceQuota]) -> Path:
        """The folder of the journals. Without --history it is that of a new run, whose run.json holds the plan."""
        self.runs += 1
        if self.options.history and self.runs == 1:
            return Path(self.options.history)
        from reports.documents.run_folder import (  # only Locust on its own needs them: a slow import
            begin_run,
            name_folder,
        )

        self.folder = name_folder(f"locust-{self.runs}" if self.runs > 1 else "locust")
        facts = Facts(
            name=f"{self.target.name}, by Locust",
            command="locust -f load/locustfile.py",
            target=self.target.name,
            seed=self.options.seed,
            started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            versions={"python": platform.python_version(), "locust": locust.__version__},
            plan=RunPlan(sources=tuple(quotas), quotas=dict(quotas)),
        )
        file = self.options.target_file
        text, _ = take_out(read_plain(file), find_written(file, load_target(file, None)))
        return begin_run(self.folder, file, facts, text=text).history

    def receive_arrived(self, data: dict[str, Any]) -> None:
        """A source came to a barrier; when it was the last, all of them get all values."""
        values = self.barriers.take(data["key"], data["number"], data["value"])
        if values is None:
            return
        opened: dict[str, Any] = {"key": data["key"], "values": values}
        if data["key"].endswith(LINED_UP):
            opened["at_ns"] = set_instant(time.monotonic_ns() + self.clock.offset_ns, values)
        self.send_all(OPENED, opened)

    def receive_tally(self, data: dict[str, Any]) -> None:
        self.tallies[data["worker"]] = data["tally"]
        if data["violation"] is not None:
            self.violation = msgspec.convert(data["violation"], Violation)
        if data["tally"]["violations"] and self.options.fail_fast:
            self.halt("fail-fast")

    def receive_left(self, data: dict[str, Any]) -> None:
        self.left[data["source"]] = data["ended"]
        if data["ended"] == "broken":
            self.failures.set_exit_code()
            if self.options.together:
                self.halt(f"lost {data['source']}, which broke off")

    def halt(self, why: str) -> None:
        self.send_all(HALT, {"why": why})

    def send_all(self, kind: str, data: dict[str, Any]) -> None:
        self.runner.send_message(kind, data)

    def watch_or_quit(self, run: int) -> None:
        with self.quit_on_error():
            self.watch(run)

    def watch(self, run: int) -> None:
        """Waits until every source has ended or was lost with its worker, then ends the run."""
        missed: set[str] = set()
        while self.runs == run:
            gevent.sleep(WATCH_S)
            self.write_live()
            lost = self.find_lost()
            if lost - missed:
                missed |= lost
                say(f"lost: {', '.join(sorted(missed))}")
                self.failures.set_exit_code()
                if self.options.together:
                    self.halt(f"lost {', '.join(sorted(missed))}")
            if set(self.owners) <= set(self.left) | lost:
                self.finish()
                return

    def find_lost(self) -> set[str]:
        """The sources that have not left and whose worker is gone."""
        runner = self.runner
        if not isinstance(runner, MasterRunner):
            return set()
        alive = {node.id for node in runner.clients.all if node.state != "missing"}
        return {name for name, worker in self.owners.items() if worker not in alive and name not in self.left}

    def finish(self) -> None:
        """Ends the run: the process too, unless there is a web UI to look at it."""
        self.write_live()
        if self.folder is not None:
            say(f"the journals are in {self.folder}; their verdict: onewinner check {self.folder}")
        if self.environment.web_ui is None:
            gevent.spawn(self.runner.quit)
        else:
            gevent.spawn(self.runner.stop)

    def choose_exit_code(self) -> None:
        """For Locust on its own. Its own rule is 1 for any failure; but an unknown is no violation."""
        if self.folder is not None and self.count().unknowns and not self.count().violations:
            self.failures.set_exit_code()

    def count(self) -> Tally:
        return merge(list(self.tallies.values()))

    def write_live(self) -> None:
        """Writes the live tally into the file of --live. It is for display: no run ends for it."""
        if not self.options.live:
            return
        tally = self.count()
        live = {**tally.pack(), "seconds": round(time.monotonic() - self.began, 2), **describe_spread(tally)}
        path = Path(self.options.live)
        draft = path.with_name(f".{path.name}.draft")
        with contextlib.suppress(OSError):
            draft.write_bytes(msgspec.json.encode(live))
            draft.replace(path)
