"""What all servers have in common that we start ourselves: a port, a folder, a user, settings, and a sign of life."""

import os
import pwd
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.provision.address import CONNECTIONS_MAX, Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.processes import Process, end_process, hold_signals

LOOPBACK = "127.0.0.1"
LOG = "log"
# A throw-away database need not survive the machine. It does survive the death of its own processes, since what they
# wrote is with the operating system; and a commit is still answered only after that.
SERVER_SETTINGS = {
    "max_connections": str(CONNECTIONS_MAX),
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "jit": "off",
}
PORT_ATTEMPTS_MAX = 5
# What PostgreSQL and pgbouncer log when somebody else has the port.
PORT_TAKEN = ("could not create any TCP/IP sockets", "Address already in use")
START_LIMIT_S = 60.0
READY_POLL_S = 0.01
FOLDER_PREFIX = "onewinner-pg-"
UNPRIVILEGED_USER = "nobody"
# The path of a Unix socket has at most 103 bytes on some systems.
TEMPORARY_PATH_MAX = 64
SHORT_TEMPORARY_PATH = "/tmp"  # noqa: S108 - mkdtemp makes the folder in it, for its owner alone


@contextmanager
def run_server(what: str, start: Callable[[Path, int], tuple[Process, Database]]) -> Iterator[Database]:
    """A server in a folder and on a port of its own, ready, until the block is left; then both are gone.

    `start` is given the folder, in which the log is to be, and the port. Raises DatabaseUnavailable.
    """
    for _ in range(PORT_ATTEMPTS_MAX):
        folder = make_folder()
        process = None
        try:
            with hold_signals():
                process, database = start(folder, find_port())
            if await_ready(what, process, folder / LOG, database):
                yield database
                return
        finally:
            if process is not None:
                end_process(process)
            shutil.rmtree(folder, ignore_errors=True)
    raise DatabaseUnavailable(f"No free port was found for the {what}; end what listens on this machine.")


def write_for_server(file: Path, text: str) -> Path:
    """A file that the server's user alone can read. Gives its path."""
    file.touch(mode=0o600)
    file.write_text(text)
    os.chown(file, *unprivileged())
    return file


def make_folder() -> Path:
    """A new folder of the user as whom Postgres runs, with a path short enough for a Unix socket in it."""
    root = tempfile.gettempdir()
    if len(root) > TEMPORARY_PATH_MAX:
        root = SHORT_TEMPORARY_PATH
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=root))
    os.chown(folder, *unprivileged())
    return folder


def unprivileged() -> tuple[int, int]:
    """The uid and gid as which Postgres runs: it refuses to be root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam(UNPRIVILEGED_USER)
    return nobody.pw_uid, nobody.pw_gid


def await_ready(what: str, process: Process, log: Path, database: Database) -> bool:
    """Waits until the server asks for a password; False when another process took the port meanwhile."""
    deadline = time.monotonic() + START_LIMIT_S
    while not asks_password(database):
        overdue = time.monotonic() > deadline
        if process.poll() is None and not overdue:
            time.sleep(READY_POLL_S)
            continue
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        if any(taken in line for line in lines for taken in PORT_TAKEN):
            return False
        problem = f"was not ready within {START_LIMIT_S:.0f} s" if overdue else "did not start"
        raise DatabaseUnavailable(f"The {what} {problem}; its log ends with: {' / '.join(lines[-3:])}")
    return True


def asks_password(database: Database) -> bool:
    """Whether a server is there and takes connections: a start-up packet is answered by a request to log in."""
    words = ("user", database.user, "database", database.name, "")
    packet = struct.pack("!i", 196608) + b"".join(word.encode() + b"\0" for word in words)
    try:
        with socket.create_connection((database.host, database.port), timeout=1) as link:
            link.sendall(struct.pack("!i", len(packet) + 4) + packet)
            return link.recv(1) == b"R"
    except OSError:
        return False


def find_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
