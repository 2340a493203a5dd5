"""The protocol that reads in the loop's place: nothing is lost by it, and each request tells when it came."""

import asyncio
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.reference.api import ARRIVED
from engine.reference.arrival_protocol import ArrivalProtocol
from tests.stamping import listen_for_arrivals

LATE_NS = 5_000_000
LIMIT_S = 20.0
ASK = b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n"


@contextlib.contextmanager
def serve(app: ASGIApp) -> Iterator[tuple[str, int]]:
    """The app behind the protocol, in a thread of its own; its address."""
    with listen_for_arrivals() as listening:
        config = uvicorn.Config(
            app, loop="uvloop", http=ArrivalProtocol, lifespan="off", ws="none", log_level="critical"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(LIMIT_S)
            assert not thread.is_alive()


@contextlib.contextmanager
def connect(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, LIMIT_S) as connection:
        yield connection


async def answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def ask(connection: socket.socket, path: bytes) -> None:
    connection.sendall(ASK % path)
    read_answer(connection)


def read_answer(connection: socket.socket) -> None:
    got = b""
    while not got.endswith(b"\r\n\r\nok"):
        chunk = connection.recv(1000)
        assert chunk, got
        got += chunk


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel is not asked")
def test_a_request_that_waits_for_a_busy_server_tells_when_it_came() -> None:
    """The first request keeps the server busy until the second was there for a while."""
    told: dict[str, int] = {}
    others: list[socket.socket] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told[scope["path"]] = scope[ARRIVED]
        if scope["path"] == "/busy":
            told["begun"] = time.monotonic_ns()
            others[0].sendall(ASK % b"late")
            told["sent"] = time.monotonic_ns()
            while time.monotonic_ns() < told["sent"] + LATE_NS:
                continue
        await answer(send)

    with serve(app) as address, connect(address) as first, connect(address) as second:
        others.append(second)
        ask(first, b"warm")
        ask(second, b"warm")
        ask(first, b"busy")
        read_answer(second)
    assert told["begun"] <= told["/late"] < told["sent"] + LATE_NS


def test_a_body_that_is_larger_than_what_is_kept_comes_whole() -> None:
    """The server stops to read until the application has taken what there is."""
    sizes: list[int] = []
    body = bytes(2 << 20)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            await asyncio.sleep(0)
            message = await receive()
            size += len(message["body"])
            more = message["more_body"]
        sizes.append(size)
        await answer(send)

    with serve(app) as address, connect(address) as connection:
        for _ in range(2):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            read_answer(connection)
    assert sizes == [len(body)] * 2


def test_an_application_hears_that_the_client_hung_up() -> None:
    heard: list[str] = []
    done = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])
        done.set()

    with serve(app) as address:
        with connect(address) as connection:
            connection.sendall(ASK % b"")
        assert done.wait(LIMIT_S)
    assert heard == ["http.request", "http.disconnect"]
