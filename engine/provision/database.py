"""Provides a database: embedded, in a container, or at a URL, with or without a pgbouncer in front of it.

`provide_database` is the entry point. This module imports no driver and starts no event loop, so that asyncio and
gevent processes can use it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from engine.provision.container import choose_image, start_container
from engine.provision.database_address import Database, list_values, parse_url
from engine.provision.embedded_postgresql import start_embedded
from engine.provision.errors import DatabaseUnavailable
from engine.provision.pgbouncer import start_bouncer
from engine.provision.run_schema import open_schema

__all__ = ["Database", "is_made_here", "list_values", "name_source", "parse_url", "provide_database", "start_embedded"]

CONNECT_LIMIT_S = 10.0
# On a busy machine an interpreter takes long to start.
PROBE_LIMIT_S = 60.0


def provide_database(
    source: str = "embedded",
    *,
    isolation: str | None = None,
    pgbouncer: str | None = None,
    own_schema: bool = False,
) -> AbstractContextManager[Database]:
    """A context manager with the Database of `embedded`, `container`, `container:IMAGE` or a postgresql:// URL.

    `isolation` (as in SQL) becomes the default of a database that we start; a database at a URL keeps its own.
    `pgbouncer` is the program to put in front of it. `own_schema`: in a database at a URL, everything is created in a
    new schema, which is dropped at the end. Raises DatabaseUnavailable, one sentence, on entering.
    """
    settings = {"default_transaction_isolation": isolation.lower()} if isolation is not None else {}
    kind, _, rest = source.partition(":")
    if source == "embedded":
        provided = start_embedded(settings=settings)
    elif kind == "container":
        provided = start_container(rest, settings)
    else:
        provided = open_schema(reach_url(source)) if own_schema else reach_url(source)
    return provided if pgbouncer is None else put_in_front(provided, pgbouncer)


def is_made_here(source: str) -> bool:
    """Whether we start the database of this source, so that we can choose its settings."""
    return source.partition(":")[0] in ("embedded", "container")


def name_source(source: str) -> str:
    """The source without its secrets: `embedded`, `container` with its image, or `URL`."""
    kind, _, image = source.partition(":")
    if kind == "container":
        return f"container {choose_image(image)}"
    return source if source == "embedded" else "URL"


@contextmanager
def put_in_front(provided: AbstractContextManager[Database], pgbouncer: str) -> Iterator[Database]:
    with provided as database, start_bouncer(database, pgbouncer) as reached:
        yield reached


@contextmanager
def reach_url(url: str) -> Iterator[Database]:
    """The database at a URL, after a probe has opened two sessions on it."""
    database = parse_url(url)
    # A separate process: the driver needs an event loop, and gevent may have patched this process.
    probe = [sys.executable, "-P", str(Path(__file__).with_name("database_probe.py")), str(CONNECT_LIMIT_S)]
    try:
        run = subprocess.run(
            probe, input=database.url, capture_output=True, text=True, timeout=PROBE_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise unusable(database, f"it did not answer within {PROBE_LIMIT_S:.0f} s") from None
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines()
        raise unusable(database, f"the probe ended with: {lines[-1] if lines else run.returncode}")
    report = json.loads(run.stdout)
    if report["problem"] is not None:
        raise unusable(database, report["problem"])
    yield replace(database, connections=report["connections"])


def unusable(database: Database, problem: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database {database.public_url} cannot be used: {problem.rstrip('.')}; "
        "start it or correct the URL, or pass --database embedded."
    )
