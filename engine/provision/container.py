"""A PostgreSQL in a container, through testcontainers: made for one owner, and removed with it.

The container has a keeper, a process of its own on a leash (`container_supervisor.py`): Docker does not end what a
process started when that process ends. Should the keeper alone be killed, the owner removes the container in the end.
"""

import importlib.util
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.provision.address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.processes import DATABASE_AFTER_S, Process, end_process, hold_signals, start_leash
from engine.provision.servers import SERVER_SETTINGS

IMAGE_DEFAULT = "postgres:18"
IMAGE_VARIABLE = "ONEWINNER_POSTGRES_IMAGE"
# To remove a container takes a busy Docker a good while.
END_LIMIT_S = 60.0
# Not in the caller's folder, which may have an `engine` of its own.
KEEPER = (sys.executable, "-P", "-m", "engine.provision.container_supervisor")
ROOMS = Path(__file__).parents[2]

log = logging.getLogger("onewinner.engine")


@contextmanager
def start_container(image: str = "", settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Database]:
    """A new, empty PostgreSQL of an image, on a port of this machine. It is removed in the end.

    The image is `image`, else $ONEWINNER_POSTGRES_IMAGE, else the official postgres:18; it is pulled when it is not
    here. `settings` are the server's own, by name. Raises DatabaseUnavailable, one sentence with the remedy.
    """
    if importlib.util.find_spec("testcontainers") is None:
        raise DatabaseUnavailable(
            "--database container needs the package testcontainers; "
            "install it with: pip install 'onewinner[container]', or pass --database embedded."
        )
    name, password = f"onewinner-{secrets.token_hex(8)}", secrets.token_hex(16)
    order = {"image": choose_image(image), "name": name, "settings": {**SERVER_SETTINGS, **settings}}
    login = {"user": "postgres", "password": password, "name": "postgres"}
    keeper = None
    try:
        with hold_signals():
            keeper = start_keeper({**order, "login": login})
        host, port = await_ready(keeper)
        yield Database(host, port, login["user"], password, login["name"])
    finally:
        if keeper is not None:
            end_keeper(keeper, name)


def choose_image(image: str) -> str:
    """The image that is named, else the environment's, else the official one."""
    return image or os.environ.get(IMAGE_VARIABLE) or IMAGE_DEFAULT


def start_keeper(order: Mapping[str, Any]) -> Process:
    """Its order goes by the environment: a command line would show the password."""
    environment = {**name_path(), "ONEWINNER_KEEPER": json.dumps(order)}
    orphan = (DATABASE_AFTER_S, int(signal.SIGTERM))
    return start_leash(
        [[*KEEPER, "keep"]], limit_s=END_LIMIT_S, output=subprocess.PIPE, environment=environment, orphan=orphan
    )


def end_keeper(keeper: Process, name: str) -> None:
    """Ends the keeper, and removes the container itself when the keeper was killed."""
    code = end_process(keeper, END_LIMIT_S)
    if keeper.stdout is not None:
        keeper.stdout.close()
    if code != 0:
        command = [*KEEPER, "remove", name]
        subprocess.run(command, env=name_path(), capture_output=True, timeout=END_LIMIT_S, check=False)


def name_path() -> dict[str, str]:
    """The environment, in which the keeper finds what it imports."""
    path = os.pathsep.join([str(ROOMS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def await_ready(keeper: Process) -> tuple[str, int]:
    """Host and port, once the keeper tells them. It watches the time itself."""
    assert keeper.stdout is not None
    others: list[str] = []
    for line in keeper.stdout:
        told = parse(line)
        if told is None:
            others.append(line.decode(errors="replace").strip())
        elif "pulling" in told:
            log.warning("The image %s is not here yet and is pulled; this may take a while.", told["pulling"])
        elif "problem" in told:
            raise DatabaseUnavailable(told["problem"])
        else:
            return told["host"], told["port"]
    raise DatabaseUnavailable(f"The container was not started: {' / '.join(others[-3:]) or 'its keeper ended'}")


def parse(line: bytes) -> dict[str, Any] | None:
    """What the keeper tells; None for what a library of its prints."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
