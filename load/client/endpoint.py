"""The endpoint: one connected socket, plain or under TLS, as the release uses it. Nothing here waits but a large body.

What differs under TLS is in this file alone.
"""

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from functools import partial

from engine.target.target import Answer
from load.client.http import AnswerParser

CHUNK_BYTES = 65536
# Closing does not linger: the peer gets a reset instead of an end.
NO_LINGER = struct.pack("ii", 1, 0)
# A fatal alert in plain, where everything is encrypted.
BROKEN_RECORD = b"\x15\x03\x03\x00\x02\x02\x50"


def is_silent(endpoint: socket.socket) -> bool:
    """Whether the connection lives and nothing came over it. Never waits, and asks no selector: gevent's does not
    look when it is given no time.
    """
    try:
        if not isinstance(endpoint, ssl.SSLSocket):
            # A socket with a timeout does not block underneath. What is taken here is lost, but so is the connection.
            os.read(endpoint.fileno(), 1)
            return False
        timeout_s = endpoint.gettimeout()
        endpoint.settimeout(0)
        try:
            # It takes in what is not the application's, such as the tickets of TLS 1.3.
            endpoint.recv(1)
        finally:
            endpoint.settimeout(timeout_s)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def find_sender(endpoint: socket.socket) -> Callable[[bytes], object]:
    """What sends the end of a request over the socket in the shortest time."""
    if isinstance(endpoint, ssl.SSLSocket):
        return endpoint.sendall
    return partial(write_all, endpoint)


def write_all(endpoint: socket.socket, end: bytes) -> None:
    """One call of the kernel, unless the body is larger than what it takes at once."""
    try:
        written = os.write(endpoint.fileno(), end)
    except BlockingIOError:
        written = 0
    if written < len(end):
        endpoint.sendall(end[written:])


def read_some(endpoint: socket.socket, parser: AnswerParser) -> tuple[Answer | None, bool]:
    """The answer once it is whole, and whether the connection can be used again."""
    try:
        chunk = receive(endpoint)
        while chunk:
            answer = parser.feed(chunk)
            if answer is not None:
                return answer, parser.keep_alive
            pending = isinstance(endpoint, ssl.SSLSocket) and endpoint.pending() > 0
            if not pending:
                return None, True
            chunk = receive(endpoint)
    except ssl.SSLWantReadError:
        return None, True
    except ValueError as error:
        return Answer(None, error=str(error)), False
    except OSError as error:
        return Answer(None, error=f"the connection broke: {error.strerror or error}"), False
    return parser.end(), False


def receive(endpoint: socket.socket) -> bytes:
    """What is there. Under TLS that may be half a record: SSLWantReadError; the rest is not waited for."""
    if not isinstance(endpoint, ssl.SSLSocket):
        return endpoint.recv(CHUNK_BYTES)
    timeout_s = endpoint.gettimeout()
    endpoint.settimeout(0)
    try:
        return endpoint.recv(CHUNK_BYTES)
    finally:
        endpoint.settimeout(timeout_s)


def break_off(endpoint: socket.socket) -> None:
    """Makes its closing an error to the peer, which must not take what it has got for the whole.

    Under TLS a reset is not enough: Python's own ssl takes it for an end in many a version.
    """
    # Some systems refuse where the peer has hung up already.
    with contextlib.suppress(OSError):
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        if isinstance(endpoint, ssl.SSLSocket):
            os.write(endpoint.fileno(), BROKEN_RECORD)
