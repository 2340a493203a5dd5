"""Deploys the chosen engine: a database, the service on it, and the target with its address and tokens filled in."""

import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from engine.provision.child import LAUNCH
from engine.provision.database import Database, list_values, parse_url, provide_database
from engine.provision.database_address import find_passwords
from engine.provision.errors import DatabaseUnavailable
from engine.provision.ports import find_free_port, is_port_free
from engine.provision.service import (
    PrepareError,
    RestartableService,
    ServiceError,
    describe_running,
    make_log_folder,
    prepare_service,
    run_service,
)
from engine.reference import tokens
from engine.target import secrets
from engine.target.credentials import find_secrets, list_exposed
from engine.target.secrets import TOLD, know
from engine.target.sinks import VARIABLE as SINKS
from engine.target.sinks import name_values, pack_urls
from engine.target.target import Target
from engine.target.target_file import TargetError, load_target
from engine.target.template import substitute
from engine.target.workflow_source import CreateCommand
from load.client.logins_and_setup import NotPreparedError, set_up
from load.client.release import ReleaseError
from onewinner.engine_choice import EngineChoice, find_obstacles
from onewinner.exits import FailedError, UsageError
from onewinner.sink_servers import SinkServers, serve_sinks
from onewinner.standard_streams import say

CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class EngineAccess:
    """How the askers reach an engine. The tokens are in `environment`.

    `database_url` is None where onewinner did not start the engine, and so does not know its database. `describe_end`
    says in words that the service that was started here ended by itself; None while it runs. `restart` starts it again.
    """

    target: Target
    environment: Mapping[str, str]
    database_url: str | None = None
    describe_end: Callable[[], str | None] = lambda: None
    restart: Callable[[], None] | None = None


@dataclass(frozen=True)
class Deployment:
    """The chosen engine with its credentials, and its database (None where onewinner does not start the engine).

    `may_crash`: the database belongs to this run alone, and comes back when its processes are killed.
    """

    choice: EngineChoice
    target: Target
    environment: Mapping[str, str]
    database: Database | None
    sinks: SinkServers
    may_crash: bool = False

    @property
    def service_values(self) -> dict[str, str]:
        """What stands for placeholders of the [service], beside its port and its database."""
        return {**self.choice.service_values, **name_values(self.sinks.urls)}

    @property
    def database_url(self) -> str | None:
        return self.database.url if self.database is not None else None

    def give_access(self) -> EngineAccess:
        """For a level that starts the service itself, behind the proxy."""
        return EngineAccess(self.target, self.describe_launch(), self.database_url)

    def describe_launch(self) -> dict[str, str]:
        """The environment, with what the level behind the proxy needs to start a service of its own."""
        if self.target.service is None or self.database is None:
            return dict(self.environment)
        launch = {
            "database_url": self.database.url,
            "arguments": list(self.choice.service_arguments),
            # The askers run elsewhere, and read a copy of the target file that lies elsewhere.
            "cwd": self.target.service.cwd or str(Path.cwd()),
            "values": self.service_values,
            "may_crash": self.may_crash,
        }
        return {**self.environment, LAUNCH: json.dumps(launch)}


@contextlib.contextmanager
def deploy(choice: EngineChoice) -> Iterator[Deployment]:
    """The database for the engine, until the block is left. Raises UsageError for what the user can correct.

    As long, this process and its children hide the secrets of the target and of the database.
    """
    minted = mint_tokens() if choice.is_reference else {}
    environment = {**os.environ, **minted}
    try:
        target = load_target(choice.file, environment)
    except TargetError as error:
        raise UsageError(str(error)) from None
    refuse_missing_folder(choice)
    with (
        secrets.collect(),
        know(find_secrets(choice.file, target, environment, minted.values())),
        serve_sinks(target.sinks) as sinks,
    ):
        environment |= {SINKS: pack_urls(sinks.urls)} if sinks.urls else {}
        target = replace(target, sink_urls=sinks.urls)
        if target.service is None:
            yield Deployment(choice, target, with_secrets(environment), None, sinks)
        else:
            with deploy_database(choice, target) as database, know(find_passwords(database, target)):
                may_crash = choice.database == "embedded"
                prepare_deployed(choice, target, database, environment, name_values(sinks.urls))
                yield Deployment(choice, target, with_secrets(environment), database, sinks, may_crash)


def prepare_deployed(
    choice: EngineChoice, target: Target, database: Database, environment: Mapping[str, str], more: Mapping[str, str]
) -> None:
    """Runs the commands of service.prepare on the new database. Raises UsageError and FailedError."""
    assert target.service is not None
    values = {"port": str(find_free_port()), **list_values(database), **choice.service_values, **more}
    try:
        with tempfile.TemporaryDirectory(prefix="onewinner-", ignore_cleanup_errors=True) as folder:
            prepare_service(target.service, values, Path(folder, "prepare.log"), environment)
    except ServiceError as error:
        raise UsageError(f"{choice.file}: {error}") from None
    except PrepareError as error:
        raise FailedError(f"{choice.file}: {error}") from None


def set_up_running(choice: EngineChoice, target: Target) -> Target:
    """The running target with what its set-up saved. Raises UsageError."""
    try:
        return set_up(target)
    except (NotPreparedError, ReleaseError) as error:
        raise UsageError(f"{choice.file}: {error}") from None


@contextlib.contextmanager
def deploy_database(choice: EngineChoice, target: Target) -> Iterator[Database]:
    """The database for the service of the target. Raises UsageError for what the user can correct."""
    obstacles = find_obstacles(choice)
    for option, value in (("workers", choice.workers), ("isolation", choice.database_isolation)):
        if value is not None and option in obstacles:
            raise UsageError(f"--{option}: {obstacles[option]}")
    if "://" in choice.database:
        # A message about a database that cannot be used may quote its password.
        with contextlib.suppress(DatabaseUnavailable):
            TOLD.update(find_passwords(parse_url(choice.database), target).texts)
        for exposed in list_exposed(target):
            say(f"onewinner: {choice.file}: {exposed}")
    source = provide_database(
        choice.database,
        isolation=choice.database_isolation,
        pgbouncer=choice.pgbouncer,
        own_schema=choice.is_reference,
    )
    try:
        with source as database:
            yield database
    except DatabaseUnavailable as error:
        raise UsageError(str(error)) from None


@contextlib.contextmanager
def start_engine(deployment: Deployment, log: Path) -> Iterator[EngineAccess]:
    """The engine, ready to be asked, until the block is left. Raises UsageError for what the user can correct."""
    target, service, choice = deployment.target, deployment.target.service, deployment.choice
    environment = deployment.describe_launch()
    if service is None or deployment.database is None:
        refuse_for_running(choice)
        running = set_up_running(choice, target)
        yield EngineAccess(running, with_secrets(environment | describe_running(running)))
        return
    refuse_used_port(choice.port)
    port = {"port": str(choice.port or find_free_port())}
    values = {**port, **list_values(deployment.database), **deployment.service_values}
    base_url = substitute(target.base_url, values)
    start = partial(run_service, service, base_url, values, log)
    start = partial(start, environment=deployment.environment, arguments=choice.service_arguments)
    restartable = RestartableService(start, log)
    create = target.create.fill(values) if isinstance(target.create, CreateCommand) else target.create
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(restartable.end)
            restartable.start()
            running = set_up_running(choice, replace(target, base_url=base_url, create=create))
            environment = with_secrets(environment | describe_running(running))
            ended = partial(restartable.describe_end, 0)
            yield EngineAccess(running, environment, deployment.database_url, ended, restartable.start)
    except ServiceError as error:
        raise UsageError(f"{choice.file}: {error}") from None


@contextlib.contextmanager
def open_log_folder() -> Iterator[Path]:
    """A folder for the service's log of a command that has no run directory. It stays if a message names the log."""
    folder = make_log_folder()
    named = False
    try:
        yield folder
    except UsageError as error:
        named = str(folder) in str(error)
        raise
    finally:
        if not named:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def run_engine(choice: EngineChoice, log: Path) -> Iterator[EngineAccess]:
    """The chosen engine, ready to be asked, on a database of its own; see deploy and start_engine."""
    with deploy(choice) as deployment, start_engine(deployment, log) as access:
        yield access


def with_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of children, which hide the same secrets."""
    names = (secrets.VARIABLE, secrets.LEARNED)
    return {**environment, **{name: os.environ[name] for name in names if name in os.environ}}


def refuse_missing_folder(choice: EngineChoice) -> None:
    """Not when the file is read: the askers read a copy of it that lies elsewhere."""
    create = choice.target.create
    if isinstance(create, CreateCommand) and not Path(create.cwd or ".").is_dir():
        raise UsageError(f"{choice.file}: create.cwd: {create.cwd} is not a folder; it is relative to the target file")


def refuse_used_port(port: int | None) -> None:
    if port is not None and not is_port_free(port):
        raise UsageError(f"--port: {port} is in use on 127.0.0.1; end what listens there or choose another")


def refuse_for_running(choice: EngineChoice) -> None:
    """A running service is taken as it is; it must be there."""
    if any(given is not None for given in (choice.port, choice.isolation, choice.workers, choice.pgbouncer)):
        raise UsageError(
            "--port, --isolation, --workers, --pgbouncer, --defect and --control need a [service] in the target file "
            "that onewinner starts"
        )
    url = urlsplit(choice.target.base_url)
    try:
        address = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
        socket.create_connection(address, CONNECT_TIMEOUT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"{choice.file}: base_url: nothing answers at {choice.target.base_url} ({reason}); start the service first"
        ) from None


def mint_tokens() -> dict[str, str]:
    """A new secret for the reference engine, and a token for each of its two tenants."""
    secret = tokens.make_secret()
    minted = {name: tokens.mint(name.lower(), f"{name.lower()}-tester", secret) for name in ("ACME", "GLOBEX")}
    return {tokens.SECRET_VARIABLE: secret, **{f"ONEWINNER_{name}_TOKEN": token for name, token in minted.items()}}
