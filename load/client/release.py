"""The release (last-byte synchronisation): N requests, all but the end of each sent, then all ends at once.

The end is the last byte of the head, and the body: many servers run the application as soon as the head is complete,
and many applications never read the body. Before that byte nothing can have run, so lining up again repeats no request.
A head that will not be released ends with a reset, because many servers take an orderly end for the end of the head.

Every request goes through here, but those of the levels behind the proxy, which share a loop with it
(`stateful_tests/interleavings/sender.py`); a single one is a race of one contender. It works on plain blocking sockets,
which are gevent's under gevent. Knows nothing of Locust.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.target.http_answer import Answer
from engine.target.template import ANSWERED, SENT, Request
from load.client.endpoint import break_off, find_sender, is_silent, read_some
from load.client.http_messages import AnswerParser, encode_request

RESTARTS_MAX = 5

# Sleeping is not exact: for so long before an agreed instant the clock is polled.
SPIN_NS = 1_000_000

# In the environment of an asker: onewinner starts the service again when it ends.
SUPERVISED_VARIABLE = "ONEWINNER_SUPERVISED"
# Between two attempts to reach a server that is being started again.
ABSENCE_PAUSE_S = 0.05

# The server did not take one more connection, while it had those of the other contenders.
FULL = (
    " beside {} connections that it had taken. A race holds one open for each of its requests, and some scenarios race "
    "several workflows at once: raise the server's limit of connections, or race fewer contenders"
)
ABANDONED = "the client closed the connection before it read the answer"

now_ns = time.monotonic_ns

# Called when all but the end of each request is sent; says at which monotonic nanosecond to release, None for at once.
BeforeRelease = Callable[[], int | None]


class ReleaseError(Exception):
    """The requests could not be lined up: the server cannot be reached, or closes connections."""


@dataclass(frozen=True)
class Exchange:
    """One contender's request and what came of it. `returned_ns` is None when no whole answer came."""

    invoked_ns: int
    returned_ns: int | None
    answer: Answer


class Connection:
    """One HTTP/1.1 connection, opened when it is needed and kept open. For `absence_s` seconds the server may refuse
    it: it is being started again.
    """

    def __init__(self, base_url: str, timeout_s: float, absence_s: float = 0.0) -> None:
        url = urlsplit(base_url)
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._timeout_s = timeout_s
        self._absence_s = absence_s
        self.base_url = base_url
        self.socket: socket.socket | None = None

    def open(self, beside: int = 0) -> socket.socket:
        """The socket, connected and blocking. Raises ReleaseError when the server cannot be reached.

        `beside`: how many connections are open already, which the race holds until all of its own are.
        """
        deadline = time.monotonic() + self._absence_s
        while self.socket is None:
            try:
                plain = socket.create_connection((self._host, self._port), self._timeout_s)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.socket = self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            except OSError as error:
                if isinstance(error, ConnectionRefusedError) and time.monotonic() < deadline:
                    time.sleep(ABSENCE_PAUSE_S)
                    continue
                full = FULL.format(beside) if beside and isinstance(error, TimeoutError) else ""
                raise ReleaseError(f"{self.base_url} cannot be reached: {error.strerror or error}{full}") from None
        return self.socket

    def close(self, *, half: bool = False) -> None:
        """`half`: only a part of a request may have been sent."""
        if self.socket is not None:
            if half:
                break_off(self.socket)
            self.socket.close()
            self.socket = None


class Release:
    """As many connections as there are contenders, kept open from race to race.

    `restarts` counts how often contenders were lined up again because their connections died before the release. For
    `absence_s` seconds the server may refuse connections.
    """

    def __init__(self, base_url: str, timeout_s: float, absence_s: float = 0.0) -> None:
        self.base_url = base_url
        self.timeout_s = timeout_s
        self.absence_s = absence_s
        self.restarts = 0
        self._warmed = 0
        self._connections: list[Connection] = []
        # Every open connection stays registered, under its number. So nothing is left to do between the release and the
        # wait, and the core is free at once for a server on the same machine.
        self._selector: selectors.BaseSelector | None = None

    def warm(self, count: int, request: Request) -> None:
        """Opens `count` connections and sends a harmless request over each, unless that was done before.

        A server that has answered over a connection has accepted it, given it to a worker and paid for the first
        request; otherwise the first race would measure that. Once is enough: a server that closes after each answer
        would get twice as many requests for ever.
        """
        if count > self._warmed:
            self.race([request] * count)
            self._warmed = count

    def send(self, request: Request) -> Exchange:
        """A race of one."""
        return self.race([request])[0]

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        """Sends all requests at once and waits for their answers, at most timeout_s.

        `before_release` is called when all but the end of each request is sent and every connection is alive; it may
        name the instant of the release. A request whose connection dies before that lines up again on a new one, while
        the others wait: no head was complete, so no request was sent. Raises ReleaseError when that happens
        RESTARTS_MAX times in a row. An error before the release leaves nothing that a server could run.
        """
        lines = [encode_request(request, self.base_url) for request in requests]
        held = [1 + len(request.body) for request in requests]
        ends = [line[-count:] for line, count in zip(lines, held, strict=True)]
        try:
            sockets = self._line_up([line[:-count] for line, count in zip(lines, held, strict=True)])
            # All that can be done before the release is done here, while the server reads what it was sent so far.
            at_ns = before_release() if before_release is not None else None
            parsers = [AnswerParser(request.method) for request in requests]
            senders = [find_sender(endpoint) for endpoint in sockets]
            if at_ns is not None:
                wait_until(at_ns)
            invoked = release(senders, ends)
            return self._collect(parsers, invoked, [request.hang_up for request in requests])
        except BaseException:
            # Half a request or an unread answer is on the way: the next race must not meet it.
            self.close(half=True)
            raise

    def close(self, *, half: bool = False) -> None:
        for number in range(len(self._connections)):
            self._hang_up(number, half=half)
        self._connections.clear()
        self._warmed = 0
        if self._selector is not None:
            self._selector.close()
            self._selector = None

    def _line_up(self, heads: Sequence[bytes]) -> list[socket.socket]:
        """The sockets over which all of `heads` are sent, each of them alive."""
        while len(self._connections) < len(heads):
            self._connections.append(Connection(self.base_url, self.timeout_s, self.absence_s))
        missing = dict(enumerate(heads))
        for _ in range(RESTARTS_MAX):
            sockets = [self._reach(number) for number in range(len(heads))]
            fallen = line_up(sockets, missing)
            if not fallen:
                return sockets
            self.restarts += 1
            for number in fallen:
                self._hang_up(number, half=True)
            missing = {number: heads[number] for number in fallen}
        raise ReleaseError(f"{self.base_url} closed the connection {RESTARTS_MAX} times before the requests were sent")

    def _collect(
        self, parsers: Sequence[AnswerParser], invoked: Sequence[int], hang_ups: Sequence[str]
    ) -> list[Exchange]:
        """Reads the answers in the order in which they come, until all are complete or the time is up."""
        assert self._selector is not None
        exchanges: list[Exchange | None] = [
            self._abandon(number, invoked[number]) if hang_up == SENT else None
            for number, hang_up in enumerate(hang_ups)
        ]
        missing = exchanges.count(None)
        deadline_ns = max(invoked) + int(self.timeout_s * 1e9)
        while missing and (left_ns := deadline_ns - now_ns()) > 0:
            for key, _ in self._selector.select(left_ns / 1e9):
                number: int = key.data
                if number >= len(exchanges) or exchanges[number] is not None:
                    # No request is under way here: the server closed it or sent bytes unasked, or TLS is at work.
                    if not is_silent(self._reach(number)):
                        self._hang_up(number)
                    continue
                if hang_ups[number] == ANSWERED:
                    exchanges[number] = self._abandon(number, invoked[number])
                    missing -= 1
                    continue
                answer, alive = read_some(self._reach(number), parsers[number])
                if answer is None:
                    continue
                returned_ns = now_ns() if answer.status is not None else None
                exchanges[number] = Exchange(invoked[number], returned_ns, answer)
                missing -= 1
                if not alive:
                    self._hang_up(number)
        return [exchange or self._give_up(number, invoked[number]) for number, exchange in enumerate(exchanges)]

    def _give_up(self, number: int, invoked_ns: int) -> Exchange:
        self._hang_up(number)
        return Exchange(invoked_ns, None, Answer(None, error=f"no answer within {self.timeout_s:g} s", timed_out=True))

    def _abandon(self, number: int, invoked_ns: int) -> Exchange:
        self._hang_up(number)
        return Exchange(invoked_ns, None, Answer(None, error=ABANDONED))

    def _reach(self, number: int) -> socket.socket:
        """The socket of a connection, which is opened and registered if it is not yet."""
        connection = self._connections[number]
        if connection.socket is None:
            if self._selector is None:
                self._selector = selectors.DefaultSelector()
            self._selector.register(connection.open(beside=number), selectors.EVENT_READ, number)
        return connection.open()

    def _hang_up(self, number: int, *, half: bool = False) -> None:
        connection = self._connections[number]
        if connection.socket is not None and self._selector is not None:
            self._selector.unregister(connection.socket)
        connection.close(half=half)


def line_up(sockets: Sequence[socket.socket], missing: Mapping[int, bytes]) -> list[int]:
    """Sends the missing heads, by number. The numbers of the connections that died, or over which bytes came."""
    dead = set()
    for number, head in missing.items():
        try:
            sockets[number].sendall(head)
        except OSError:
            dead.add(number)
    return [number for number, endpoint in enumerate(sockets) if number in dead or not is_silent(endpoint)]


def wait_until(at_ns: int) -> None:
    """Returns at this monotonic nanosecond, or at once when it has passed."""
    left_ns = at_ns - now_ns()
    if left_ns > SPIN_NS:
        time.sleep((left_ns - SPIN_NS) / 1e9)
    while now_ns() < at_ns:
        continue


def release(senders: Sequence[Callable[[bytes], object]], ends: Sequence[bytes]) -> list[int]:
    """Sends the ends in one go. Returns for each the monotonic nanosecond right before it was sent."""
    invoked = []
    for send, end in zip(senders, ends, strict=True):
        invoked.append(now_ns())
        try:
            send(end)
        except OSError:
            # It is not known whether it left. Reading will find the connection dead, and the outcome unknown.
            continue
    return invoked
