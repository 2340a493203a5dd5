"""The injector: faults at random on the proxy between a service and its database, while load goes over it. A program.

    ONEWINNER_STORM=postgresql://... python -m stateful_tests.interleavings.fault_injector
        [--rate R] [--seed N] [--crashes-at S,S,...]

It prints {"port": N} when it listens, and everything passes. The line {"begin": FILE} on its standard input lets it
loose, with FILE as its journal; {"end": true} calms it, and is answered with what was injected. It ends when its input
does, or at SIGTERM.

Each statement, but for those that set a session up, meets a fault with probability R. A fault lasts until the service
has hung up too, which says that it has noticed: from then on nobody is given that connection. A pool may notice late,
when it lends the connection, and so a second is waited. A crash lasts until the database answers again, and a second.
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
from pathlib import Path
from typing import Any, cast

import asyncpg
import uvloop

from engine.provision.crash import crash
from engine.provision.database import parse_url
from engine.provision.errors import DatabaseUnavailable
from load.client.release import now_ns
from reports.history import events
from reports.history.journal import Journal
from stateful_tests.interleavings.faults import DELAYED, FAULTS, SERVER_KILLED, delay
from stateful_tests.interleavings.locks import Locks
from stateful_tests.interleavings.proxy import NO_STATEMENT, Bell, Connection, Proxy
from stateful_tests.interleavings.statements import is_set_up

VARIABLE = "ONEWINNER_STORM"
SCENARIO = "faults"
GRACE_S = 1.0
DELAYS_S = (0.005, 0.05)
# How long statements that have met their fault may take to their end, when the injector is to end.
END_LIMIT_S = 5.0
KINDS = tuple(kind for kind in FAULTS if kind != SERVER_KILLED)
# What a crash makes of a fault that is under way.
OVERTAKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class FaultyConnection(Connection):
    """A connection whose statements may meet a fault. Cut, its end at the service stays open until that hangs up."""

    def __init__(self, proxy: "FaultyProxy", number: int) -> None:
        super().__init__(proxy, number)
        self.injector = proxy.injector
        # Faults wait side by side, each for its own connection.
        self.bell = Bell()
        self.protocol.passes = self.draw
        self.noticed = asyncio.Event()
        self._fate: str | None = None
        self._meeting: asyncio.Task[None] | None = None

    def draw(self, sql: str) -> bool:
        """Whether the statement passes; otherwise its fate is drawn."""
        self._fate = self.injector.draw(sql)
        return self._fate is None

    def data_received(self, data: bytes) -> None:
        if self.is_closed:
            # Whoever still uses it is to hear at once that it is dead.
            self.hang_up()
            return
        super().data_received(data)
        self.meet_fate()

    def meet_fate(self) -> None:
        if self.protocol.held is not None and self._meeting is None and self._fate is not None:
            self._meeting = asyncio.ensure_future(self._inject(self._fate))
            self.injector.meetings.add(self._meeting)
            self._meeting.add_done_callback(self.injector.meetings.discard)

    async def _inject(self, fate: str) -> None:
        try:
            await self.injector.inject(self, fate)
        finally:
            self._meeting = None
        if not self.is_closed:
            # What came behind it may have a fate as well.
            self.meet_fate()

    def server_lost(self) -> None:
        self.cut()

    def cut(self) -> None:
        """Nothing more arrives on either side; the service is told so, and may take its time to notice."""
        if not self.is_closed:
            self.is_closed = True
            if self.server is not None:
                self.server.abort()
            if self.client is not None and not self.client.is_closing():
                # What was answered so far still arrives, and then the end.
                self.client.write_eof()
        self.bell.ring()

    def hang_up(self) -> None:
        """Hangs up on both sides for good."""
        for transport in (self.client, self.server):
            if transport is not None:
                transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.noticed.set()
        super().connection_lost(error)

    async def await_noticed(self) -> int:
        """Until the service has hung up too, or for the grace; the moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self.noticed.wait()
        return now_ns()


@dataclass
class FaultyProxy(Proxy):
    """A proxy whose connections are the injector's."""

    injector: "FaultInjector" = field(kw_only=True)

    def _make_connection(self) -> Connection:
        self._opened += 1
        connection = FaultyConnection(self, self._opened)
        self.connections.add(connection)
        return connection

    def close(self) -> None:
        super().close()
        for connection in list(self.connections):
            cast("FaultyConnection", connection).hang_up()


@dataclass
class FaultInjector:
    """What befalls statements, at random. `journal` is there while it rages."""

    locks: Locks
    rate: float
    rng: random.Random
    journal: Journal | None = None
    statements: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    meetings: set[asyncio.Task[None]] = field(default_factory=set)

    def draw(self, sql: str) -> str | None:
        """The fault that a statement is to meet; mostly none."""
        if self.journal is None or is_set_up(sql):
            return None
        self.statements += 1
        return self.rng.choice(KINDS) if self.rng.random() < self.rate else None

    async def inject(self, connection: FaultyConnection, kind: str) -> None:
        """One fault, from when to when it was."""
        at_ns = now_ns()
        self.tell_begun(kind, at_ns)
        try:
            if kind == DELAYED:
                await delay(connection, self.locks, self.rng.uniform(*DELAYS_S))
            else:
                await FAULTS[kind](connection, self.locks)
        except OVERTAKEN:
            connection.cut()
        until_ns = now_ns() if kind == DELAYED else await connection.await_noticed()
        self.tell(kind, at_ns, until_ns)

    def tell_begun(self, kind: str, at_ns: int) -> None:
        """Should the injector be killed, it is known that a fault lasted."""
        if self.journal is not None:
            self.journal.write(events.FaultBegun(at_ns=at_ns, what=kind))

    def tell(self, kind: str, at_ns: int, until_ns: int) -> None:
        if self.journal is not None:
            self.counts[kind] += 1
            self.journal.write(events.Fault(at_ns=at_ns, until_ns=until_ns, what=kind))

    def leave_out(self, kind: str, why: str) -> None:
        self.left_out.append(why)
        if self.journal is not None:
            self.journal.write(events.Skipped(fault=kind, why=why))

    def begin(self, path: Path) -> None:
        self.journal = Journal(path)
        self.journal.write(events.Plan(operations=0, races=0, scenario=SCENARIO))

    async def end(self) -> dict[str, Any]:
        """Calms down; what was injected, and why some of it was not."""
        self.rate = 0.0
        if self.journal is not None and self.meetings:
            await asyncio.wait(self.meetings, timeout=END_LIMIT_S)
        told = {"statements": self.statements, "faults": dict(self.counts)}
        if self.journal is not None:
            journal, self.journal = self.journal, None
            if not self.statements:
                journal.write(events.Broken(what=NO_STATEMENT))
            journal.write(events.FaultsInjected(statements=self.statements, faults=dict(self.counts)))
            journal.write(events.End(operations=0))
            journal.close()
        return {**told, "left_out": self.left_out}


async def crash_at(injector: FaultInjector, proxy: Proxy, moments: Sequence[float], calm: asyncio.Event) -> None:
    """Crashes the server so many seconds after the beginning, until it is to be calm."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, moment in enumerate(moments):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(began + moment):
                await calm.wait()
        if calm.is_set():
            left = len(moments) - number
            injector.leave_out(SERVER_KILLED, f"the load ended before {left} of {len(moments)} crashes were due")
            return
        try:
            at_ns, until_ns = await crash(proxy.upstream)
        except DatabaseUnavailable as error:
            if injector.journal is not None:
                injector.journal.write(events.Broken(what=str(error)))
            return
        # All connections of the service's pool broke, those too that it lends a little later.
        injector.tell(SERVER_KILLED, at_ns, until_ns + int(GRACE_S * 1e9))


async def run(options: argparse.Namespace, url: str) -> None:
    locks = await Locks.open(parse_url(url))
    injector = FaultInjector(locks, options.rate, random.Random(options.seed))
    proxy = FaultyProxy(parse_url(url), {}, injector=injector)
    await proxy.listen()
    tell(port=proxy.port)
    calm, crashes = asyncio.Event(), asyncio.ensure_future(asyncio.sleep(0))
    try:
        async for order in read_orders(options.input):
            if "begin" in order:
                injector.begin(Path(order["begin"]))
                crashes = asyncio.ensure_future(crash_at(injector, proxy, options.crashes_at, calm))
                tell(began=True)
            else:
                calm.set()
                await crashes
                tell(ended=await injector.end())
    finally:
        calm.set()
        await crashes
        await injector.end()
        proxy.close()
        await locks.close()


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def read_orders(descriptor: int) -> AsyncIterator[dict[str, Any]]:
    """Each line of the input, until that ends or a SIGTERM comes."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb")
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, reader.feed_eof)
    while line := await reader.readline():
        yield json.loads(line)
    transport.close()


def main(arguments: Sequence[str] | None = None) -> int:
    uvloop.run(run(parse(arguments), os.environ[VARIABLE]))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rate", type=float, default=0.01, help="the part of the statements that meet a fault")
    add("--seed", type=int, default=1)
    add("--crashes-at", type=read_moments, default=(), metavar="S,S,...", help="seconds after the beginning")
    add("--input", type=int, default=0, metavar="FD", help="a pipe instead of the standard input")
    return parser.parse_args(arguments)


def read_moments(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


if __name__ == "__main__":
    sys.exit(main())
