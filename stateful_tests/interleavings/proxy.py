"""The proxy: a proxy between a service and its database that can hold every statement at the protocol.

While it does not watch, everything passes. While it watches, each connection's statements wait until they are let go,
one by one; `bell` rings whenever something has changed. Cancel requests and COPY data always pass.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from engine.provision.database import Database
from stateful_tests.interleavings.messages import (
    BACKGROUND,
    CANCEL_REQUEST,
    GSS_REQUEST,
    REQUEST,
    SSL_REQUEST,
    STARTUP,
    TOLD,
    Framer,
    ProtocolError,
    ProtocolState,
    add_parameters,
    read_code,
)
from stateful_tests.interleavings.statements import is_begin, is_end, is_set_up

CONNECT_LIMIT_S = 10.0
NO_STATEMENT = (
    "no statement of the service came over the proxy, so no order was chosen and nothing met a fault: the service does "
    "not use the database URL that it is given; let it take {database_url} from its command or env"
)


class Bell:
    """Rings when something has changed. One waits at a time."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None
        self._rung = False

    def ring(self) -> None:
        self._rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, limit_s: float) -> bool:
        """Whether it rang, since the last wait or within the limit."""
        if not self._rung:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = loop.call_later(limit_s, self._give_up)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        rung, self._rung = self._rung, False
        return rung

    def _give_up(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Connection(asyncio.Protocol):
    """One connection of the service. `number` counts them; `kept` are answers that are not handed on yet."""

    def __init__(self, proxy: "Proxy", number: int) -> None:
        self.proxy = proxy
        self.bell = proxy.bell
        self.number = number
        self.protocol = ProtocolState(lambda sql: proxy.passes(sql, self.protocol))
        self.kept: list[bytes] | None = None
        self.keeps_next = False
        self.is_closed = False
        self.client: asyncio.Transport | None = None
        self.server: asyncio.Transport | None = None
        self._framer = Framer(startup=True)
        self._early: list[bytes] = []
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether a statement or a transaction is open on it, other than one of background work."""
        is_open = self.protocol.is_busy or self.protocol.in_transaction
        return is_open and not self.is_closed and self.protocol.claim != BACKGROUND

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses.
        self.client = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        was_held = self.protocol.held
        try:
            going = b"".join([self._take(letter, message) for letter, message in self._framer.feed(data)])
        except ProtocolError:
            self.close()
            return
        self.send(going)
        self._begin_keeping()
        if self.protocol.held is not None and was_held is None:
            self.bell.ring()

    def _begin_keeping(self) -> None:
        """Once the statement itself is on its way. The answer to its Parse must reach the driver before."""
        if self.keeps_next and self.protocol.has_commanded:
            self.keeps_next = False
            self.keep_answers()
            self.bell.ring()

    def _take(self, letter: int, message: bytes) -> bytes:
        if letter != STARTUP:
            return self.protocol.take(letter, message)
        code = read_code(message)
        if code in (SSL_REQUEST, GSS_REQUEST):
            assert self.client is not None
            self.client.write(b"N")
            return b""
        self._opening = asyncio.ensure_future(self._open())
        return message if code == CANCEL_REQUEST else add_parameters(message, self.proxy.parameters)

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await self.proxy.connect(lambda: Upstream(self))
        except OSError:
            self.close()

    def send(self, data: bytes) -> None:
        """On to the server, once there is one."""
        if not data:
            return
        if self.server is None:
            self._early.append(data)
        elif not self.server.is_closing():
            self.server.write(data)

    def opened(self, server: asyncio.Transport) -> None:
        if self.is_closed:
            server.abort()
            return
        self.server = server
        server.writelines(self._early)
        self._early.clear()

    def answer(self, data: bytes) -> None:
        """Back to the service, unless answers are being kept."""
        if self.kept is not None:
            self.kept.append(data)
        elif self.client is not None and not self.client.is_closing():
            self.client.write(data)

    def let_go(self) -> None:
        """Leave for the statement that is held."""
        self.send(self.protocol.let_go())
        self._begin_keeping()

    def keep_answers(self) -> None:
        self.kept = self.kept if self.kept is not None else []

    def hand_answers(self) -> None:
        """Hands on what was kept, and everything that comes from now on."""
        kept, self.kept = self.kept or [], None
        for data in kept:
            self.answer(data)
        if self.is_closed:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.close()

    def pause_writing(self) -> None:
        if self.server is not None:
            self.server.pause_reading()

    def resume_writing(self) -> None:
        if self.server is not None and not self.server.is_closing():
            self.server.resume_reading()

    def server_lost(self) -> None:
        """The server hung up: the service hears of it after the last answer."""
        self.is_closed = True
        if self.kept is None:
            self.close()
        self.bell.ring()

    def close(self) -> None:
        """Hangs up on both sides."""
        self.is_closed = True
        for transport in (self.client, self.server):
            if transport is not None and not transport.is_closing():
                transport.close()
        self.proxy.connections.discard(self)
        self.bell.ring()

    def cut(self) -> None:
        """Hangs up on both sides at once: nothing that is on its way arrives."""
        for transport in (self.client, self.server):
            if transport is not None:
                transport.abort()
        self.close()


class Upstream(asyncio.Protocol):
    """The server's side of a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._framer = Framer(startup=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connection.opened(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        protocol = self.connection.protocol
        was_busy = protocol.is_busy
        for letter, message in self._framer.feed(data):
            if letter in TOLD:
                protocol.hear(letter, message)
        self.connection.answer(data)
        if was_busy and not protocol.is_busy:
            self.connection.bell.ring()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.connection.server_lost()

    def pause_writing(self) -> None:
        if self.connection.client is not None:
            self.connection.client.pause_reading()

    def resume_writing(self) -> None:
        if self.connection.client is not None and not self.connection.client.is_closing():
            self.connection.client.resume_reading()


@dataclass
class Proxy:
    """Listens in the place of `upstream`. `parameters` are settings that every session begins with, unless it sets
    them itself.

    `background` are the texts that the service sends while nothing is asked of it. They pass where a transaction begins
    with them, and outside of one; so does the rest of such a transaction. In a transaction that a request began, none
    of them passes, and a text of `asked`, which requests send as well, never does. `unheld` counts what passed while
    the proxy watched.
    """

    upstream: Database
    parameters: dict[str, str]
    holds_begin: bool = False

    def __post_init__(self) -> None:
        self.bell = Bell()
        self.connections: set[Connection] = set()
        self.background: set[str] = set()
        self.asked: set[str] = set()
        self.unheld: Counter[str] = Counter()
        self.watching = False
        self.observing = False
        self.probing = False
        self._opened = 0
        self._listener: asyncio.Server | None = None
        self.port = 0

    @property
    def database(self) -> Database:
        """The database as the service must be told of it."""
        return replace(self.upstream, host="127.0.0.1", port=self.port, options="")

    async def listen(self) -> None:
        """Begins to take connections on 127.0.0.1, at a port of its own."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._make_connection, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    def _make_connection(self) -> Connection:
        self._opened += 1
        connection = Connection(self, self._opened)
        self.connections.add(connection)
        return connection

    async def connect(self, make: Callable[[], asyncio.Protocol]) -> None:
        """A connection to the database itself. Raises OSError."""
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
        """Whether a statement needs no leave. One that passes claims the transaction that it begins."""
        if self.observing and not is_set_up(sql):
            self.background.add(sql)
        if is_set_up(sql) or is_begin(sql):
            return not self.watching or self.count_unscheduled(sql, is_set_up(sql)) or not self.holds_begin
        is_background = self.is_background(sql, protocol)
        if self.watching:
            self.count_unscheduled(sql, is_background)
        elif self.probing and is_background and not (protocol.claim or is_end(sql)):
            return False
        if is_background or not self.watching:
            protocol.claim = BACKGROUND if is_background else REQUEST
        return is_background or not self.watching

    def count_unscheduled(self, sql: str, passes: bool) -> bool:
        if passes:
            self.unheld[sql] += 1
        return passes

    def is_background(self, sql: str, protocol: ProtocolState) -> bool:
        """Whether a statement on that connection is certainly no request's."""
        return protocol.claim == BACKGROUND or (not protocol.claim and sql in self.background and sql not in self.asked)

    def watch(self) -> None:
        """From now on statements are held."""
        self.watching = True

    def release(self) -> None:
        """From now on everything passes, what is held first."""
        self.watching = False
        for connection in list(self.connections):
            connection.hand_answers()
            connection.send(connection.protocol.recheck())

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.cut()
