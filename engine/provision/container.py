"""Starts a PostgreSQL in a container, through testcontainers, and removes the container when its owner ends.

Docker does not end a container when the process that started it ends. So a supervisor, a process on a leash
(`container_supervisor.py`), starts and removes it. If the supervisor is killed, the owner removes the container.
"""

import importlib.util
import logging
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from engine.provision.child import ChildError, ChildLostError, Messages, name_module, prepare
from engine.provision.database_address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.processes import DATABASE_AFTER_S, Process, end_process, hold_signals, start_leash
from engine.provision.servers import SERVER_SETTINGS

IMAGE_DEFAULT = "postgres:18"
IMAGE_VARIABLE = "ONEWINNER_POSTGRES_IMAGE"
# A busy Docker needs long to remove a container.
END_LIMIT_S = 60.0
SUPERVISOR = "engine.provision.container_supervisor"

log = logging.getLogger("onewinner.engine")


@contextmanager
def start_container(image: str = "", settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Database]:
    """A new, empty PostgreSQL on a port of this machine, until the block is left.

    The image is `image`, else $ONEWINNER_POSTGRES_IMAGE, else postgres:18. Docker pulls a missing image. `settings`
    are settings of the server, by name. Raises DatabaseUnavailable, one sentence with the remedy.
    """
    if importlib.util.find_spec("testcontainers") is None:
        raise DatabaseUnavailable(
            "--database container needs the package testcontainers; "
            "install it with: pip install 'onewinner[container]', or pass --database embedded."
        )
    name, password = f"onewinner-{secrets.token_hex(8)}", secrets.token_hex(16)
    spec = {"image": choose_image(image), "name": name, "settings": {**SERVER_SETTINGS, **settings}}
    login = {"user": "postgres", "password": password, "name": "postgres"}
    supervisor = None
    try:
        with hold_signals():
            supervisor = start_supervisor({**spec, "login": login})
        host, port = await_ready(supervisor)
        yield Database(host, port, login["user"], password, login["name"])
    finally:
        if supervisor is not None:
            end_supervisor(supervisor, name)


def choose_image(image: str) -> str:
    """The given image, else the one of the environment, else the official one."""
    return image or os.environ.get(IMAGE_VARIABLE) or IMAGE_DEFAULT


def start_supervisor(spec: Mapping[str, Any]) -> Process:
    return start_leash(
        [name_module(SUPERVISOR, "keep")],
        limit_s=END_LIMIT_S,
        output=subprocess.PIPE,
        environment=prepare(launch=spec),
        orphan=(DATABASE_AFTER_S, int(signal.SIGTERM)),
    )


def end_supervisor(supervisor: Process, name: str) -> None:
    """Ends the supervisor, and removes the container if the supervisor could not or was killed."""
    code = end_process(supervisor, END_LIMIT_S)
    if supervisor.stdout is not None:
        supervisor.stdout.close()
    if code != 0:
        command = name_module(SUPERVISOR, "remove", name)
        if subprocess.run(command, env=prepare(), capture_output=True, timeout=END_LIMIT_S, check=False).returncode:
            log.warning("The container %s was not removed; remove it with: docker rm --force --volumes %s", name, name)


def await_ready(supervisor: Process) -> tuple[str, int]:
    """Waits until the supervisor reports host and port. The supervisor has the time limit."""
    assert supervisor.stdout is not None
    messages = Messages(supervisor.stdout.fileno())
    try:
        while "pulling" in (report := messages.read()):
            log.warning("The image %s is not here yet and is pulled; this may take a while.", report["pulling"])
    except ChildLostError as error:
        raise DatabaseUnavailable(f"The container was not started: {error}") from None
    except ChildError as error:
        raise DatabaseUnavailable(str(error)) from None
    return report["host"], report["port"]
