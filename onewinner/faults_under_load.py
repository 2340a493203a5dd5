"""Injects faults between an engine and its database while levels ask: starts the fault injector, and ends it."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.provision.child import ChildError, Messages, name_module, prepare
from engine.provision.database import Database
from engine.provision.processes import Process, run_process
from load.client.release import now_ns
from onewinner.exits import UsageError
from onewinner.standard_streams import say
from reports.comparison.facts import FaultInjector
from reports.history import events
from reports.history.journal import Journal

SOURCE = "faults-0"
INJECTOR = "stateful_tests.interleavings.random_faults"
# How long the fault injector may take to listen, to begin and to end; a crash may be under way then.
ANSWER_LIMIT_S = 90.0
LOST = "fault injector lost"


@dataclass(frozen=True)
class FaultPlan:
    """The faults under load: the part `rate` of the statements meet one, and the server crashes `crashes` times in
    `duration_s` seconds.
    """

    rate: float
    crashes: int
    duration_s: float
    seed: int

    def pack(self) -> FaultInjector:
        """As run.json has it."""
        return FaultInjector(self.rate, self.crashes)

    def list_moments(self) -> list[float]:
        """When it crashes, in seconds after the beginning: evenly spread."""
        return [round(self.duration_s * number / (self.crashes + 1), 3) for number in range(1, self.crashes + 1)]


def list_fault_sources(plan: FaultPlan | None) -> tuple[str, ...]:
    """The sources that the fault injector will write."""
    return (SOURCE,) if plan is not None else ()


class NoInjector:
    """Nothing stands between an engine and its database. `database` is where the engine finds its database."""

    def __init__(self, database: Database | None) -> None:
        self.database = database

    @contextlib.contextmanager
    def inject(self, history: Path) -> Iterator[None]:  # noqa: ARG002 - it writes no history
        """Faults, until the block is left; a journal in that folder records them."""
        yield


class Injector(NoInjector):
    """The fault injector, a process between an engine and its database."""

    def __init__(self, database: Database, process: Process, commands: int) -> None:
        assert process.stdout is not None
        self._messages, self._commands = Messages(process.stdout.fileno()), commands
        super().__init__(database.behind(int(self._messages.read(ANSWER_LIMIT_S)["port"])))

    @contextlib.contextmanager
    def inject(self, history: Path) -> Iterator[None]:
        path, began_ns = history / f"{SOURCE}.jsonl", now_ns()
        lost, _ = self._command("began", begin=str(path.absolute()))
        yield
        told: Any = None
        if lost is None:
            lost, told = self._command("ended", end=True)
        if lost is None:
            for why in told["left_out"]:
                say(f"onewinner: {why}")
            return
        # The engine lost its database with it, which is no fault of the engine's. Without an end it is a gap.
        with Journal(path) as journal:
            journal.write(events.Broken(what=f"the fault injector ended early: {lost}"))
            journal.write(events.Fault(at_ns=began_ns, until_ns=now_ns(), what=LOST))
        say(f"onewinner: the fault injector ended early: {lost}")

    def _command(self, name: str, **command: Any) -> tuple[str | None, Any]:
        """Sends a command: what is wrong when no answer of that name comes, and the answer."""
        try:
            os.write(self._commands, json.dumps(command).encode() + b"\n")
            return None, self._messages.read(ANSWER_LIMIT_S)[name]
        except (OSError, ChildError, KeyError) as error:
            return str(error), None


@contextlib.contextmanager
def start_injector(plan: FaultPlan | None, database: Database | None) -> Iterator[NoInjector]:
    """What stands between an engine and its database, until the block is left. Raises UsageError."""
    if plan is None or database is None:
        yield NoInjector(database)
        return
    commands, mouth = os.pipe()
    options = ["--rate", str(plan.rate), "--seed", str(plan.seed), "--input", str(commands)]
    options += ["--crashes-at", ",".join(map(str, plan.list_moments()))]
    command, environment = name_module(INJECTOR, *options), prepare(launch=database.url)
    with contextlib.ExitStack() as stack:
        for end in (commands, mouth):
            stack.callback(os.close, end)
        with run_process(command, output=subprocess.PIPE, environment=environment, inherit=(commands,)) as process:
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            try:
                injector = Injector(database, process, mouth)
            except ChildError as error:
                place = database.public_url
                raise UsageError(f"--faults: {place} cannot be reached through the proxy: {error}") from None
            yield injector
