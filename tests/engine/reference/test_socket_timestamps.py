"""Goal: the kernel tells when bytes came, however late they are read."""

import socket
import sys
import time

import pytest

from engine.reference.socket_timestamps import receive
from tests.stamping import listen_for_arrivals

LATE_NS = 5_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel is not asked")
def test_what_is_read_late_came_when_it_was_sent() -> None:
    with listen_for_arrivals() as listening, socket.create_connection(listening.getsockname()) as sender:
        receiver, _ = listening.accept()
        with receiver:
            sender.sendall(b"first")
            begun_ns = time.monotonic_ns()
            sender.sendall(b"last")
            sent_ns = time.monotonic_ns()
            while time.monotonic_ns() < sent_ns + LATE_NS:
                continue
            chunk, arrived_ns = receive(receiver)
    assert chunk == b"firstlast"
    assert begun_ns <= arrived_ns < sent_ns + LATE_NS


def test_a_socket_that_does_not_tell_came_when_it_was_read() -> None:
    sender, receiver = socket.socketpair()
    with sender, receiver:
        sender.sendall(b"x")
        begun_ns = time.monotonic_ns()
        chunk, arrived_ns = receive(receiver)
        assert chunk == b"x"
        assert begun_ns <= arrived_ns <= time.monotonic_ns()
