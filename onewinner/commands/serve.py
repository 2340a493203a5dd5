"""Runs the reference engine in N worker processes, or the service of a target file, until it is told to stop."""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.provision.database import is_made_here, provide_database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.processes import Process, run_process
from engine.provision.service import REFERENCE, answers, find_free_port, is_port_free
from engine.reference import tokens
from engine.reference.api import prepare
from engine.reference.errors import SchemaUnavailable
from engine.reference.settings import share_connections
from onewinner import ROOMS
from onewinner.exits import UNKNOWN, UsageError
from onewinner.options import WORKERS_DEFAULT, Parser, add_engine_options, name_isolation
from onewinner.stage import choose_footing, mint_tokens, service_arguments, set_stage, undo_additions

POLL_S = 0.2
BACKLOG = 2048
EXAMPLE = "onewinner serve --port 8080 --workers 4"


def main(arguments: list[str]) -> int:
    parser = Parser("serve", __doc__ or "", EXAMPLE)
    add_engine_options(parser)
    parser.add_argument(
        "--pooled", choices=("true", "false"), default="false", help="whether the URL leads to a pgbouncer already"
    )
    parser.add_argument("--announce", action="store_true", help="print address and tokens as one line of JSON, no more")
    parser.add_argument("--quiet", action="store_true", help="print nothing when it is ready")
    options = parser.parse_args(arguments)
    if options.target != REFERENCE or options.announce:
        return serve_target(options)
    try:
        return serve_reference(options)
    except (DatabaseUnavailable, SchemaUnavailable) as error:
        raise UsageError(str(error)) from None


def serve_target(options: argparse.Namespace) -> int:
    """Starts a target's service on a database of its own and says where it is."""
    with (
        tempfile.TemporaryDirectory(prefix="onewinner-") as folder,
        set_stage(
            options.target,
            options.database,
            options.port,
            Path(folder, "service.log"),
            service_arguments(options),
            choose_footing(options),
        ) as stage,
    ):
        told = {name: value for name, value in stage.environment.items() if os.environ.get(name) != value}
        print(json.dumps({"base_url": stage.target.base_url, "environment": told}), flush=True)
        while True:
            time.sleep(3600)


def serve_reference(options: argparse.Namespace) -> int:
    port = options.port or find_free_port()
    if not is_port_free(port):
        raise UsageError(f"--port: {port} is in use on 127.0.0.1; end what listens there or choose another")
    environment = {**os.environ, **({} if tokens.SECRET_VARIABLE in os.environ else mint_tokens())}
    with contextlib.ExitStack() as before, contextlib.ExitStack() as running:
        workers = options.workers or WORKERS_DEFAULT
        database = before.enter_context(provide_database(options.database, pgbouncer=options.pgbouncer))
        asyncio.run(prepare(database.url, options.defect, options.control))
        order = {
            "database_url": database.url,
            "isolation": (name_isolation(options) or "read-committed").replace("-", " ").upper(),
            "defect": options.defect,
            "control": options.control,
            "pool_size": share_connections(workers, database.connections),
            "pooled": database.pooled or options.pooled == "true",
        }
        sockets = [running.enter_context(listen(port)) for _ in range(workers)]
        processes = [running.enter_context(start_worker(order, shared.fileno(), environment)) for shared in sockets]
        if not options.quiet and not is_made_here(options.database):
            # Of one that is started for a run, the run undoes it, once it has looked at the tables.
            before.callback(undo_additions, database.url)
        return watch(processes, f"http://127.0.0.1:{port}", {} if options.quiet else environment)


@contextlib.contextmanager
def listen(port: int) -> Iterator[socket.socket]:
    """One of several sockets on one port, over which the kernel spreads the connections of a burst.

    One socket for all workers tends to give them all to one; so do sockets that come one by one, as their workers
    get ready. Then nothing races between processes, and defects that live there hide.
    """
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", port))
        shared.listen(BACKLOG)
        yield shared


def start_worker(
    order: Mapping[str, object], listening: int, environment: Mapping[str, str]
) -> contextlib.AbstractContextManager[Process]:
    path = os.pathsep.join([str(ROOMS), *filter(None, [environment.get("PYTHONPATH")])])
    told = {**environment, "PYTHONPATH": path, "ONEWINNER_WORKER": json.dumps({**order, "listening": listening})}
    return run_process([sys.executable, "-P", "-m", "onewinner.worker"], environment=told, inherit=[listening])


def watch(workers: list[Process], url: str, environment: Mapping[str, str]) -> int:
    """Waits for the signal that ends everything. A worker that ends by itself is not replaced: it is an error."""
    greeted = not environment
    while all(worker.poll() is None for worker in workers):
        if not greeted and answers(url, "/healthz"):
            greet(url, environment)
            greeted = True
        time.sleep(POLL_S)
    print("onewinner serve: a worker ended by itself; the reason stands above", file=sys.stderr)
    return UNKNOWN


def greet(url: str, environment: Mapping[str, str]) -> None:
    print(f"The reference engine listens on {url} (OpenAPI: {url}/openapi.json). Ctrl-C ends it.")
    for name in ("ONEWINNER_ACME_TOKEN", "ONEWINNER_GLOBEX_TOKEN"):
        if name in environment:
            print(f"export {name}={environment[name]}")
    print(f'try: curl -X POST -H "Authorization: Bearer $ONEWINNER_ACME_TOKEN" {url}/api/intent/workflows', flush=True)
