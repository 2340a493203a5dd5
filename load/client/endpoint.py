"""The endpoint: one connected socket, plain or under TLS, as the release uses it. Only a large body makes it wait.

What differs under TLS is in this file alone.
"""

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from functools import partial
from typing import Protocol

from engine.target.http_answer import Answer
from load.client.http_messages import AnswerParser

CHUNK_BYTES = 65536
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
# Closing does not linger: the peer gets a reset instead of an end.
NO_LINGER = struct.pack("ii", 1, 0)
# A fatal alert in plain, where everything is encrypted.
BROKEN_RECORD = b"\x15\x03\x03\x00\x02\x02\x50"


def is_silent(endpoint: socket.socket) -> bool:
    """Whether the connection is alive and no byte came over it. Never waits.

    It uses no selector, because gevent's does not look if its timeout is 0.
    """
    try:
        # What is read here is lost, but so is the connection.
        if isinstance(endpoint, ssl.SSLSocket):
            # It reads what is not the application's, such as the session tickets of TLS 1.3.
            receive(endpoint)
        else:
            # A socket with a timeout does not block in the kernel.
            os.read(endpoint.fileno(), 1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def find_sender(endpoint: socket.socket) -> Callable[[bytes], object]:
    """The fastest way to send the end of a request over the socket."""
    if isinstance(endpoint, ssl.SSLSocket):
        return endpoint.sendall
    return partial(write_all, endpoint)


def write_all(endpoint: socket.socket, end: bytes) -> None:
    """One system call, unless the kernel takes only a part of the body at once."""
    try:
        written = os.write(endpoint.fileno(), end)
    except BlockingIOError:
        written = 0
    if written < len(end):
        endpoint.sendall(end[written:])


def read_some(endpoint: socket.socket, parser: AnswerParser) -> tuple[Answer | None, bool]:
    """The answer once it is complete, and whether the connection can be used again."""
    try:
        chunk = receive(endpoint)
        while chunk:
            answer = parser.feed(chunk)
            if answer is not None:
                return answer, parser.keep_alive
            pending = isinstance(endpoint, ssl.SSLSocket) and endpoint.pending() > 0
            if not pending:
                acknowledge(endpoint)
                return None, True
            chunk = receive(endpoint)
    except ssl.SSLWantReadError:
        return None, True
    except ValueError as error:
        return Answer(None, error=str(error)), False
    except OSError as error:
        return Answer(None, error=f"the connection broke: {error.strerror or error}"), False
    return parser.end(), False


class HasOptions(Protocol):
    """A socket, or what an event loop shows of one."""

    def setsockopt(self, level: int, option: int, value: int, /) -> object: ...


def acknowledge(endpoint: HasOptions) -> None:
    """Acknowledges the bytes so far at once, where the system can (Linux).

    Many servers (uvicorn with several workers) send head and body apart, and with Nagle's algorithm. Their kernel holds
    the body until the head is acknowledged, and ours would wait 40 ms with that.
    """
    if QUICKACK is not None:
        with contextlib.suppress(OSError):
            endpoint.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)


def receive(endpoint: socket.socket) -> bytes:
    """The bytes that are there. Under TLS that may be half a record: then it raises SSLWantReadError."""
    if not isinstance(endpoint, ssl.SSLSocket):
        return endpoint.recv(CHUNK_BYTES)
    timeout_s = endpoint.gettimeout()
    endpoint.settimeout(0)
    try:
        return endpoint.recv(CHUNK_BYTES)
    finally:
        endpoint.settimeout(timeout_s)


def break_off(endpoint: socket.socket) -> None:
    """Makes its closing an error for the peer, which must not take the bytes so far for the whole request.

    Under TLS a reset is not enough: many versions of Python's ssl take it for an orderly end.
    """
    # Some systems refuse this if the peer has already closed.
    with contextlib.suppress(OSError):
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        if isinstance(endpoint, ssl.SSLSocket):
            os.write(endpoint.fileno(), BROKEN_RECORD)
