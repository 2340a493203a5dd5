"""The kernel notes when something came only from shortly after a first socket has asked for it."""

import contextlib
import socket
import sys
import time
from collections.abc import Iterator

from engine.reference.socket_timestamps import ANCILLARY_BYTES, ask_for_arrivals

LIMIT_S = 20.0


@contextlib.contextmanager
def listen_for_arrivals() -> Iterator[socket.socket]:
    """A socket whose connections tell when something came: the kernel, where it is asked, notes it by now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ask_for_arrivals(listening)
        given_up = time.monotonic() + LIMIT_S
        with socket.create_connection(listening.getsockname()) as sender, listening.accept()[0] as receiver:
            is_noted = sys.platform != "linux"
            while not is_noted:
                assert time.monotonic() < given_up, "the kernel does not note when something came"
                sender.sendall(b"x")
                is_noted = bool(receiver.recvmsg(1, ANCILLARY_BYTES)[1])
        yield listening
