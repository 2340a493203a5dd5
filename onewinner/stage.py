"""Sets the stage: a database, the service on it, and the target with its address and tokens filled in."""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from engine.provision.database import Database, is_made_here, list_values, provide_database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.service import (
    REFERENCE,
    RestartableService,
    ServiceError,
    find_free_port,
    is_port_free,
    run_service,
)
from engine.reference import tokens
from engine.reference.additions import remove_additions
from engine.target.file import TargetError, load_target
from engine.target.target import CreateCommand, Service, Target, Template, substitute
from engine.target.workflow_factory import VARIABLE, pack
from onewinner.exits import UsageError
from onewinner.options import WORKERS_DEFAULT
from onewinner.secrets import find_secrets, keep_secret

ISOLATION_DEFAULT = "read committed"
CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Stage:
    """A running engine. `environment` is what the askers need to reach it: the tokens are in it.

    `database_url` is None where onewinner did not start the engine, and so does not know its database. `secrets` are
    those that no file may keep. `say_ended` says in words that the service which was started here ended by itself; None
    while it runs. `restart` starts it again.
    """

    target: Target
    environment: Mapping[str, str]
    database_url: str | None = None
    secrets: frozenset[str] = frozenset()
    say_ended: Callable[[], str | None] = lambda: None
    restart: Callable[[], None] | None = None


def load(file: Path, environment: Mapping[str, str] | None = None) -> Target:
    """The target of a file; a mistake in it is a UsageError."""
    try:
        return load_target(file, environment)
    except TargetError as error:
        raise UsageError(str(error)) from None


@dataclass(frozen=True)
class Footing:
    """What an engine stands on beside its database, None for what is usual.

    `isolation` is the level of its transactions, in PostgreSQL's words; `workers` how many processes it has;
    `pgbouncer` the program that is put in front of its database.
    """

    isolation: str | None = None
    workers: int | None = None
    pgbouncer: str | None = None


USUAL = Footing()


def choose_footing(options: argparse.Namespace) -> Footing:
    """As the options say. The reference engine is told its isolation level with its arguments."""
    told = options.isolation is None or options.target == REFERENCE
    return Footing(None if told else options.isolation.replace("-", " "), options.workers, options.pgbouncer)


def service_arguments(options: argparse.Namespace) -> list[str]:
    """What goes to the service's command; only the reference engine understands it."""
    given = {"--defect": options.defect, "--control": options.control}
    if options.target == REFERENCE:
        given["--isolation"] = options.isolation
    elif any(value is not None for value in given.values()):
        raise UsageError(f"{', '.join(given)} are of the reference engine; leave out --target to use them")
    return [part for option, value in given.items() if value is not None for part in (option, value)]


@dataclass(frozen=True)
class Ground:
    """What an engine of a target file will stand on. `database` is None where onewinner does not start the engine;
    `may_crash` says that it is nobody's but this run's, and comes back when its processes are killed.
    """

    file: Path
    target: Target
    environment: Mapping[str, str]
    database: Database | None
    secrets: frozenset[str]
    arguments: Sequence[str] = ()
    footing: Footing = USUAL
    may_crash: bool = False

    @property
    def url(self) -> str | None:
        return self.database.url if self.database is not None else None

    def set_bare(self) -> Stage:
        """The stage for whoever starts engines by themselves, behind the wire."""
        return Stage(self.target, self.wire(), self.url, self.secrets)

    def wire(self) -> dict[str, str]:
        """The environment, with what the level behind the proxy needs to start a service of its own."""
        if self.target.service is None or self.database is None:
            return dict(self.environment)
        # The askers run elsewhere, and read a copy of the target file that lies elsewhere.
        cwd = self.target.service.cwd or str(Path.cwd())
        order = {
            "database_url": self.database.url,
            "arguments": list(self.arguments),
            "cwd": cwd,
            "values": spell(self.footing),
            "may_crash": self.may_crash,
        }
        return {**self.environment, "ONEWINNER_WIRE": json.dumps(order)}


@contextlib.contextmanager
def lay_ground(file: Path, database: str, arguments: Sequence[str] = (), footing: Footing = USUAL) -> Iterator[Ground]:
    """The database for the engine of a target file, until the block is left.

    `arguments` will go to the service. Raises UsageError for whatever the user can mend.
    """
    minted = mint_tokens() if file == REFERENCE else {}
    environment = {**os.environ, **minted}
    target = load(file, environment)
    refuse_for_no_folder(file, target)
    secrets = find_secrets(target, minted.values())
    if target.service is None:
        yield Ground(file, target, environment, None, secrets, arguments, footing)
        return
    for option, why in find_obstacles(target.service, database).items():
        if getattr(footing, option) is not None:
            raise UsageError(f"--{option}: {why}")
    try:
        with provide_database(database, isolation=footing.isolation, pgbouncer=footing.pgbouncer) as provided:
            try:
                yield Ground(file, target, environment, provided, secrets, arguments, footing, database == "embedded")
            finally:
                if file == REFERENCE and not is_made_here(database):
                    undo_additions(provided.url)
    except DatabaseUnavailable as error:
        raise UsageError(str(error)) from None


def undo_additions(url: str) -> None:
    """Leaves the user's database as the reference engine has it. What cannot be undone now, the next start removes."""
    try:
        asyncio.run(remove_additions(url))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        print(
            f"onewinner: what a defect added to the database was not removed ({told}); the next start removes it",
            file=sys.stderr,
        )


@contextlib.contextmanager
def start_engine(ground: Ground, port: int | None, log: Path) -> Iterator[Stage]:
    """The engine, ready to be asked, until the block is left. Raises UsageError for whatever the user can mend."""
    target, service = ground.target, ground.target.service
    environment = ground.wire()
    if service is None or ground.database is None:
        refuse_for_running(ground.file, target, port, ground.arguments, ground.footing)
        environment |= {VARIABLE: pack(target.create)} if isinstance(target.create, CreateCommand) else {}
        yield Stage(target, environment, secrets=ground.secrets)
        return
    if port is not None and not is_port_free(port):
        raise UsageError(f"--port: {port} is in use on 127.0.0.1; end what listens there or choose another")
    values = {"port": str(port or find_free_port()), **list_values(ground.database), **spell(ground.footing)}
    base_url = substitute(target.base_url, values)
    start = partial(
        run_service, service, base_url, values, log, environment=ground.environment, arguments=ground.arguments
    )
    restartable = RestartableService(start, log)
    try:
        with keep_secret(log.parent, ground.secrets), contextlib.ExitStack() as stack:
            stack.callback(restartable.end)
            restartable.start()
            create = target.create
            if isinstance(create, CreateCommand):
                create = create.fill(values)
                environment[VARIABLE] = pack(create)
            running = replace(target, base_url=base_url, create=create)
            yield Stage(
                running,
                environment,
                ground.database.url,
                ground.secrets,
                lambda: restartable.describe_end(0),
                restartable.start,
            )
    except ServiceError as error:
        raise UsageError(f"{ground.file}: {error}") from None


@contextlib.contextmanager
def set_stage(
    file: Path,
    database: str,
    port: int | None,
    log: Path,
    arguments: Sequence[str] = (),
    footing: Footing = USUAL,
) -> Iterator[Stage]:
    """The engine of a target file, ready to be asked, on a database of its own; see lay_ground and start_engine."""
    with lay_ground(file, database, arguments, footing) as ground, start_engine(ground, port, log) as stage:
        yield stage


def find_wire_obstacle(target: Target, footing: Footing = USUAL, *, explores: bool = True) -> str | None:
    """Why no wire can stand between this engine and its database; None when one can. `explores`: order by order."""
    if target.service is None:
        return (
            "service: there is none, and the wire stands between a service that onewinner starts and its database; "
            "say how it is started"
        )
    if explores and not isinstance(target.create, Template):
        return "create: to explore, each order needs a new workflow; give a request that creates one"
    told = " ".join([*target.service.command, *target.service.env.values()])
    if "{database_url}" not in told and "{database_port}" not in told:
        return (
            "service: it is not told its database, so no wire can stand in between; write {database_url} in its "
            "command or env"
        )
    if footing.pgbouncer is not None:
        return "pgbouncer: behind it nobody can tell which connection of the database is whose"
    return None


def refuse_for_no_folder(file: Path, target: Target) -> None:
    """Not when the file is loaded: the askers read a copy of it that lies elsewhere."""
    if isinstance(target.create, CreateCommand) and not Path(target.create.cwd or ".").is_dir():
        raise UsageError(
            f"{file}: create.cwd: {target.create.cwd} is not a folder; it is meant relative to the target file"
        )


def find_obstacles(service: Service, database: str) -> dict[str, str]:
    """What of a footing this service cannot be put on, and why."""
    told = " ".join([*service.command, *service.env.values()])
    obstacles = {}
    if "{workers}" not in told:
        obstacles["workers"] = (
            "the target's [service] does not take it; write {workers} in its command or env, where it takes the number "
            "of its processes"
        )
    if "{isolation}" not in told and not is_made_here(database):
        obstacles["isolation"] = (
            "the database of a URL is not changed for it; write {isolation} in the command or env of the target's "
            "[service], or pass --database embedded"
        )
    return obstacles


def spell(footing: Footing) -> dict[str, str]:
    """What stands for the footing in a [service]."""
    return {
        "isolation": footing.isolation or ISOLATION_DEFAULT,
        "workers": str(footing.workers or WORKERS_DEFAULT),
    }


def refuse_for_running(
    file: Path, target: Target, port: int | None, arguments: Sequence[str], footing: Footing
) -> None:
    """A running service is taken as it is; it must be there."""
    if port is not None or arguments or footing != USUAL:
        raise UsageError(
            "--port, --isolation, --workers, --pgbouncer, --defect and --control need a [service] in the target file "
            "that onewinner starts"
        )
    url = urlsplit(target.base_url)
    try:
        where = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
        socket.create_connection(where, CONNECT_TIMEOUT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"{file}: base_url: nothing answers at {target.base_url} ({reason}); start the service first"
        ) from None


def mint_tokens() -> dict[str, str]:
    """A new secret for the reference engine, and a token for each of its two tenants."""
    secret = tokens.make_secret()
    minted = {name: tokens.mint(name.lower(), f"{name.lower()}-tester", secret) for name in ("ACME", "GLOBEX")}
    return {tokens.SECRET_VARIABLE: secret, **{f"ONEWINNER_{name}_TOKEN": token for name, token in minted.items()}}
