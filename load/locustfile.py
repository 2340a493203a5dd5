"""The entry for Locust: `locust -f load/locustfile.py`, with its web UI, `--headless`, `--processes` or workers.

On its own it starts the reference engine; `--target FILE` and `--base-url URL` ask another one. Each user is a
source with its own journal. A violation that needs no search is a failure in
Locust's statistics (exit status 1). The verdict comes from the judge, which reads the journals (`onewinner check`).
"""

import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from locust import User, constant, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner
from locust.web import WebUI

from engine.provision.service import reach_engine
from engine.target.notices import say
from engine.target.target import Target
from load.client.logins_and_setup import set_up
from load.locust_failures import Failures, LogHandler
from load.master import CANNOT_BEGIN, Master
from load.message_barrier import ARRIVED, OPENED
from load.options import Options, add_options, read_options
from load.scenario_quotas import parse_weights
from load.source import Source
from load.violation_picture import draw_violation
from load.web_ui import Row, add_tab, list_rows
from load.worker import ASSIGNMENT, HALT, LEFT, TALLY, Worker

USAGE = 2
STOP_TIMEOUT_S = 60.0


engine_at_hand = contextlib.ExitStack()


def prepare(environment: Environment, **_: Any) -> None:
    """Makes a worker in each process that runs users, and the master in one process."""
    if environment.parsed_options is None or environment.runner is None:
        return
    worker = Worker(environment, "worker" if isinstance(environment.runner, WorkerRunner) else "master")
    Contenders.worker, failures = worker, worker.failures
    logging.getLogger().addHandler(LogHandler(failures))
    events.test_stopping.add_listener(failures.guard("stopping", lambda **_: worker.halt("stopped")))
    events.quitting.add_listener(failures.guard("quitting", lambda **_: failures.check_exit_code()))
    receive(environment, worker)
    if not isinstance(environment.runner, WorkerRunner):
        lead(environment, failures)


def receive(environment: Environment, worker: Worker) -> None:
    """The messages that a process with users understands."""
    handlers = {
        ASSIGNMENT: worker.receive_assignment,
        OPENED: worker.open_barrier,
        HALT: lambda data: worker.halt(data["why"]),
    }
    listen(environment, worker.failures, handlers)


def listen(environment: Environment, failures: Failures, handlers: dict[str, Callable[[dict[str, Any]], None]]) -> None:
    runner = environment.runner
    assert runner is not None
    for kind, handle in handlers.items():
        listener = failures.guard(f"the handler of {kind}", lambda msg, handle=handle, **_: handle(msg.data))
        runner.register_message(kind, listener)


def lead(environment: Environment, failures: Failures) -> None:
    """Reaches the engine, and listens to the workers."""
    options, parsed = read_options(environment.parsed_options), environment.parsed_options
    assert parsed is not None
    try:
        parse_weights(options.scenarios)
        target = reach(options)
    except CANNOT_BEGIN as error:
        say(str(error))
        sys.exit(USAGE)
    environment.host = target.base_url
    environment.stop_timeout = environment.stop_timeout or STOP_TIMEOUT_S
    if parsed.num_users is None:
        parsed.num_users, parsed.spawn_rate = parsed.expect_workers, parsed.expect_workers
    master = Master(environment, target, failures, reach)
    events.test_start.add_listener(failures.guard("planning", lambda **_: master.begin_or_quit()))
    events.quitting.add_listener(failures.guard("quitting", lambda **_: master.choose_exit_code()))
    listen(
        environment, failures, {ARRIVED: master.receive_arrived, TALLY: master.receive_tally, LEFT: master.receive_left}
    )
    if environment.web_ui is not None:
        show_in_web_ui(environment.web_ui, master)


def reach(options: Options) -> Target:
    """The engine of these options; one that was reached before is left."""
    engine_at_hand.close()
    file = Path(options.target) if options.target else None
    return set_up(engine_at_hand.enter_context(reach_engine(file, options.base_url or None)))


def show_in_web_ui(web_ui: WebUI, master: Master) -> None:
    def list_all() -> list[Row]:
        words = master.violation.words if master.violation is not None else ""
        sources = (master.left, list(master.owners))
        return list_rows(master.count(), *sources, violation=words, trouble=master.trouble)

    add_tab(web_ui, list_all, lambda: draw_violation(master.violation))


def finish(**_: Any) -> None:
    engine_at_hand.close()


class Contenders(User):
    """One source of races: contenders, again and again."""

    wait_time = constant(0)
    worker: Worker
    source: Source | None = None

    def on_start(self) -> None:
        self.source = self.worker.open_next()
        if self.source is None:
            raise StopUser

    @task
    def press(self) -> None:
        """The whole quota at once. The source stops between two rounds, never within one."""
        source = self.source
        assert source is not None
        try:
            rounds = source.run()
            for result in rounds:
                self.worker.record(result)
                if source.barrier.size == 1 and (why := self.worker.why_stop()):
                    rounds.close()
                    source.ended = why
                    break
            self.worker.finish(source)
        except Exception as error:  # noqa: BLE001 - Locust would log it and begin the task again
            try:
                self.worker.record_broken(source.asker.source, source.asker.journal, error)
            finally:
                raise StopUser
        raise StopUser


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(prepare)
events.quit.add_listener(finish)
