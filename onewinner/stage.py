"""Sets the stage: a database, the service on it, and the target with its address and tokens filled in."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from engine import tokens
from engine.database import Database, list_values, provide_database
from engine.errors import DatabaseUnavailable
from engine.service import REFERENCE, ServiceError, find_free_port, is_port_free, run_service
from engine.target import Target, substitute
from engine.target_file import TargetError, load_target
from onewinner.exits import UsageError

CONNECT_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Stage:
    """A running engine. `environment` is what the askers need to reach it: the tokens are in it.

    `database_url` is None where onewinner did not start the engine, and so does not know its database.
    """

    target: Target
    environment: Mapping[str, str]
    database_url: str | None = None


def load(file: Path, environment: Mapping[str, str] | None = None) -> Target:
    """The target of a file; a mistake in it is a UsageError."""
    try:
        return load_target(file, environment)
    except TargetError as error:
        raise UsageError(str(error)) from None


@contextlib.contextmanager
def set_bare_stage(file: Path, database: str, arguments: Sequence[str] = ()) -> Iterator[Stage]:
    """A database for the engine of a target file, which whoever asks will start: once, or several times.

    Raises UsageError for whatever the user can mend.
    """
    environment = {**os.environ, **(mint_tokens() if file == REFERENCE else {})}
    target = load(file, environment)
    if target.service is None:
        raise UsageError(
            f"service: {file} has none, and the wire stands between a service that onewinner starts and "
            "its database; describe how it is started"
        )
    try:
        with provide_database(database) as provided:
            yield Stage(target, {**environment, **wire(provided, arguments)}, provided.url)
    except (DatabaseUnavailable, ServiceError) as error:
        raise UsageError(str(error)) from None


def wire(database: Database, arguments: Sequence[str]) -> dict[str, str]:
    """What an asker needs to start a service of its own behind the wire (see stateful_tests/explore.py)."""
    return {"ONEWINNER_WIRE": json.dumps({"database_url": database.url, "arguments": list(arguments)})}


@contextlib.contextmanager
def set_stage(file: Path, database: str, port: int | None, log: Path, arguments: Sequence[str] = ()) -> Iterator[Stage]:
    """The engine of a target file, ready to be asked, until the block is left.

    `arguments` go to the service. Raises UsageError for whatever the user can mend.
    """
    environment = {**os.environ, **(mint_tokens() if file == REFERENCE else {})}
    target = load(file, environment)
    if target.service is None:
        refuse_for_running(target, port, arguments)
        yield Stage(target, environment)
        return
    if port is not None and not is_port_free(port):
        raise UsageError(f"--port: {port} is in use on 127.0.0.1; end what listens there or choose another")
    try:
        with provide_database(database) as provided:
            values = {"port": str(port or find_free_port()), **list_values(provided)}
            base_url = substitute(target.base_url, values)
            with run_service(target.service, base_url, values, log, environment=environment, arguments=arguments):
                yield Stage(
                    replace(target, base_url=base_url), {**environment, **wire(provided, arguments)}, provided.url
                )
    except (DatabaseUnavailable, ServiceError) as error:
        raise UsageError(str(error)) from None


def refuse_for_running(target: Target, port: int | None, arguments: Sequence[str]) -> None:
    """A running service is taken as it is; it must be there."""
    if port is not None or arguments:
        raise UsageError(
            "--port, --isolation, --defect and --control need a [service] in the target file that onewinner starts"
        )
    url = urlsplit(target.base_url)
    try:
        where = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
        socket.create_connection(where, CONNECT_TIMEOUT_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"base_url: nothing answers at {target.base_url} ({reason}); start the service first"
        ) from None


def mint_tokens() -> dict[str, str]:
    """A new secret for the reference engine, and a token for each of its two tenants."""
    secret = tokens.make_secret()
    minted = {name: tokens.mint(name.lower(), f"{name.lower()}-tester", secret) for name in ("ACME", "GLOBEX")}
    return {tokens.SECRET_VARIABLE: secret, **{f"ONEWINNER_{name}_TOKEN": token for name, token in minted.items()}}
