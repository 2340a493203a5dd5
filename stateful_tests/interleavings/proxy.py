"""The proxy between a service and its database, which can hold every statement.

While it does not watch, everything passes. While it watches, the statements of each connection wait until they are let
go, one by one; `changed` is notified of each change. Cancel requests and COPY data always pass.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.provision.database import Database
from engine.provision.database_crash import crash
from stateful_tests.interleavings.connection import Connection, Signal
from stateful_tests.interleavings.messages import BACKGROUND, REQUEST, ProtocolState
from stateful_tests.interleavings.statements import is_begin, is_end, is_set_up

NO_STATEMENT = (
    "no statement of the service reached the proxy, so no order was chosen and no fault injected: the service does not "
    "use the database URL that it gets; let it take {database_url} from its command or env"
)


def do_nothing() -> None:
    """Where it does not matter when the service meets a broken connection."""


@dataclass
class Proxy:
    """Listens in the place of `upstream`. Every session begins with the settings of `parameters`, unless the service
    sets them itself. `build` makes the connections.

    `broken` are the connections of which a fault broke the database's side, while the service keeps its own side open;
    `on_break_met` is called when the service meets one of them.

    `background` are the texts that the service sends without being asked. They pass outside of a transaction, and at
    the beginning of one; then the rest of that transaction passes too. In a transaction that a request began, none of
    them passes. A text of `asked`, which requests send too, never passes. While it `is_idle`, no request runs, and each
    text passes. `unscheduled` counts what passed under watch.
    """

    upstream: Database
    parameters: dict[str, str]
    build: Callable[["Proxy"], Connection] = Connection
    changed: Signal = field(default_factory=Signal)
    connections: set[Connection] = field(default_factory=set)
    broken: set[Connection] = field(default_factory=set)
    on_break_met: Callable[[], None] = do_nothing
    background: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    unscheduled: Counter[str] = field(default_factory=Counter)
    watching: bool = False
    observing: bool = False
    probing: bool = False
    is_idle: bool = False
    is_crashing: bool = False
    port: int = 0
    _listener: asyncio.Server | None = None

    @property
    def database(self) -> Database:
        """The database as the service must reach it: through the proxy."""
        return self.upstream.behind(self.port)

    async def listen(self) -> None:
        """Accepts connections on a free port of 127.0.0.1."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._make_connection, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    def _make_connection(self) -> Connection:
        connection = self.build(self)
        self.connections.add(connection)
        return connection

    async def connect(self, make: Callable[[], asyncio.Protocol]) -> None:
        """Connects to the database itself. Raises OSError."""
        loop = asyncio.get_running_loop()
        host, port = self.upstream.host, self.upstream.port
        if host.startswith("/"):
            await loop.create_unix_connection(make, f"{host}/.s.PGSQL.{port}")
            return
        transport, _ = await loop.create_connection(make, host, port)
        endpoint = transport.get_extra_info("socket")
        if endpoint is not None:
            endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def passes(self, sql: str, protocol: ProtocolState) -> bool:
        """Whether a statement passes unheld. One that passes claims the transaction that it begins."""
        is_setting_up = is_set_up(sql)
        if self.observing and not is_setting_up:
            self.background.add(sql)
        if is_setting_up or is_begin(sql):
            self._count_unscheduled(sql, passed=is_setting_up)
            return True
        is_background = self._is_background(sql, protocol)
        self._count_unscheduled(sql, passed=is_background)
        if self.probing and not self.watching and is_background and not (protocol.claim or is_end(sql)):
            return False
        if is_background or not self.watching:
            protocol.claim = BACKGROUND if is_background else REQUEST
        return is_background or not self.watching

    def _count_unscheduled(self, sql: str, *, passed: bool) -> None:
        if self.watching and passed:
            self.unscheduled[sql] += 1

    def _is_background(self, sql: str, protocol: ProtocolState) -> bool:
        """Whether a statement on that connection certainly belongs to no request."""
        is_learned = sql in self.background and sql not in self.asked
        return protocol.claim == BACKGROUND or (not protocol.claim and (self.is_idle or is_learned))

    def watch(self) -> None:
        """Holds statements from now on."""
        self.watching = True

    def release(self) -> None:
        """Lets everything pass from now on, the held statements first."""
        self.watching = False
        for connection in list(self.connections):
            connection.hand_answers()
            connection.send(connection.protocol.recheck())

    async def crash_server(self) -> tuple[int, int]:
        """Crashes the database's server; what it loses meanwhile, this fault has broken. Returns when it began and when
        the server is reachable again, in nanoseconds.
        """
        self.is_crashing = True
        try:
            return await crash(self.upstream)
        finally:
            self.is_crashing = False

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in [*self.connections, *self.broken]:
            connection.abort()
