"""Servers that answer in odd ways: plain sockets and threads, and the bytes that a test wants."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

# What happens after an answer: the connection is kept, or closed.
KEEP, CLOSE = True, False


@dataclass(frozen=True)
class Asked:
    """A whole request, as it came."""

    method: str
    path: str
    body: Any


# A request and its number -> the bytes of the answer, and whether the connection is kept.
Behave = Callable[[Asked, int], tuple[bytes, bool]]


def write_answer(status: int, body: bytes = b"", *headers: str, version: str = "1.1", framed: bool = True) -> bytes:
    """An answer with a Content-Length, unless it is not to be framed."""
    length = [f"Content-Length: {len(body)}"] if framed else []
    return "\r\n".join([f"HTTP/{version} {status} Odd", *length, *headers, "", ""]).encode() + body


def pack(**document: Any) -> bytes:
    return json.dumps(document).encode()


def read_request(stream: IO[bytes]) -> Asked | None:
    """The next request, None when none comes, or not the whole of one: who hangs up at the line has asked nothing."""
    head = []
    while (line := stream.readline()) != b"\r\n":
        if not line.endswith(b"\r\n"):
            return None
        head.append(line.decode())
    method, path, _ = head[0].split()
    named = dict(line.strip().lower().split(": ", 1) for line in head[1:])
    length = int(named.get("content-length", 0))
    body = stream.read(length)
    return Asked(method, path, json.loads(body) if body else None) if len(body) == length else None


class Odd:
    """A server of one behaviour. `asked` are all whole requests; `closed` counts the connections that it ended.

    A behaviour gets the number of its request among those of the same method.
    """

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.asked: list[Asked] = []
        self.closed = 0
        self.lock = threading.Condition()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=(connection,))
            with self.lock:
                self.connections.append(connection)
                self.threads.append(thread)
            thread.start()

    def serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            stream = connection.makefile("rb")
            while (asked := read_request(stream)) is not None:
                with self.lock:
                    self.asked.append(asked)
                    number = sum(each.method == asked.method for each in self.asked)
                answer, keep = self.behave(asked, number)
                connection.sendall(answer)
                if not keep:
                    connection.shutdown(socket.SHUT_RDWR)
                    break
        with self.lock:
            self.closed += 1
            self.lock.notify_all()

    def wait_closed(self) -> None:
        """Until it has hung up after every request so far."""
        with self.lock:
            assert self.lock.wait_for(lambda: self.closed >= len(self.asked), timeout=20)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()


@contextlib.contextmanager
def serve_odd(behave: Behave) -> Iterator[Odd]:
    server = Odd(behave)
    try:
        yield server
    finally:
        server.close()
