"""Runs a database server or pgbouncer in a folder and on a port of its own, and waits until it is ready."""

import os
import pwd
import shutil
import socket
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.provision.database_address import CONNECTIONS_MAX, Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import find_free_port
from engine.provision.processes import Process, end_process, hold_signals

LOG = "log"
# A throw-away database need not survive a crash of the machine. It survives the death of its processes: the operating
# system has what they wrote, and the server still answers a commit only after the write.
SERVER_SETTINGS = {
    "max_connections": str(CONNECTIONS_MAX),
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "jit": "off",
}
PORT_ATTEMPTS_MAX = 5
# PostgreSQL and pgbouncer log these texts when another process has the port.
PORT_TAKEN = ("could not create any TCP/IP sockets", "Address already in use")
START_LIMIT_S = 60.0
READY_POLL_S = 0.01
FOLDER_PREFIX = "onewinner-pg-"
UNPRIVILEGED_USER = "nobody"
# Some systems limit the path of a Unix socket to 103 bytes.
TEMPORARY_PATH_MAX = 64
SHORT_TEMPORARY_PATH = "/tmp"  # noqa: S108 - mkdtemp makes the folder in it, for its owner alone


@contextmanager
def run_server(what: str, start: Callable[[Path, int], tuple[Process, Database]]) -> Iterator[Database]:
    """A ready server until the block is left; then it is ended and its folder removed.

    `start` gets the folder, for the log and other files, and the port. Raises DatabaseUnavailable.
    """
    for _ in range(PORT_ATTEMPTS_MAX):
        folder = make_folder()
        process = None
        try:
            with hold_signals():
                process, database = start(folder, find_free_port())
            if await_ready(what, process, folder / LOG, database):
                yield database
                return
        finally:
            if process is not None:
                end_process(process)
            shutil.rmtree(folder, ignore_errors=True)
    raise DatabaseUnavailable(f"No free port was found for the {what}; end programs that listen on this machine.")


def write_for_server(file: Path, text: str) -> Path:
    """Writes a file that only the server's user can read. Returns its path."""
    file.touch(mode=0o600)
    file.write_text(text)
    os.chown(file, *unprivileged())
    return file


def make_folder() -> Path:
    """Makes a folder for the user that runs Postgres, who can reach it. Its path is short enough for a Unix socket."""
    root = tempfile.gettempdir()
    if len(root) > TEMPORARY_PATH_MAX or not may_enter(Path(root), *unprivileged()):
        root = SHORT_TEMPORARY_PATH
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=root))
    os.chown(folder, *unprivileged())
    return folder


def may_enter(folder: Path, uid: int, gid: int) -> bool:
    """Whether a user may enter the folder and all above it."""
    for path in (folder.resolve(), *folder.resolve().parents):
        found = path.stat()
        bit = stat.S_IXUSR if found.st_uid == uid else stat.S_IXGRP if found.st_gid == gid else stat.S_IXOTH
        if not found.st_mode & bit:
            return False
    return True


def unprivileged() -> tuple[int, int]:
    """The uid and gid that run Postgres, which refuses to run as root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam(UNPRIVILEGED_USER)
    return nobody.pw_uid, nobody.pw_gid


def await_ready(what: str, process: Process, log: Path, database: Database) -> bool:
    """Waits until the server asks for a password. Returns False if another process took the port meanwhile."""
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
    """Whether a server accepts connections: it answers a start-up packet with a request for a password."""
    words = ("user", database.user, "database", database.name, "")
    packet = struct.pack("!i", 196608) + b"".join(word.encode() + b"\0" for word in words)
    try:
        with socket.create_connection((database.host, database.port), timeout=1) as connection:
            connection.sendall(struct.pack("!i", len(packet) + 4) + packet)
            return connection.recv(1) == b"R"
    except OSError:
        return False
