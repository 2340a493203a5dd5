"""Goal: lining up again, or standing at the line in vain, runs nothing.

Method: Python's http.server, which takes the end of a connection for the end of the head and runs what it has got.
"""

import contextlib
import http.server
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.target.template import Request
from load.client.release import Release, ReleaseError

ROOT = Path(__file__).parents[2]
CERTIFICATE = Path(__file__).with_name("localhost.pem")
STAY, LEAVE = Request("POST", "/stay"), Request("POST", "/leave")


class Handler(http.server.BaseHTTPRequestHandler):
    """Runs what is asked. After the request for it, it hangs up unannounced on request."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        self.server.ran.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if self.path == LEAVE.path:
            self.wfile.flush()
            self.close_connection = self.server.may_leave.wait(20)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Says nothing."""


class Server(http.server.ThreadingHTTPServer):
    """`ran` are the requests that were run, `accepted` counts connections. Its end waits for every connection's end."""

    daemon_threads = False

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_port}"
        self.socket = tls.wrap_socket(self.socket, server_side=True) if tls else self.socket
        self.ran: list[str] = []
        self.accepted = 0
        self.may_leave = threading.Event()
        self.hung_up = threading.Event()

    def leave(self) -> None:
        """Returns when a connection has been hung up."""
        self.may_leave.set()
        assert self.hung_up.wait(20)

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted = super().get_request()
        self.accepted += 1
        return accepted

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.hung_up.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reset is an error to the library, and what is wanted here."""


@contextlib.contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """When it is left, everything that was to be run has been run."""
    with Server(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.may_leave.set()
            server.shutdown()
            thread.join()


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    if request.param == "plain":
        return None
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def test_the_server_runs_half_a_head_that_ends() -> None:
    """What the others rest on."""
    with serve() as server, socket.create_connection(("127.0.0.1", server.server_port)) as connection:
        connection.sendall(b"POST /stay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r")
        connection.close()
        assert server.hung_up.wait(20)
    assert server.ran == ["/stay"]


def test_only_those_that_died_line_up_again(tls: ssl.SSLContext | None) -> None:
    with serve(tls) as server:
        release = Release(server.url, 5)
        release.race([STAY, STAY, LEAVE])
        server.leave()
        exchanges = release.race([STAY] * 3)
        release.close()
    assert [exchange.answer.status for exchange in exchanges] == [200] * 3
    assert server.ran.count("/stay") == 2 + 3, "nothing was run twice"
    assert server.accepted == 3 + 1, "the heads that stood went on standing"
    assert release.restarts == 1


def test_those_who_stand_in_vain_run_nothing(tls: ssl.SSLContext | None) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with serve(tls) as server:
        release = Release(server.url, 5)
        release.warm(3, STAY)
        with pytest.raises(KeyboardInterrupt):
            release.race([LEAVE] * 3, interrupt)
        release.close()
    assert server.ran == ["/stay"] * 3


def test_a_server_that_comes_to_its_end_runs_nothing_of_those_who_stand() -> None:
    """One connection is dead, and no new one can be had: the others have stood in vain."""
    with serve() as server:
        release = Release(server.url, 5)
        release.race([STAY, STAY, LEAVE])
        server.leave()
        server.shutdown()
        server.socket.close()
        with pytest.raises(ReleaseError, match="cannot be reached"):
            release.race([LEAVE] * 3)
    assert sorted(server.ran) == ["/leave", "/stay", "/stay"]


PATCHED = """
from gevent import monkey
monkey.patch_all()
import sys
from engine.target.template import Request
from load.client.release import Release
def interrupt():
    raise KeyboardInterrupt
release = Release(sys.argv[1], 5)
release.warm(3, Request("POST", "/stay"))
try:
    release.race([Request("POST", "/leave")] * 3, interrupt)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_those_who_stand_in_vain_in_a_process_patched_by_gevent_run_nothing() -> None:
    with serve() as server:
        command = [sys.executable, "-c", PATCHED, server.url]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert ended.stdout == "interrupted\n"
    assert server.ran == ["/stay"] * 3
