"""TCP ports of 127.0.0.1: finds a free one, and tells whether one is free."""

import socket

LOOPBACK = "127.0.0.1"


def find_free_port() -> int:
    """A port on which no process listened a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
