"""The entry for Locust: `locust -f load/locustfile.py`, with its web UI or `--headless`.

On its own it starts the reference engine; `--target FILE` and `--base-url URL` ask another one. Each user
is a source of its own with its own journal. What the answers mean is not decided here: the journals go to
the judge (`onewinner check`), which also gives the exit code.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gevent
from locust import User, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from engine.service import ServiceError, reach_engine
from engine.target import Target
from engine.target_file import TargetError
from load.asker import Asker, Reply
from load.gate import Gate, GateError
from load.scenarios import same_transition
from reports.journal import Journal

USAGE = 2
PROMISE = 10


def add_options(parser: LocustArgumentParser) -> None:
    options = parser.add_argument_group("onewinner")
    options.add_argument("--target", default="", help="the target file of the engine (default: the reference engine)")
    options.add_argument("--base-url", default="", help="where the engine runs already")
    options.add_argument(
        "--history", default="", help="folder of the journals (default: runs/<UTC time>-locust/history)"
    )
    options.add_argument("--contenders", type=int, default=10, help="how many requests race for one transition")
    options.add_argument("--races", type=int, default=0, help="how many races in all; 0: until stopped")
    options.add_argument("--limit-s", type=float, default=600.0, help="no race is promised after this many seconds")
    options.add_argument("--seed", type=int, default=1, help="the same seed plans the same races")


class Bench:
    """What all users of this process share: the engine, the folder of the journals, and who is done."""

    def __init__(self, environment: Environment, target: Target, history: Path) -> None:
        self.environment = environment
        self.target = target
        self.history = history
        self.began = time.monotonic()
        self.users = 0
        self.done = 0

    def enter(self) -> int:
        self.users += 1
        return self.users - 1

    def leave(self, planned_users: int) -> None:
        """A user has run its share; when the last one has, so has the run."""
        self.done += 1
        runner = self.environment.runner
        if self.done == planned_users and runner is not None:
            gevent.spawn(runner.quit if self.environment.web_ui is None else runner.stop)


engine_at_hand = contextlib.ExitStack()


def prepare(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options is None:
        return
    try:
        file = Path(options.target) if options.target else None
        target = engine_at_hand.enter_context(reach_engine(file, options.base_url or None))
    except (TargetError, ServiceError) as error:
        print(error, file=sys.stderr)
        sys.exit(USAGE)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    history = Path(options.history) if options.history else Path("runs", f"{stamp}-locust", "history")
    environment.host = target.base_url
    Contenders.bench = Bench(environment, target, history)


def finish(**_: Any) -> None:
    engine_at_hand.close()


class Contenders(User):
    """One source of races: N contenders for one transition, again and again."""

    wait_time = constant(0)
    bench: ClassVar[Bench | None] = None

    def on_start(self) -> None:
        bench = self.bench
        assert bench is not None, "the engine was not reached"
        options = self.environment.parsed_options
        assert options is not None
        number = bench.enter()
        self.planned_users: int = options.num_users or 1
        self.share = len(range(number, options.races, self.planned_users))
        self.done = 0
        self.promised = 0
        source = f"race-{number}"
        journal = Journal(bench.history / f"{source}.jsonl")
        gate = Gate(bench.target.base_url, bench.target.timeout_s)
        self.asker = Asker(bench.target, gate, journal, source, same_transition.NAME)
        self.races: Iterator[list[Reply]] = same_transition.run_races(
            self.asker, options.seed, options.contenders, planned=True
        )

    @task
    def race(self) -> None:
        if self.done == self.promised and not self.promise():
            self.finish()
            return
        try:
            self.show(next(self.races))
            self.done += 1
        except GateError as error:
            # Nothing was sent. What was promised is missing, and the judge will say so.
            print(error, file=sys.stderr)
            self.stop()

    def promise(self) -> bool:
        """Promises the next few races; False when the share is done or the time is up."""
        options = self.environment.parsed_options
        assert options is not None
        assert self.bench is not None
        left = self.share - self.done if options.races else PROMISE
        if left == 0 or time.monotonic() > self.bench.began + options.limit_s:
            return False
        few = min(left, PROMISE)
        self.promised += few
        self.asker.plan(few * options.contenders, few)
        return True

    def on_stop(self) -> None:
        self.close()

    def finish(self) -> None:
        self.close()
        if self.bench is not None:
            self.bench.leave(self.planned_users)
        self.stop()

    def close(self) -> None:
        """Ends the walk (its trail is read) and the journal, once."""
        if self.asker.journal.is_open:
            self.races.close()  # type: ignore[attr-defined]
            planned = self.share or self.done
            self.asker.journal.event("level", level="race", unit="races", planned=planned, run=self.done)
            self.asker.end()

    def show(self, replies: list[Reply]) -> None:
        """Tells Locust's statistics. A conflict is an answer; only an unknown counts as a failure there."""
        for reply in replies:
            returned_ns = reply.shot.returned_ns
            self.environment.events.request.fire(
                request_type="advance",
                name=reply.outcome,
                response_time=((returned_ns or time.monotonic_ns()) - reply.shot.invoked_ns) / 1e6,
                response_length=len(reply.shot.answer.body),
                exception=RuntimeError(reply.reading.message) if reply.outcome == "unknown" else None,
                context={},
            )


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(prepare)
events.quit.add_listener(finish)
