"""When bytes came to this machine: the kernel notes it, however late they are read.

See socket(7), SO_TIMESTAMP, here in nanoseconds. Elsewhere than on Linux it is the time of reading.
"""

import socket
import struct
import sys
import time

CHUNK_BYTES = 65536
# The option's number, which the socket module does not name: the same on every machine that Python calls "linux",
# but for a few old ones that refuse it or tell nothing.
SO_TIMESTAMPNS = 35
TIME = struct.Struct("@ll")
ANCILLARY_BYTES = socket.CMSG_SPACE(TIME.size)
# A look at two clocks may be interrupted in between; the tightest of a few is taken.
LOOKS = 3


def ask_for_arrivals(listening: socket.socket) -> None:
    """Sockets that are accepted from this one tell `receive` when something came.

    The kernel notes it from a few ms after the first socket of the machine asked; before, it is the time of reading.
    """
    if sys.platform == "linux":
        listening.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def receive(endpoint: socket.socket) -> tuple[bytes, int]:
    """What is there, and when the last of it came, in ns of the monotonic clock."""
    chunk, told, _, _ = endpoint.recvmsg(CHUNK_BYTES, ANCILLARY_BYTES)
    read_ns = time.monotonic_ns()
    for level, kind, value in told:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = TIME.unpack(value)
            return chunk, seconds * 1_000_000_000 + nanoseconds + look_at_clocks()
    return chunk, read_ns


def look_at_clocks() -> int:
    """By how many ns the monotonic clock is ahead of the time of day, which may be set at any moment."""
    looks = []
    for _ in range(LOOKS):
        begun_ns, now_ns, done_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        looks.append((done_ns - begun_ns, done_ns - now_ns))
    return min(looks)[1]
