"""Reads from a socket, with the time at which the kernel received the bytes: SO_TIMESTAMPNS, see socket(7).

On systems other than Linux it is the time of the read.
"""

import socket
import struct
import sys
import time

CHUNK_BYTES = 65536
# The number of the option, which the socket module does not name. It is the same on every machine that Python calls
# "linux", except for a few old ones that refuse the option or ignore it.
SO_TIMESTAMPNS = 35
TIME = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(TIME.size)
# A reading of two clocks may be interrupted in between. Of a few readings, the one with the least distance counts.
READINGS = 3


def ask_for_arrivals(listening: socket.socket) -> None:
    """Makes the kernel note arrival times for the sockets that this one accepts.

    It does so from a few ms after the first socket of the machine asked; before, `receive` gives the time of the read.
    """
    if sys.platform == "linux":
        listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def receive(endpoint: socket.socket) -> tuple[bytes, int]:
    """The next bytes, and when the last of them arrived, in ns of the monotonic clock."""
    chunk, ancillary, _, _ = endpoint.recvmsg(CHUNK_BYTES, ANCILLARY_BYTES)
    read_ns = time.monotonic_ns()
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = TIME.unpack(value)
            return chunk, seconds * 1_000_000_000 + nanoseconds + compare_clocks()
    return chunk, read_ns


def compare_clocks() -> int:
    """By how many ns the monotonic clock is ahead of the time of day, which can be set at any moment."""
    readings = []
    for _ in range(READINGS):
        begun_ns, now_ns, done_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((done_ns - begun_ns, done_ns - now_ns))
    return min(readings)[1]
