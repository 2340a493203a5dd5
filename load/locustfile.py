"""The entry for Locust: `locust -f load/locustfile.py`, with its web UI, `--headless`, `--processes` or workers.

On its own it starts the reference engine; `--target FILE` and `--base-url URL` ask another one. Each user is a source
of its own with its own journal. What the answers mean is not decided here: the journals go to the judge
(`onewinner check`), which also gives the exit code.
"""

import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from locust import User, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import Runner, WorkerRunner

from engine.provision.service import ServiceError, reach_engine
from engine.target.file import TargetError
from load.master import Master, list_rows
from load.panel import add_panel
from load.quotas import parse_weights
from load.source import Source
from load.trouble import TroubleHandler
from load.worker import ASSIGNMENT, HALT, HEARD, LEFT, SAY, TALLY, MessageBarrier, Worker

USAGE = 2
STOP_TIMEOUT_S = 60.0


def add_options(parser: LocustArgumentParser) -> None:
    options = parser.add_argument_group("onewinner")
    add = options.add_argument
    add("--target", default="", help="the target file of the engine (default: the reference engine)")
    add("--base-url", default="", help="where the engine runs already")
    add("--history", default="", help="folder of the journals (default: that of a new run, runs/<UTC time>-locust)")
    add("--scenarios", default="", help="which, with weights: fork,tenants=2 (default: all that apply)")
    add("--contenders", type=int, default=10, help="how many requests race for one transition")
    add("--races", type=int, default=0, help="how many races in all; 0: until stopped")
    add("--duration", type=float, default=0.0, help="nothing new begins after this many seconds; 0: no limit")
    add("--rate", type=float, default=0.0, help="rounds per second, begun when due (open model); 0: one after another")
    add("--seed", type=int, default=1, help="the same seed plans the same races")
    add("--together", action="store_true", help="each race's contenders are spread over all workers")
    add("--fail-fast", action="store_true", help="end as soon as the live tally shows a violation")
    add("--clock", choices=["monotonic", "wall"], default="monotonic", help="wall: the workers are on several hosts")
    add("--clock-uncertainty-ms", type=float, default=5.0, help="how far apart the hosts' clocks may be")
    add("--label", default="", help="tells the sources of this job apart from those of the run's other jobs")
    add("--live", default="", help="a file that is rewritten with the live tally")


engine_at_hand = contextlib.ExitStack()


def prepare(environment: Environment, **_: Any) -> None:
    """Gives this process its part: a worker to every one that runs users, a master to the one in the middle."""
    if environment.parsed_options is None or environment.runner is None:
        return
    worker = Worker(environment, "worker" if isinstance(environment.runner, WorkerRunner) else "master")
    Contenders.worker = worker
    logging.getLogger().addHandler(TroubleHandler(worker.fear))
    events.test_stopping.add_listener(worker.guard("stopping", lambda **_: worker.halt("stopped")))
    events.quitting.add_listener(worker.guard("quitting", lambda **_: worker.look_at_exit_code()))
    receive(environment, worker)
    if not isinstance(environment.runner, WorkerRunner):
        lead(environment, worker)


def receive(environment: Environment, worker: Worker) -> None:
    """The messages that a process with users understands."""
    runner = environment.runner
    assert runner is not None
    handlers = {
        ASSIGNMENT: worker.receive_assignment,
        HEARD: lambda data: MessageBarrier.hear(worker, data),
        HALT: lambda data: worker.halt(data["why"]),
    }
    listen(runner, worker, handlers)


def listen(runner: Runner, worker: Worker, handlers: dict[str, Callable[[dict[str, Any]], None]]) -> None:
    for kind, handle in handlers.items():
        listener = worker.guard(f"the handler of {kind}", lambda msg, handle=handle, **_: handle(msg.data))
        runner.register_message(kind, listener)


def lead(environment: Environment, worker: Worker) -> None:
    """Reaches the engine, and listens to the workers."""
    runner, options = environment.runner, worker.options
    assert runner is not None
    try:
        parse_weights(options.scenarios)
        file = Path(options.target) if options.target else None
        target = engine_at_hand.enter_context(reach_engine(file, options.base_url or None))
    except (TargetError, ServiceError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(USAGE)
    environment.host = target.base_url
    environment.stop_timeout = environment.stop_timeout or STOP_TIMEOUT_S
    if options.num_users is None:
        options.num_users, options.spawn_rate = options.expect_workers, options.expect_workers
    master = Master(environment, target, worker)
    events.test_start.add_listener(worker.guard("planning", lambda **_: master.begin_or_quit()))
    listen(runner, worker, {SAY: master.hear_word, TALLY: master.hear_tally, LEFT: master.hear_left})
    if environment.web_ui is not None:
        add_panel(environment.web_ui, lambda: list_rows(master.count(), master.left, list(master.owners)))


def finish(**_: Any) -> None:
    engine_at_hand.close()


class Contenders(User):
    """One source of races: contenders, again and again."""

    wait_time = constant(0)
    worker: Worker
    source: Source | None = None

    def on_start(self) -> None:
        self.source = self.worker.enter()
        if self.source is None:
            raise StopUser

    @task
    def press(self) -> None:
        """The whole share, in one go: it is told to stop between two rounds, never in the middle of one."""
        source = self.source
        assert source is not None
        try:
            rounds = source.run()
            for result in rounds:
                self.worker.show(result)
                if source.barrier.size == 1 and (why := self.worker.why_stop()):
                    rounds.close()
                    source.ended = why
                    break
            self.worker.leave(source)
        except Exception as error:  # noqa: BLE001 - Locust would log it and begin the task again
            try:
                self.worker.tell_broken(source.asker.source, source.asker.journal, error)
            finally:
                raise StopUser
        raise StopUser


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(prepare)
events.quit.add_listener(finish)
