"""One connection of the service through the proxy, with its two sides, and the signal that something has changed."""

import asyncio
from typing import TYPE_CHECKING, cast

from stateful_tests.interleavings.messages import (
    BACKGROUND,
    CANCEL_REQUEST,
    GSS_REQUEST,
    READ_LETTERS,
    SSL_REQUEST,
    STARTUP,
    TERMINATE,
    Framer,
    ProtocolError,
    ProtocolState,
    add_parameters,
    read_code,
)

if TYPE_CHECKING:
    from stateful_tests.interleavings.proxy import Proxy

CONNECT_LIMIT_S = 10.0


class Signal:
    """Says that something has changed. One task waits for it at a time."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        self._event.set()

    async def wait(self, limit_s: float) -> bool:
        """Whether a change came, since the last wait or within the limit."""
        try:
            async with asyncio.timeout(limit_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Connection(asyncio.Protocol):
    """One connection of the service. `kept` are answers of the database that the service does not get yet.

    `is_struck`: a fault breaks it, or has broken it. Then the service closes its own side, once it meets the break: a
    pool may do that only when it lends the connection. `is_leaving`: the service has ended the session.
    """

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.changed = proxy.changed
        self.protocol = ProtocolState(lambda sql: proxy.passes(sql, self.protocol))
        self.kept: list[bytes] | None = None
        self.keeps_next = False
        self.is_closed = False
        self.is_struck = False
        self.is_leaving = False
        self.client: asyncio.Transport | None = None
        self.server: asyncio.Transport | None = None
        self._framer = Framer(startup=True)
        self._early: list[bytes] = []
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether a statement or a transaction is open on it, other than background work."""
        is_open = self.protocol.is_busy or self.protocol.in_transaction
        return is_open and not self.is_closed and self.protocol.claim != BACKGROUND

    @property
    def is_answered(self) -> bool:
        """Whether no answer of the database is to come."""
        return self.is_closed or not self.protocol.is_busy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses.
        self.client = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self in self.proxy.broken:
            self.meet_break()
            self.abort()
            return
        was_held, was_busy = self.protocol.held, self.protocol.is_busy
        try:
            passing = b"".join([self._take(letter, message) for letter, message in self._framer.feed(data)])
        except ProtocolError:
            self.close()
            return
        self.send(passing)
        self._begin_keeping()
        # A driver may wait for the answer to its Parse before it sends the rest, which may then wait for a lock.
        has_begun = self.protocol.is_busy and not was_busy
        if has_begun or (self.protocol.held is not None and was_held is None):
            self.changed.notify()

    def _begin_keeping(self) -> None:
        """Begins once the complete statement is sent: the driver needs the answer to its Parse before."""
        if self.keeps_next and self.protocol.is_sent:
            self.keeps_next = False
            self.keep_answers()
            self.changed.notify()

    def _take(self, letter: int, message: bytes) -> bytes:
        if letter != STARTUP:
            self.is_leaving = self.is_leaving or letter == TERMINATE
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
        """Sends to the server, once the connection to it is open."""
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
        """Sends to the service, unless answers are being kept."""
        if self.kept is not None:
            self.kept.append(data)
        elif self.client is not None and not self.client.is_closing():
            self.client.write(data)

    def let_go(self) -> None:
        """Lets the held statement continue."""
        self.send(self.protocol.let_go())
        self._begin_keeping()

    def keep_answers(self) -> None:
        self.kept = self.kept if self.kept is not None else []

    def hand_answers(self) -> None:
        """Sends the kept answers to the service, and keeps no more."""
        kept, self.kept = self.kept or [], None
        for data in kept:
            self.answer(data)
        if self.is_closed:
            self.break_off()

    def eof_received(self) -> None:
        self.meet_break()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.meet_break()
        self.close()

    def meet_break(self) -> None:
        """The service uses or closes its side of a connection that a fault has broken."""
        if self in self.proxy.broken:
            self.proxy.broken.discard(self)
            self.proxy.on_break_met()

    def pause_writing(self) -> None:
        pause(self.server)

    def resume_writing(self) -> None:
        resume(self.server)

    def server_lost(self) -> None:
        """The server closed the connection: the service learns of it after the last answer."""
        self.is_closed = True
        self.is_struck = self.is_struck or self.proxy.is_crashing
        if self.kept is None:
            self.break_off()
        self.changed.notify()

    def break_off(self) -> None:
        """Closes both sides; of a struck connection, the service's side is told the end of the stream alone."""
        if self.client is None or self.client.is_closing() or self.is_leaving or not self.is_struck:
            self.close()
        elif self not in self.proxy.broken:
            self.is_closed = True
            if self.server is not None:
                self.server.abort()
            self.proxy.connections.discard(self)
            self.proxy.broken.add(self)
            self.client.write_eof()
        self.changed.notify()

    def close(self) -> None:
        """Closes both sides."""
        self.is_closed = True
        for transport in (self.client, self.server):
            if transport is not None and not transport.is_closing():
                transport.close()
        self.proxy.connections.discard(self)
        self.proxy.broken.discard(self)
        self.changed.notify()

    def abort(self) -> None:
        """Closes both sides at once: what is on its way does not arrive."""
        for transport in (self.client, self.server):
            if transport is not None:
                transport.abort()
        self.close()

    def cut(self) -> None:
        """Breaks the connection, as a fault does: what is on its way does not arrive."""
        self.is_struck, self.kept = True, None
        self.break_off()


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
            if letter in READ_LETTERS:
                protocol.hear(letter, message)
        self.connection.answer(data)
        if was_busy and not protocol.is_busy:
            self.connection.changed.notify()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.connection.server_lost()

    def pause_writing(self) -> None:
        pause(self.connection.client)

    def resume_writing(self) -> None:
        resume(self.connection.client)


def pause(transport: asyncio.Transport | None) -> None:
    if transport is not None:
        transport.pause_reading()


def resume(transport: asyncio.Transport | None) -> None:
    if transport is not None and not transport.is_closing():
        transport.resume_reading()
