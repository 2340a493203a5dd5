"""Runs the reference engine in N worker processes, or the service of a target file, until it is told to stop."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping

from engine.provision.child import send
from engine.provision.database import provide_database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import LOOPBACK, find_free_port
from engine.provision.service import is_ready
from engine.reference import api, tokens
from engine.reference.errors import SchemaUnavailable
from engine.reference.pool import Isolation
from engine.reference.settings import Settings, share_connections
from engine.reference.units import app as units
from onewinner.deployment import mint_tokens, open_log_folder, refuse_used_port, run_engine
from onewinner.engine_choice import OUTBOX, UNITS, WORKERS_DEFAULT, EngineChoice
from onewinner.exits import UNKNOWN, UsageError
from onewinner.help_layout import SERVING, Parser
from onewinner.options import add_engine_options, read_engine
from onewinner.reference_worker import Worker, run_workers
from onewinner.standard_streams import say

POLL_S = 0.2
BACKLOG = 2048
EXAMPLE = "onewinner serve --port 8080 --workers 4"


def build_parser() -> Parser:
    parser = Parser("serve", __doc__ or "", EXAMPLE, exits=SERVING)
    add_engine_options(parser)
    parser.add_argument(
        "--pooled", choices=("true", "false"), default="false", help="whether the URL leads to a pgbouncer already"
    )
    parser.add_argument(
        "--announce",
        action="store_true",
        help="print address, tokens and the variables that clients need as one line of JSON",
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="print nothing when it is ready",
    )
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="create the tables where the database URL says, and leave them there (default: in a schema of its own, "
        "which is dropped at the end)",
    )
    parser.add_argument(
        "--outbox", metavar="URL", help="leave a message for each step that is claimed, and send it to this URL"
    )
    parser.add_argument("--units", action="store_true", help="serve the vouchers and jobs of the reference engine")
    return parser


def main(arguments: list[str]) -> int:
    given = build_parser().parse_args(arguments)
    engine = read_engine(given)
    needs_sink = engine.file == OUTBOX and given.outbox is None
    if not engine.is_reference or given.announce or needs_sink:
        return serve_target(engine, announces=given.announce, is_quiet=given.quiet)
    try:
        pooled = given.pooled == "true"
        return serve_reference(
            engine,
            is_pooled=pooled,
            is_quiet=given.quiet,
            in_place=given.in_place,
            has_units=given.units or engine.file in UNITS,
            sink=given.outbox,
        )
    except (DatabaseUnavailable, SchemaUnavailable) as error:
        raise UsageError(str(error)) from None


def serve_target(engine: EngineChoice, *, announces: bool, is_quiet: bool) -> int:
    """Starts a target's service on a database of its own and says where it is: `announces`, to a program."""
    with (
        open_log_folder() as folder,
        run_engine(engine, folder / "service.log") as access,
    ):
        differing = {name: value for name, value in access.environment.items() if os.environ.get(name) != value}
        if announces:
            send(base_url=access.target.base_url, environment=differing)
        elif not is_quiet:
            print(f"{engine.name} listens on {access.target.base_url}. Ctrl-C ends it.", flush=True)
            print_tokens(differing)
        while True:
            time.sleep(3600)


def serve_reference(
    engine: EngineChoice, *, is_pooled: bool, is_quiet: bool, in_place: bool, has_units: bool, sink: str | None
) -> int:
    refuse_used_port(engine.port)
    port = engine.port or find_free_port()
    environment = {**os.environ, **({} if tokens.SECRET_VARIABLE in os.environ else mint_tokens())}
    with contextlib.ExitStack() as before, contextlib.ExitStack() as running:
        workers = engine.workers or WORKERS_DEFAULT
        provided = provide_database(engine.database, pgbouncer=engine.pgbouncer, own_schema=not in_place)
        database = before.enter_context(provided)
        prepare = units.prepare if has_units else api.prepare
        asyncio.run(prepare(database.url, engine.defect, engine.control))
        settings = Settings(
            database_url=database.url,
            secret=tokens.find_secret(environment),
            isolation=Isolation((engine.isolation_asked or "read-committed").replace("-", " ").upper()),
            defect=engine.defect,
            control=engine.control,
            pool_size=share_connections(workers, database.connections),
            pooled=database.pooled or is_pooled,
            has_units=has_units,
            sink=sink,
        )
        sockets = [running.enter_context(listen(port)) for _ in range(workers)]
        processes = running.enter_context(run_workers(settings, sockets))
        return watch(processes, f"http://127.0.0.1:{port}", {} if is_quiet else environment)


def listen(port: int) -> socket.socket:
    """One of several sockets on one port, over which the kernel spreads the connections of a burst.

    One socket for all workers tends to give them all to one; so do sockets that come one by one, as their workers
    get ready. Then nothing races between processes, and defects that live there hide.
    """
    return socket.create_server((LOOPBACK, port), backlog=BACKLOG, reuse_port=True)


def watch(workers: list[Worker], url: str, environment: Mapping[str, str]) -> int:
    """Waits for the signal that ends everything. A worker that ends by itself is not replaced: it is an error."""
    greeted = not environment
    while all(worker.poll() is None for worker in workers):
        if not greeted and is_ready(url, "/healthz"):
            greet(url, environment)
            greeted = True
        time.sleep(POLL_S)
    say("onewinner serve: a worker ended by itself; the reason stands above")
    return UNKNOWN


def greet(url: str, environment: Mapping[str, str]) -> None:
    print(f"The reference engine listens on {url} (OpenAPI: {url}/openapi.json). Ctrl-C ends it.")
    print_tokens(environment)
    print(f'try: curl -X POST -H "Authorization: Bearer $ONEWINNER_ACME_TOKEN" {url}/api/intent/workflows', flush=True)


def print_tokens(environment: Mapping[str, str]) -> None:
    """What a shell needs to ask the reference engine: the one place where the terminal shows a secret."""
    for name in ("ONEWINNER_ACME_TOKEN", "ONEWINNER_GLOBEX_TOKEN"):
        if name in environment:
            print(f"export {name}={environment[name]}", flush=True, file=sys.__stdout__)
