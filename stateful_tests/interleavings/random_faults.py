"""Random faults: those of `race --faults`, between a service and its database. A program.

    python -m stateful_tests.interleavings.random_faults
        [--rate R] [--seed N] [--crashes-at S,S,...]

It prints {"port": N} when it listens; until it begins, everything passes. The line {"begin": FILE} on its standard
input makes it begin, with FILE as its journal. The line {"end": true} makes it end; it answers with the faults that it
injected. The program ends when its input does, or at SIGTERM.

Each statement, except those that set a session up, meets a fault with probability R. A fault lasts until the service
closes its end of the connection, too: from then on no request gets that connection. The injector waits one second for
that; when a pool notices later, because it lends the connection only then, this is recorded on its own. A crash lasts
until one second after the database answers.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from engine.provision.child import read_launch, send
from engine.provision.database import parse_url
from engine.provision.errors import DatabaseUnavailable
from load.client.release import now_ns
from reports.history import events
from reports.history.journal import Journal
from stateful_tests.interleavings.connection import Connection, Signal
from stateful_tests.interleavings.locks import Locks
from stateful_tests.interleavings.proxy import NO_STATEMENT, Proxy
from stateful_tests.interleavings.statement_faults import DELAYED, FAULTS, SERVER_KILLED, delay, describe_meeting
from stateful_tests.interleavings.statements import is_set_up

SCENARIO = "faults"
GRACE_S = 1.0
DELAYS_S = (0.005, 0.05)
# How long the faults in progress may last once the injector is to end.
END_LIMIT_S = 5.0
KINDS = tuple(kind for kind in FAULTS if kind != SERVER_KILLED)
# The errors that a crash causes in a fault in progress.
CRASH_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class FaultyConnection(Connection):
    """A connection whose statements may meet a fault."""

    def __init__(self, proxy: Proxy, injector: "FaultInjector") -> None:
        super().__init__(proxy)
        self.injector = injector
        # Faults last concurrently, each on its own connection.
        self.changed = Signal()
        self.protocol.passes = self.choose_fault
        self.noticed = asyncio.Event()
        self._fault: str | None = None
        self._injection: asyncio.Task[None] | None = None

    def choose_fault(self, sql: str) -> bool:
        """Chooses the fault of a statement; whether the statement passes without one."""
        self._fault = self.injector.choose_fault(sql)
        return self._fault is None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.held is not None and (self._injection is None or self._injection.done()):
            self._injection = asyncio.ensure_future(self._inject())
            self.injector.injections.add(self._injection)
            self._injection.add_done_callback(self.injector.injections.discard)

    async def _inject(self) -> None:
        """Injects the faults of the held statement, and of those that arrived behind it."""
        while self.protocol.held is not None and not self.is_closed and self._fault is not None:
            await self.injector.inject(self, self._fault)

    def connection_lost(self, error: Exception | None) -> None:
        self.noticed.set()
        super().connection_lost(error)

    async def await_noticed(self) -> int:
        """Until the service has closed its end, too, for at most GRACE_S; returns that moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self.noticed.wait()
        return now_ns()


@dataclass
class FaultInjector:
    """Injects faults at random. It has a `journal` from its begin to its end."""

    locks: Locks
    rate: float
    rng: random.Random
    journal: Journal | None = None
    statements: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    injections: set[asyncio.Task[None]] = field(default_factory=set)

    def choose_fault(self, sql: str) -> str | None:
        """The fault that a statement meets; mostly none."""
        if self.journal is None or is_set_up(sql):
            return None
        self.statements += 1
        return self.rng.choice(KINDS) if self.rng.random() < self.rate else None

    async def inject(self, connection: FaultyConnection, kind: str) -> None:
        """Injects one fault, and records how long it lasted."""
        at_ns = now_ns()
        self.record(events.FaultBegun(at_ns=at_ns, what=kind))
        try:
            if kind == DELAYED:
                await delay(connection, self.locks, self.rng.uniform(*DELAYS_S))
            else:
                await FAULTS[kind](connection, self.locks)
        except CRASH_ERRORS:
            connection.cut()
        until_ns = now_ns() if kind == DELAYED else await connection.await_noticed()
        self.record_fault(kind, at_ns, until_ns)

    def record(self, event: events.Event) -> None:
        if self.journal is not None:
            self.journal.write(event)

    def record_meeting(self) -> None:
        self.record(describe_meeting(now_ns()))

    def record_fault(self, kind: str, at_ns: int, until_ns: int) -> None:
        if self.journal is not None:
            self.counts[kind] += 1
            self.record(events.Fault(at_ns=at_ns, until_ns=until_ns, what=kind))

    def leave_out(self, kind: str, why: str) -> None:
        self.left_out.append(why)
        self.record(events.Skipped(fault=kind, why=why))

    def begin(self, path: Path) -> None:
        self.journal = Journal(path)
        self.record(events.Plan(operations=0, races=0, scenario=SCENARIO))

    async def end(self) -> dict[str, Any]:
        """Ends the injecting; returns what was injected, and why some faults were left out."""
        self.rate = 0.0
        if self.journal is not None and self.injections:
            await asyncio.wait(self.injections, timeout=END_LIMIT_S)
        told = {"statements": self.statements, "faults": dict(self.counts)}
        if self.journal is not None:
            if not self.statements:
                self.record(events.Broken(what=NO_STATEMENT))
            self.record(events.FaultsInjected(statements=self.statements, faults=dict(self.counts)))
            self.record(events.End(operations=0))
            self.journal.close()
            self.journal = None
        return {**told, "left_out": self.left_out}


async def crash_at(injector: FaultInjector, proxy: Proxy, moments: Sequence[float], ended: asyncio.Event) -> None:
    """Crashes the server that many seconds after the begin, until the injector is to end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, moment in enumerate(moments):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(began + moment):
                await ended.wait()
        if ended.is_set():
            left = len(moments) - number
            injector.leave_out(SERVER_KILLED, f"the load ended before {left} of {len(moments)} crashes were due")
            return
        try:
            at_ns, until_ns = await proxy.crash_server()
        except DatabaseUnavailable as error:
            injector.record(events.Broken(what=str(error)))
            return
        # All connections of the service's pool broke, also those that the pool lends a little later.
        injector.record_fault(SERVER_KILLED, at_ns, until_ns + int(GRACE_S * 1e9))


async def run(url: str, *, rate: float, seed: int, crashes_at: Sequence[float], input_: int) -> None:
    locks = await Locks.open(parse_url(url))
    injector = FaultInjector(locks, rate, random.Random(seed))
    proxy = Proxy(parse_url(url), {}, build=partial(FaultyConnection, injector=injector))
    proxy.on_break_met = injector.record_meeting
    await proxy.listen()
    send(port=proxy.port)
    ended, crashes = asyncio.Event(), asyncio.ensure_future(asyncio.sleep(0))
    try:
        async for command in read_commands(input_):
            if "begin" in command:
                injector.begin(Path(command["begin"]))
                crashes = asyncio.ensure_future(crash_at(injector, proxy, crashes_at, ended))
                send(began=True)
            else:
                ended.set()
                await crashes
                send(ended=await injector.end())
    finally:
        ended.set()
        await crashes
        await injector.end()
        proxy.close()
        await locks.close()


async def read_commands(descriptor: int) -> AsyncIterator[dict[str, Any]]:
    """Each line of the input, until it ends or a SIGTERM comes."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb")
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, reader.feed_eof)
    while line := await reader.readline():
        yield json.loads(line)
    transport.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rate", type=float, default=0.01, help="the part of the statements that meet a fault")
    add("--seed", type=int, default=1)
    add("--crashes-at", type=read_moments, default=(), metavar="S,S,...", help="seconds after the begin")
    add("--input", dest="input_", type=int, default=0, metavar="FD", help="a pipe instead of the standard input")
    uvloop.run(run(read_launch(str), **vars(parser.parse_args(arguments))))
    return 0


def read_moments(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


if __name__ == "__main__":
    sys.exit(main())
