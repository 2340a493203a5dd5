"""Injects faults between an engine and its database while levels ask: starts the fault injector, and ends it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from select import select
from typing import Any

from engine.provision.database import Database
from engine.provision.processes import Process, run_process
from load.client.release import now_ns
from onewinner import ROOMS
from onewinner.exits import UsageError
from reports.comparison.facts import FaultInjector
from reports.history import events
from reports.history.journal import Journal

SOURCE = "faults-0"
VARIABLE = "ONEWINNER_STORM"
# How long the fault injector may take to listen, to begin and to end; a crash may be under way then.
ANSWER_LIMIT_S = 90.0
SHOWN_MAX = 3
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

    def __init__(self, database: Database, process: Process, orders: int) -> None:
        assert process.stdout is not None
        self._answers, self._orders = process.stdout.fileno(), orders
        self._heard = b""
        # Encryption is refused on the way, and other options are not known there.
        super().__init__(replace(database, host="127.0.0.1", port=int(self._hear("port")), options=""))

    @contextlib.contextmanager
    def inject(self, history: Path) -> Iterator[None]:
        path, began_ns = history / f"{SOURCE}.jsonl", now_ns()
        lost, _ = self._insist("began", begin=str(path.absolute()))
        yield
        told: Any = None
        if lost is None:
            lost, told = self._insist("ended", end=True)
        if lost is None:
            for why in told["left_out"]:
                print(f"onewinner: {why}", file=sys.stderr)
            return
        # The engine lost its database with it, which is no fault of the engine's. Without an end it is a gap.
        with Journal(path) as journal:
            journal.write(events.Broken(what=f"the fault injector ended early: {lost}"))
            journal.write(events.Fault(at_ns=began_ns, until_ns=now_ns(), what=LOST))
        print(f"onewinner: the fault injector ended early: {lost}", file=sys.stderr)

    def _insist(self, name: str, **order: Any) -> tuple[str | None, Any]:
        """Gives an order and waits for its answer: what is wrong when none comes, and the answer."""
        try:
            os.write(self._orders, json.dumps(order).encode() + b"\n")
            return None, self._hear(name)
        except (OSError, InjectorError) as error:
            return str(error), None

    def _hear(self, name: str) -> Any:
        """The next answer, which must have that name. Raises InjectorError."""
        deadline, others = time.monotonic() + ANSWER_LIMIT_S, []
        while True:
            line, newline, rest = self._heard.partition(b"\n")
            if newline:
                self._heard = rest
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    return json.loads(line)[name]
                others.append(line.decode(errors="replace").strip())
                continue
            ready, _, _ = select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._answers, 65536) if ready else b""
            if not chunk:
                raise InjectorError(" / ".join(others[-SHOWN_MAX:]) or "it did not answer")
            self._heard += chunk


class InjectorError(Exception):
    """The fault injector did not answer as it must; its last lines."""


@contextlib.contextmanager
def start_injector(plan: FaultPlan | None, database: Database | None) -> Iterator[NoInjector]:
    """What stands between an engine and its database, until the block is left. Raises UsageError."""
    if plan is None or database is None:
        yield NoInjector(database)
        return
    command = [
        sys.executable,
        "-P",
        "-m",
        "stateful_tests.interleavings.fault_injector",
        "--rate",
        str(plan.rate),
        "--seed",
        str(plan.seed),
    ]
    command += ["--crashes-at", ",".join(map(str, plan.list_moments()))]
    path = os.pathsep.join([str(ROOMS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, VARIABLE: database.url}
    orders, mouth = os.pipe()
    command += ["--input", str(orders)]
    with contextlib.ExitStack() as stack:
        for end in (orders, mouth):
            stack.callback(os.close, end)
        with run_process(command, output=subprocess.PIPE, environment=environment, inherit=(orders,)) as process:
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            try:
                injector = Injector(database, process, mouth)
            except InjectorError as error:
                raise UsageError(
                    f"--faults: {database.public_url} cannot be reached through the proxy: {error}"
                ) from None
            yield injector
