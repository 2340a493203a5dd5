"""Starts a pgbouncer in transaction mode between a service and its database, as in many production systems.

Behind it a session keeps neither settings nor prepared statements from one transaction to the next. The pool of
pgbouncer is smaller than the pools of services, so that they do share its connections.
"""

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

from engine.provision.database_address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import LOOPBACK
from engine.provision.processes import DATABASE_AFTER_S, Process, start_leash
from engine.provision.servers import LOG, run_server, unprivileged, write_for_server

PROGRAM = "pgbouncer"
# Debian installs it into a folder that is on the PATH of root only.
FURTHER_FOLDERS = "/usr/sbin"
CLIENTS_MAX = 2000
SERVER_CONNECTIONS = 20
# JDBC sends this parameter to every server. No other parameter is ignored, above all no isolation level.
IGNORED_PARAMETERS = "extra_float_digits"


@contextmanager
def start_bouncer(database: Database, program: str = PROGRAM) -> Iterator[Database]:
    """The same database through a pgbouncer on 127.0.0.1, which ends with this process. Raises DatabaseUnavailable."""
    found = find_program(program)
    options = dict(parse_qsl(database.options))
    tls = options.pop("sslmode", "prefer")
    search_path = options.pop("search_path", None)
    if options:
        raise DatabaseUnavailable(
            f"A pgbouncer cannot pass on the options {', '.join(options)} of the database URL; "
            "leave them out, or leave out --pgbouncer."
        )

    def start(folder: Path, port: int) -> tuple[Process, Database]:
        # pgbouncer asks its clients for a password even if the server asks for none.
        password = database.password or secrets.token_hex(16)
        reached = replace(database, host=LOOPBACK, port=port, password=password, options="", pooled=True)
        return start_program(found, folder, database, reached, tls, search_path), reached

    with run_server("pgbouncer", start) as reached:
        yield reached


def find_program(program: str) -> str:
    """The path of a program that is given by name or path. Raises DatabaseUnavailable."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), FURTHER_FOLDERS])
    found = shutil.which(program, path=path)
    if found is None:
        raise DatabaseUnavailable(
            f"There is no program {program!r}; install pgbouncer (Debian: apt-get install pgbouncer), "
            "or name it with --pgbouncer PATH."
        )
    return str(Path(found).absolute())


def start_program(
    program: str, folder: Path, database: Database, reached: Database, tls: str, search_path: str | None
) -> Process:
    users = write_for_server(folder / "users", f"{double_quoted(reached.user)} {double_quoted(reached.password)}\n")
    settings = write_for_server(folder / "pgbouncer.ini", write_settings(database, reached, users, tls, search_path))
    return start_leash(
        [[program, str(settings)]],
        # On SIGTERM it closes its connections at once; on SIGINT it would wait for its clients.
        end_signal=signal.SIGTERM,
        user=unprivileged() if os.geteuid() == 0 else None,
        folder=folder,
        log=folder / LOG,
        orphan=(DATABASE_AFTER_S, int(signal.SIGTERM)),
    )


def write_settings(database: Database, reached: Database, users: Path, tls: str, search_path: str | None) -> str:
    """The text of pgbouncer.ini. Every database name leads to the same name on the one server.

    Each connection to the server begins with the search path, because no client can set it.
    """
    settings = {
        "listen_addr": reached.host,
        "listen_port": reached.port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": users,
        "pool_mode": "transaction",
        "max_client_conn": CLIENTS_MAX,
        "default_pool_size": SERVER_CONNECTIONS,
        "ignore_startup_parameters": IGNORED_PARAMETERS,
        "server_tls_sslmode": tls,
        "log_connections": 0,
        "log_disconnections": 0,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    where = f"* = host={single_quoted(database.host)} port={database.port}"
    if search_path is not None:
        query = f"SELECT set_config('search_path', {single_quoted(search_path)}, false)"
        where += f" connect_query={single_quoted(query)}"
    return "\n".join(["[databases]", where, "[pgbouncer]", *lines, ""])


def double_quoted(text: str) -> str:
    """A word for the users' file: double quotes are doubled."""
    return '"{}"'.format(text.replace('"', '""'))


def single_quoted(text: str) -> str:
    """A value for a connection string: single quotes are doubled."""
    return "'{}'".format(text.replace("'", "''"))
