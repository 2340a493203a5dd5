"""The release gate: N requests, all but their last byte sent, released together. Knows nothing of Locust.

Every request of the project goes through here, a single one too: then the race has one contender. Works
on plain blocking sockets; under gevent these are gevent's.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.target import Answer, Request
from load.http import AnswerParser, encode_request

RESTARTS_MAX = 5
CHUNK_BYTES = 65536

# Sleeping is not exact: the last stretch before an agreed instant is spent looking at the clock.
SPIN_NS = 1_000_000

now_ns = time.monotonic_ns

# Called when everybody stands at the line; says at which monotonic nanosecond to release, None for at once.
BeforeRelease = Callable[[], int | None]


class GateError(Exception):
    """The gate could not bring every contender to the line: the server cannot be reached, or hangs up."""


@dataclass(frozen=True)
class Shot:
    """One contender's request and what came of it. `returned_ns` is None when no whole answer came."""

    invoked_ns: int
    returned_ns: int | None
    answer: Answer


class Connection:
    """One HTTP/1.1 connection, opened when it is needed and kept open."""

    def __init__(self, base_url: str, timeout_s: float) -> None:
        url = urlsplit(base_url)
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._timeout_s = timeout_s
        self.base_url = base_url
        self.socket: socket.socket | None = None

    def open(self) -> socket.socket:
        """The socket, connected and blocking. Raises GateError when the server cannot be reached."""
        if self.socket is None:
            try:
                plain = socket.create_connection((self._host, self._port), self._timeout_s)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.socket = self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            except OSError as error:
                raise GateError(f"{self.base_url} cannot be reached: {error.strerror or error}") from None
        return self.socket

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Gate:
    """As many connections as there are contenders, kept open from race to race.

    `restarts` counts how often a race was lined up again because a connection died before the release.
    """

    def __init__(self, base_url: str, timeout_s: float) -> None:
        self.base_url = base_url
        self.timeout_s = timeout_s
        self.restarts = 0
        self._connections: list[Connection] = []

    def warm(self, count: int, request: Request) -> None:
        """Opens `count` connections and sends one harmless request over each."""
        self.race([request] * count)

    def send(self, request: Request, before_release: BeforeRelease | None = None) -> Shot:
        """A race of one."""
        return self.race([request], before_release)[0]

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Shot]:
        """Sends all requests at once and waits for their answers, at most timeout_s.

        `before_release` is called when all but the last byte of each has been sent and every connection
        lives; it may name the instant of the release. If one dies before that, everybody lines up again on
        new connections: no request was whole, so none was sent. Raises GateError when that happens
        RESTARTS_MAX times in a row.
        """
        lines = [encode_request(request, self.base_url) for request in requests]
        try:
            connections = self._line_up(lines)
            at_ns = before_release() if before_release is not None else None
            if at_ns is not None:
                wait_until(at_ns)
            invoked = release([connection.open() for connection in connections], [line[-1:] for line in lines])
            return collect(connections, invoked, self.timeout_s)
        except BaseException:
            # Half a request or an answer that nobody read is on the way: the next race must not meet it.
            self.close()
            raise

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _line_up(self, lines: Sequence[bytes]) -> list[Connection]:
        while len(self._connections) < len(lines):
            self._connections.append(Connection(self.base_url, self.timeout_s))
        connections = self._connections[: len(lines)]
        for _ in range(RESTARTS_MAX):
            if stand_ready(connections, lines):
                return connections
            self.restarts += 1
            for connection in connections:
                connection.close()
        raise GateError(f"{self.base_url} hung up {RESTARTS_MAX} times before the requests were whole")


def stand_ready(connections: Sequence[Connection], lines: Sequence[bytes]) -> bool:
    """Sends all but the last byte of every line; False when a connection died or spoke too early."""
    try:
        for connection, line in zip(connections, lines, strict=True):
            connection.open().sendall(line[:-1])
    except OSError:
        return False
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.open(), selectors.EVENT_READ, connection)
        return all(is_quiet(key.data.open()) for key, _ in selector.select(0))


def is_quiet(endpoint: socket.socket) -> bool:
    """Whether what can be read is nothing but TLS talking to itself: session tickets come after the handshake."""
    if not isinstance(endpoint, ssl.SSLSocket):
        return False
    timeout_s = endpoint.gettimeout()
    endpoint.settimeout(0)
    try:
        endpoint.recv(1)
    except ssl.SSLWantReadError:
        endpoint.settimeout(timeout_s)
        return True
    except OSError:
        return False
    return False


def wait_until(at_ns: int) -> None:
    """Returns at a monotonic nanosecond, or at once when it has passed."""
    left_ns = at_ns - now_ns()
    if left_ns > SPIN_NS:
        time.sleep((left_ns - SPIN_NS) / 1e9)
    while now_ns() < at_ns:
        continue


def release(sockets: Sequence[socket.socket], last_bytes: Sequence[bytes]) -> list[int]:
    """Sends the last bytes in one go. Returns for each the monotonic nanosecond right before it was sent."""
    invoked = []
    for endpoint, last in zip(sockets, last_bytes, strict=True):
        invoked.append(now_ns())
        try:
            endpoint.send(last)
        except OSError:
            # Whether the byte left is not known; reading will find the connection dead, and the outcome unknown.
            continue
    return invoked


def collect(connections: Sequence[Connection], invoked: Sequence[int], timeout_s: float) -> list[Shot]:
    """Reads every answer, in the order in which they come, until all are whole or the time is up."""
    shots: list[Shot | None] = [None] * len(connections)
    parsers = [AnswerParser() for _ in connections]
    deadline_ns = max(invoked) + int(timeout_s * 1e9)
    with selectors.DefaultSelector() as selector:
        for index, connection in enumerate(connections):
            selector.register(connection.open(), selectors.EVENT_READ, index)
        while selector.get_map() and (left_ns := deadline_ns - now_ns()) > 0:
            for key, _ in selector.select(left_ns / 1e9):
                index = key.data
                answer, alive = read_some(connections[index], parsers[index])
                if answer is None:
                    continue
                returned_ns = now_ns() if answer.status is not None else None
                shots[index] = Shot(invoked[index], returned_ns, answer)
                selector.unregister(key.fileobj)
                if not alive:
                    connections[index].close()
    return [shot or give_up(connections[i], invoked[i], timeout_s) for i, shot in enumerate(shots)]


def read_some(connection: Connection, parser: AnswerParser) -> tuple[Answer | None, bool]:
    """The answer once it is whole, and whether the connection can be used again."""
    try:
        chunk = receive(connection.open())
        while chunk:
            answer = parser.feed(chunk)
            if answer is not None:
                return answer, parser.keep_alive
            pending = isinstance(connection.socket, ssl.SSLSocket) and connection.socket.pending() > 0
            if not pending:
                return None, True
            chunk = receive(connection.open())
    except ssl.SSLWantReadError:
        return None, True
    except ValueError as error:
        return Answer(None, error=str(error)), False
    except OSError as error:
        return Answer(None, error=f"the connection broke: {error.strerror or error}"), False
    return parser.end(), False


def receive(endpoint: socket.socket) -> bytes:
    """What is there. Under TLS that may be half a record: SSLWantReadError; nobody waits for the rest of it."""
    if not isinstance(endpoint, ssl.SSLSocket):
        return endpoint.recv(CHUNK_BYTES)
    timeout_s = endpoint.gettimeout()
    endpoint.settimeout(0)
    try:
        return endpoint.recv(CHUNK_BYTES)
    finally:
        endpoint.settimeout(timeout_s)


def give_up(connection: Connection, invoked_ns: int, timeout_s: float) -> Shot:
    connection.close()
    return Shot(invoked_ns, None, Answer(None, error=f"no answer within {timeout_s:g} s"))
