"""Starts a PostgreSQL container, keeps it while it is wanted, removes it. A program: it needs testcontainers.

    ... -m engine.provision.container_supervisor keep         the order is in $ONEWINNER_KEEPER, as JSON; SIGTERM ends
    ... -m engine.provision.container_supervisor remove NAME  what a killed keeper left behind

The order is {image, name, settings, login: {user, password, name}}. It tells one JSON object per line:
{"pulling": image}, then {"host", "port"} when the database takes connections, or {"problem": one sentence}.
"""

import contextlib
import json
import os
import signal
import sys
import time
from typing import Any

import docker
import docker.errors
from testcontainers.core.container import DockerContainer

from engine.provision.address import Database
from engine.provision.processes import hold_signals
from engine.provision.servers import LOOPBACK, START_LIMIT_S, asks_password

READY_POLL_S = 0.05
LOG_LINES = 3
PORT = 5432
LABEL = "onewinner"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
REMEDY = "or pass --database embedded"
DOCKER_ERRORS = (docker.errors.DockerException, OSError)


def main() -> int:
    signal.signal(signal.SIGTERM, leave)
    if sys.argv[1] == "remove":
        remove(sys.argv[2])
        return 0
    order = json.loads(os.environ.pop("ONEWINNER_KEEPER"))
    try:
        keep(order)
    except DOCKER_ERRORS as error:
        tell(problem=f"Docker cannot be used: {say(error)}; start it and see that this user may use it, {REMEDY}.")
    return 0


def leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def say(error: BaseException) -> str:
    """An error of Docker's in one line."""
    explanation = getattr(error, "explanation", None)
    return " ".join(str(explanation or error).split()).rstrip(".")


def keep(order: dict[str, Any]) -> None:
    """Starts the container, tells where it is, and waits until it is told to leave."""
    container = describe(order)
    if not pull(container):
        return
    try:
        # Docker would go on with what nobody waits for any more.
        with hold_signals():
            container.start()
        problem = await_ready(container, order)
        if problem is None:
            tell(**locate(container))
            # Woken by the signal alone.
            while True:
                signal.pause()
        tell(problem=problem)
    finally:
        with hold_signals():
            remove(order["name"])


def describe(order: dict[str, Any]) -> DockerContainer:
    """The container as it is to be. Where Docker is on this machine, its port is open to this machine alone."""
    options = [part for name, value in order["settings"].items() for part in ("-c", f"{name}={value}")]
    container = DockerContainer(order["image"]).with_name(order["name"]).with_command(["postgres", *options])
    login = order["login"]
    container.with_envs(POSTGRES_USER=login["user"], POSTGRES_PASSWORD=login["password"], POSTGRES_DB=login["name"])
    container.with_exposed_ports(PORT)
    client = container.get_docker_client()
    if client.get_connection_mode().value == "docker_host" and client.host() in LOCAL_HOSTS:
        container.ports[str(PORT)] = (LOOPBACK, None)  # type: ignore[assignment]
    return container.with_kwargs(labels={LABEL: "database"})


def pull(container: DockerContainer) -> bool:
    """Whether the image is here, if need be after it was pulled."""
    images = container.get_docker_client().client.images
    try:
        images.get(container.image)
        return True
    except docker.errors.ImageNotFound:
        tell(pulling=container.image)
    try:
        images.pull(container.image)
    except DOCKER_ERRORS as error:
        tell(
            problem=f"The image {container.image} is not here and cannot be pulled: {say(error)}; name another with "
            f"--database container:IMAGE or ONEWINNER_POSTGRES_IMAGE, {REMEDY}."
        )
        return False
    return True


def await_ready(container: DockerContainer, order: dict[str, Any]) -> str | None:
    """Waits until the database asks for a password: while it sets itself up, nobody does. None, or why it does not."""
    deadline = time.monotonic() + START_LIMIT_S
    wrapped = container.get_wrapped_container()
    while True:
        wrapped.reload()
        running = wrapped.status == "running"
        if running and asks_password(Database(**locate(container), **order["login"])):
            return None
        overdue = time.monotonic() > deadline
        if not running or overdue:
            what = f"was not ready within {START_LIMIT_S:.0f} s" if overdue else "ended by itself"
            lines = wrapped.logs(tail=LOG_LINES).decode(errors="replace").strip().splitlines()
            told = f"; its log ends with: {' / '.join(lines)}" if lines else ""
            return f"The container of the image {container.image} {what}{told}; name an image of PostgreSQL, {REMEDY}."
        time.sleep(READY_POLL_S)


def locate(container: DockerContainer) -> dict[str, Any]:
    """Host and port at which this process reaches it."""
    host = container.get_container_host_ip()
    return {"host": LOOPBACK if host in LOCAL_HOSTS else host, "port": container.get_exposed_port(PORT)}


def remove(name: str) -> None:
    """Removes the container of this name with its volumes, whatever state it is in; if there is one."""
    client = docker.from_env()
    with contextlib.suppress(docker.errors.NotFound):
        client.containers.get(name).remove(force=True, v=True)


if __name__ == "__main__":
    sys.exit(main())
