"""Goal: no request is complete before all are lined up, and each answer is that of its request.

Method: a server made of plain sockets and threads, which records when each request was whole.
"""

import contextlib
import http.server
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.target.http_answer import Answer
from engine.target.template import ANSWERED, SENT, Request
from load.client.endpoint import QUICKACK, read_some
from load.client.http_messages import ANSWER_BYTES_MAX, TOO_LONG, TOO_MANY_HEADERS, AnswerParser
from load.client.release import ABANDONED, Connection, Release, ReleaseError, now_ns, wait_until

ROOT = Path(__file__).parents[3]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# Made for these tests alone, of no authority: localhost and 127.0.0.1, for a hundred years.
CERTIFICATE = Path(__file__).parents[1] / "localhost.pem"
POST = Request("POST", "/x", (), b"0123456789")
Behaviour = Callable[[socket.socket, bytes, int], bool]


class Server:
    """Answers each whole request by a behaviour (connection, request, its number) -> keep the connection."""

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.listening = socket.create_server(("127.0.0.1", port))
        self.tls = tls
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.listening.getsockname()[1]}"
        self.behave = behave
        self.whole: list[bytes] = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def serve(self, connection: socket.socket) -> None:
        buffer = b""
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                connection.close()
                return
        with connection, contextlib.suppress(OSError):
            while chunk := connection.recv(4096):
                buffer += chunk
                if buffer.endswith(POST.body):
                    with self.lock:
                        self.whole.append(buffer)
                        number = len(self.whole)
                    if not self.behave(connection, buffer, number):
                        return
                    buffer = b""

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], Server]]:
    servers: list[Server] = []

    def start(behave: Behaviour) -> Server:
        servers.append(Server(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@contextlib.contextmanager
def release_to(server: Server, timeout_s: float = 5.0) -> Iterator[Release]:
    release = Release(server.url, timeout_s)
    yield release
    release.close()


def answer_ok(connection: socket.socket, request: bytes, number: int) -> bool:
    connection.sendall(OK)
    return True


def test_all_are_held_until_all_are_there(serve: Callable[[Behaviour], Server]) -> None:
    server = serve(answer_ok)
    before: list[int] = []
    with release_to(server) as release:
        exchanges = release.race([POST] * 20, lambda: before.append(len(server.whole)))
    assert before == [0], "no request was whole before the release"
    assert [exchange.answer.status for exchange in exchanges] == [200] * 20
    assert (
        max(exchange.invoked_ns for exchange in exchanges)
        < min(exchange.returned_ns or 0 for exchange in exchanges) + 10**9
    )
    assert all(
        exchange.returned_ns is not None and exchange.invoked_ns < exchange.returned_ns for exchange in exchanges
    )


def test_connections_are_used_again(serve: Callable[[Behaviour], Server]) -> None:
    server = serve(answer_ok)
    with release_to(server) as release:
        release.race([POST] * 3)
        release.race([POST] * 3)
    assert len(server.threads) == 1 + 3


def test_a_client_that_hangs_up_reads_no_answer(serve: Callable[[Behaviour], Server]) -> None:
    """Also where the server answers once the client is gone; the other contenders get their answers."""
    ends: list[bytes] = []

    def behave(connection: socket.socket, request: bytes, number: int) -> bool:
        if b"hangs-up: sent" in request:
            ends.append(connection.recv(1))
        return answer_ok(connection, request, number)

    server = serve(behave)
    ways = [SENT, ANSWERED, ""]
    with release_to(server) as release:
        exchanges = release.race([replace(POST, headers=(("hangs-up", way),), hang_up=way) for way in ways])
        assert [exchange.answer.status for exchange in exchanges] == [None, None, 200]
        assert {exchange.answer.error for exchange in exchanges[:2]} == {ABANDONED}
        assert [exchange.returned_ns is None for exchange in exchanges] == [True, True, False]
        assert [exchange.answer.status for exchange in release.race([POST] * 3)] == [200] * 3
    for thread in server.threads[1:]:
        thread.join()
    assert ends == [b""]
    assert len(server.whole) == 6
    assert len(server.threads) == 1 + 5, "two connections were opened again"


def test_every_connection_is_warmed_once(serve: Callable[[Behaviour], Server]) -> None:
    server = serve(answer_ok)
    with release_to(server) as release:
        release.warm(3, POST)
        assert len(server.whole) == 3, "one request over each"
        release.warm(3, POST)
        release.warm(2, POST)
        assert len(server.whole) == 3, "warm already"
        release.race([POST] * 3)
    assert len(server.threads) == 1 + 3, "the race used the warm connections"


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(serve: Callable[[Behaviour], Server]) -> None:
    def answer_and_close(connection: socket.socket, request: bytes, number: int) -> bool:
        connection.sendall(OK)
        return False

    server = serve(answer_and_close)
    with release_to(server) as release:
        first = release.race([POST] * 3)
        for thread in server.threads[1:]:
            thread.join()
        second = release.race([POST] * 3)
    assert [exchange.answer.status for exchange in first + second] == [200] * 6
    assert len(server.whole) == 6, "no request was sent twice"


def test_a_connection_on_which_the_service_crashed_is_not_used_again(serve: Callable[[Behaviour], Server]) -> None:
    """Such a server hangs up a moment later, and does not say so."""

    def crash(connection: socket.socket, request: bytes, number: int) -> bool:
        connection.sendall(OK.replace(b"200 OK", b"500 Internal Server Error"))
        return True

    server = serve(crash)
    with release_to(server) as release:
        assert [release.send(POST).answer.status for _ in range(2)] == [500, 500]
    assert len(server.threads) == 1 + 2


@pytest.mark.skipif(QUICKACK is None, reason="the system has no such option")
def test_a_head_that_comes_alone_is_acknowledged_at_once() -> None:
    """A server with Nagle's algorithm sends the body only then; else every answer would take 40 ms longer."""

    class Endpoint:
        def __init__(self) -> None:
            self.chunks = [OK[-2:], OK[:-2]]
            self.calls: list[object] = []

        def recv(self, _: int) -> bytes:
            self.calls.append("recv")
            return self.chunks.pop()

        def setsockopt(self, *option: int) -> None:
            self.calls.append(option)

    endpoint: Any = Endpoint()
    parser = AnswerParser()
    assert read_some(endpoint, parser) == (None, True)
    answer, alive = read_some(endpoint, parser)
    assert answer is not None
    assert (answer.status, alive) == (200, True)
    assert endpoint.calls == ["recv", (socket.IPPROTO_TCP, QUICKACK, 1), "recv"]


def test_silence_and_hanging_up_are_unknown(serve: Callable[[Behaviour], Server]) -> None:
    def behave(connection: socket.socket, request: bytes, number: int) -> bool:
        if number == 1:
            return False
        if number == 2:
            connection.sendall(OK[:20])
            return False
        return True

    with release_to(serve(behave), timeout_s=0.3) as release:
        exchanges = release.race([POST] * 3)
    assert [exchange.answer.status for exchange in exchanges] == [None] * 3
    assert all(exchange.returned_ns is None for exchange in exchanges)
    errors = sorted(exchange.answer.error for exchange in exchanges)
    assert errors[0] == "no answer within 0.3 s"
    assert all("closed the connection" in error or "broke" in error for error in errors[1:])


@pytest.mark.parametrize(
    ("begin", "piece", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536, TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (b"9\r\n123456789\r\n") * 4096, TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 8192, TOO_LONG),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536, TOO_LONG),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 8192, TOO_LONG),
        (b"HTTP/1.1 200 ", b"x" * 65536, TOO_LONG),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 1024, TOO_LONG),
        (b"HTTP/1.1 200 OK\r\n", b"".join(b"A%d: b\r\n" % i for i in range(20_000)), TOO_MANY_HEADERS),
    ],
    ids=["until close", "length", "chunks", "trailers", "header", "headers", "status line", "interim", "many headers"],
)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_an_answer_without_an_end_is_unknown(
    begin: bytes, piece: bytes, problem: str, secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is closed before much more than the limit was read."""
    sent: list[int] = []

    def send_for_ever(connection: socket.socket, request: bytes, number: int) -> bool:
        connection.sendall(begin)
        # A client that reads on would get this much.
        for _ in range(4 * ANSWER_BYTES_MAX // len(piece)):
            connection.sendall(piece)
            sent.append(len(piece))
        return False

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if secure else None
    if tls is not None:
        tls.load_cert_chain(CERTIFICATE)
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    server = Server(send_for_ever, tls)
    try:
        with release_to(server, timeout_s=60) as release:
            exchange = release.send(POST)
            assert release._connections[0].socket is None
    finally:
        server.close()
    assert exchange.answer == Answer(None, error=problem)
    assert exchange.returned_ns is None
    # The buffers of the kernel hold what the client never reads.
    assert sum(sent) < 3 * ANSWER_BYTES_MAX


def test_one_that_speaks_too_early_sends_all_back_to_the_line() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    accepted = threading.Event()

    def speak_once() -> None:
        first, _ = listening.accept()
        first.sendall(OK)
        accepted.set()
        second, _ = listening.accept()
        with first, second:
            while not second.recv(4096).endswith(b"9"):
                continue
            second.sendall(OK)

    thread = threading.Thread(target=speak_once)
    thread.start()
    release = Release(f"http://127.0.0.1:{listening.getsockname()[1]}", 5)
    # The first connection is made and spoken on before the race begins.
    release._connections.append(connection := Connection(release.base_url, 5))
    connection.open()
    assert accepted.wait(5)
    assert release.race([POST])[0].answer.status == 200
    assert release.restarts == 1
    release.close()
    thread.join()
    listening.close()


def test_an_unread_answer_is_never_taken_for_the_next(serve: Callable[[Behaviour], Server]) -> None:
    server = serve(answer_ok)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with release_to(server) as release:
        release.race([POST] * 2)
        with pytest.raises(KeyboardInterrupt):
            release.race([POST] * 2, interrupt)
        release.race([POST] * 2)
    assert len(server.threads) == 1 + 4
    assert len(server.whole) == 4


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ReleaseError, match=f"127.0.0.1:{port} cannot be reached"):
        Release(f"http://127.0.0.1:{port}", 1).send(POST)


@pytest.mark.parametrize(("absence_s", "is_reached"), [(30.0, True), (0.0, False)])
def test_a_server_that_is_being_started_is_waited_for(
    absence_s: float, is_reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens at the second attempt."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    started: list[Server] = []
    monkeypatch.setattr(time, "sleep", lambda _: started.append(Server(answer_ok, port=port)))
    release = Release(f"http://127.0.0.1:{port}", 5.0, absence_s)
    try:
        if is_reached:
            assert [exchange.answer.status for exchange in release.race([POST] * 2)] == [200] * 2
        else:
            with pytest.raises(ReleaseError, match="cannot be reached"):
                release.race([POST] * 2)
        assert len(started) == is_reached
    finally:
        release.close()
        for server in started:
            server.close()


def test_a_server_that_takes_too_few_connections_is_named() -> None:
    """It accepts none, so that the kernel takes as many as it lets wait; the next one is not answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        release = Release(f"http://127.0.0.1:{port}", 0.2)
        told = r"timed out beside [1-7] connections that it had taken\. .* or race fewer contenders$"
        with pytest.raises(ReleaseError, match=told):
            release.race([Request("GET", "/")] * 8)


@pytest.fixture
def secured(serve: Callable[[Behaviour], Server]) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = Server(answer_ok, context)
    yield server
    server.close()


def test_tls_holds_all_requests_too(secured: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    before: list[int] = []
    with release_to(secured) as release:
        for _ in range(3):
            exchanges = release.race([POST] * 10, lambda: before.append(len(secured.whole)))
            assert [exchange.answer.status for exchange in exchanges] == [200] * 10
        assert release.restarts == 0, "session tickets are no answer"
    assert before == [0, 10, 20]
    assert len(secured.threads) == 1 + 10


def test_a_certificate_of_no_authority_is_named(secured: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(ReleaseError, match=r"cannot be reached: .*(?i:certificate)"):
        Release(secured.url, 5).send(POST)


def test_the_release_waits_for_its_instant(serve: Callable[[Behaviour], Server]) -> None:
    server = serve(answer_ok)
    with release_to(server) as release:
        release.race([POST] * 5)
        at_ns = now_ns() + 30_000_000
        exchanges = release.race([POST] * 5, lambda: at_ns)
    assert all(exchange.invoked_ns >= at_ns for exchange in exchanges)


def test_an_instant_that_has_passed_is_now() -> None:
    before = now_ns()
    wait_until(before - 10**9)
    wait_until(before + 2_000_000)
    assert now_ns() >= before + 2_000_000


PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys
from engine.target.http_answer import Answer
from engine.target.template import ANSWERED, SENT, Request
from load.client.http_messages import ANSWER_BYTES_MAX, TOO_LONG, TOO_MANY_HEADERS
from load.client.release import Release
post = Request("POST", "/x", (), b"0123456789")
release = Release(sys.argv[1], 5)
for _ in range(3):
    print([exchange.answer.status for exchange in release.race([post] * 3)], release.restarts, flush=True)
    input()
release.close()
"""


def test_a_process_patched_by_gevent_sees_closed_connections_too(serve: Callable[[Behaviour], Server]) -> None:
    """gevent's selector does not look when it is given no time; a race over dead connections would be lost."""
    server = serve(lambda connection, _, number: answer_ok(connection, b"", number) and number > 3)
    command = [sys.executable, "-c", PATCHED, server.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        for _ in range(3):
            lines.append(process.stdout.readline().strip())
            if len(lines) == 1:
                for thread in server.threads[1:4]:
                    thread.join()
            process.stdin.write("\n")
            process.stdin.flush()
    assert lines == ["[200, 200, 200] 0", "[200, 200, 200] 1", "[200, 200, 200] 1"]
    assert len(server.whole) == 9, "no request was sent twice"


def test_a_server_that_does_not_wait_for_the_body_runs_nothing_before_the_release() -> None:
    """Its application never reads the body: it answers as soon as the head is whole."""
    released: list[int] = []
    began: list[int] = []

    class Hasty(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            began.append(now_ns())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            """Says nothing."""

    def release_at() -> int:
        released.append(now_ns() + 20_000_000)
        return released[0]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hasty) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        release = Release(f"http://127.0.0.1:{server.server_port}", 5)
        try:
            exchanges = release.race([POST] * 5, release_at)
        finally:
            release.close()
            server.shutdown()
            thread.join()
    assert [exchange.answer.status for exchange in exchanges] == [200] * 5
    assert len(began) == 5, "nothing was sent twice"
    assert min(began) >= released[0]


@pytest.mark.parametrize("size", [1, 100_000, 2_000_000])
def test_a_body_of_any_size_arrives_whole(serve: Callable[[Behaviour], Server], size: int) -> None:
    body = b"x" * size + POST.body
    received: list[int] = []

    def note(connection: socket.socket, request: bytes, number: int) -> bool:
        received.append(len(request.partition(b"\r\n\r\n")[2]))
        connection.sendall(OK)
        return True

    release = Release(serve(note).url, 10)
    exchanges = release.race([Request("POST", "/x", (), body)] * 2)
    release.close()
    assert [exchange.answer.status for exchange in exchanges] == [200, 200]
    assert received == [len(body)] * 2
