"""Starts a PostgreSQL container, and removes it on SIGTERM. A program; it needs testcontainers.

    ... -m engine.provision.container_supervisor keep         runs the container that its owner specifies
    ... -m engine.provision.container_supervisor remove NAME  removes the container that a killed supervisor left behind

The specification is {image, name, settings, login: {user, password, name}} (see engine/provision/child.py). The program
sends {"pulling": image}, then {"host", "port"} when the database accepts connections, or {"error": one sentence}. It
ends with 0 if no container is left.
"""

import signal
import sys
import time
from typing import Any

import docker
import docker.errors
from testcontainers.core.container import DockerContainer

from engine.provision.child import read_launch, send
from engine.provision.database_address import Database
from engine.provision.ports import LOOPBACK
from engine.provision.servers import START_LIMIT_S, asks_password
from engine.target.notices import say

READY_POLL_S = 0.05
# Less than the owner waits for this program.
REMOVE_LIMIT_S = 45.0
LOG_LINES = 3
PORT = 5432
LABEL = "onewinner"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
REMEDY = "or pass --database embedded"
DOCKER_ERRORS = (docker.errors.DockerException, OSError)


class NotReadyError(Exception):
    """The database in the container accepts no connections; one sentence with the remedy."""


class NotRemovedError(Exception):
    """The container is still there."""


def main() -> int:
    signal.signal(signal.SIGTERM, leave)
    try:
        if sys.argv[1] == "remove":
            remove(sys.argv[2])
        else:
            keep(read_launch(dict[str, Any]))
    except NotRemovedError as error:
        say(str(error))
        return 1
    except DOCKER_ERRORS as error:
        send(error=f"Docker cannot be used: {describe_error(error)}; start it, let this user use it, {REMEDY}.")
    return 0


def leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


def describe_error(error: BaseException) -> str:
    """A Docker error in one line."""
    explanation = getattr(error, "explanation", None)
    return " ".join(str(explanation or error).split()).rstrip(".")


def keep(spec: dict[str, Any]) -> None:
    """Starts the container, reports its address, waits for SIGTERM, and removes the container."""
    container = make_container(spec)
    if not pull(container):
        return
    # From here on the signal waits until it is asked for: nothing comes between the end and the removal.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        container.start()
        address = await_ready(container, spec)
        if address is not None:
            send(**address)
            signal.sigwait([signal.SIGTERM])
    except NotReadyError as error:
        send(error=str(error))
    finally:
        remove(spec["name"])


def make_container(spec: dict[str, Any]) -> DockerContainer:
    """The container of a spec. If Docker runs on this machine, the port is open to this machine only."""
    options = [part for name, value in spec["settings"].items() for part in ("-c", f"{name}={value}")]
    container = DockerContainer(spec["image"]).with_name(spec["name"]).with_command(["postgres", *options])
    login = spec["login"]
    container.with_envs(POSTGRES_USER=login["user"], POSTGRES_PASSWORD=login["password"], POSTGRES_DB=login["name"])
    container.with_exposed_ports(PORT)
    client = container.get_docker_client()
    if client.get_connection_mode().value == "docker_host" and client.host() in LOCAL_HOSTS:
        container.ports[str(PORT)] = (LOOPBACK, None)  # type: ignore[assignment]
    return container.with_kwargs(labels={LABEL: "database"})


def pull(container: DockerContainer) -> bool:
    """Pulls the image if it is missing. Returns whether the image is here."""
    images = container.get_docker_client().client.images
    try:
        images.get(container.image)
        return True
    except docker.errors.ImageNotFound:
        send(pulling=container.image)
    try:
        images.pull(container.image)
    except DOCKER_ERRORS as error:
        send(
            error=f"The image {container.image} is not here and cannot be pulled: {describe_error(error)}; "
            f"name another with --database container:IMAGE or ONEWINNER_POSTGRES_IMAGE, {REMEDY}."
        )
        return False
    return True


def await_ready(container: DockerContainer, spec: dict[str, Any]) -> dict[str, Any] | None:
    """Waits until the database asks for a password: then it is set up.

    Returns its address; None if SIGTERM came first. Raises NotReadyError.
    """
    deadline = time.monotonic() + START_LIMIT_S
    wrapped = container.get_wrapped_container()
    while signal.SIGTERM not in signal.sigpending():
        wrapped.reload()
        running, address = wrapped.status == "running", find_address(container)
        if running and address is not None and asks_password(Database(**address, **spec["login"])):
            return address
        overdue = time.monotonic() > deadline
        if not running or overdue:
            what = f"was not ready within {START_LIMIT_S:.0f} s" if overdue else "ended by itself"
            lines = wrapped.logs(tail=LOG_LINES).decode(errors="replace").strip().splitlines()
            tail = f"; its log ends with: {' / '.join(lines)}" if lines else ""
            raise NotReadyError(
                f"The container of the image {container.image} {what}{tail}; name an image of PostgreSQL, {REMEDY}."
            )
        time.sleep(READY_POLL_S)
    return None


def find_address(container: DockerContainer) -> dict[str, Any] | None:
    """The host and the port at which this process reaches the container, as of the last look at it; None if it has no
    port. testcontainers itself looks anew, and fails if the container ended since.
    """
    host = container.get_container_host_ip()
    mapped = container.get_wrapped_container().ports.get(f"{PORT}/tcp")
    uses_mapped = container.get_docker_client().get_connection_mode().use_mapped_port
    if uses_mapped and not mapped:
        return None
    return {
        "host": LOOPBACK if host in LOCAL_HOSTS else host,
        "port": int(mapped[0]["HostPort"]) if uses_mapped else PORT,
    }


def remove(name: str) -> None:
    """Removes the container of this name with its volumes, in any state, and waits until it is gone.

    Docker refuses a removal while it is busy with the container; so it is asked again, for REMOVE_LIMIT_S. Raises
    NotRemovedError.
    """
    deadline = time.monotonic() + REMOVE_LIMIT_S
    while True:
        try:
            docker.from_env().containers.get(name).remove(force=True, v=True)
        except docker.errors.NotFound:
            return
        except DOCKER_ERRORS as error:
            if not isinstance(error, docker.errors.APIError) or time.monotonic() > deadline:
                raise NotRemovedError(f"The container {name} was not removed: {describe_error(error)}") from error
            time.sleep(READY_POLL_S)


if __name__ == "__main__":
    sys.exit(main())
