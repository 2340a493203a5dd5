"""Goal: a PostgreSQL in a container, removed however its owner ends; or one sentence with the remedy."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import asyncpg
import docker
import docker.errors
import pytest
from testcontainers.core.config import ConnectionMode
from testcontainers.core.container import DockerContainer

from engine.provision.container import choose_image, start_container
from engine.provision.container_supervisor import NotReadyError, NotRemovedError, await_ready, remove
from engine.provision.database import provide_database
from engine.provision.errors import DatabaseUnavailable
from tests.engine.probing import eventually, list_pids, read_command, run_sql, spoil
from tests.engine.serving import ROOT


def list_containers() -> set[str]:
    """The names of our containers, running or not."""
    client = docker.from_env()
    try:
        # One query: a container may end between a list of the ids and a query for each.
        found = client.api.containers(all=True, filters={"label": "onewinner"})
        return {name.removeprefix("/") for container in found for name in container["Names"]}
    finally:
        client.close()


@pytest.mark.needs("docker")
def test_it_is_a_real_server_for_a_service_in_any_language() -> None:
    before = list_containers()
    with provide_database("container", isolation="REPEATABLE READ") as started:
        assert started.host == "127.0.0.1"
        connections, isolation = run_sql(
            started.url,
            "SELECT current_setting('max_connections')::int",
            "SHOW default_transaction_isolation",
        )
        assert (connections, isolation) == (400, "repeatable read")
        with pytest.raises(asyncpg.InvalidPasswordError):
            run_sql(spoil(started).url, "SELECT 1")
        (name,) = list_containers() - before
        assert name.startswith("onewinner-")
    assert name not in list_containers()


OWNER = """
import sys
from engine.provision.database import provide_database
assert not {"docker", "testcontainers", "asyncio"} & set(sys.modules), "this module is used by gevent processes"
with provide_database("container"):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.needs("docker")
@pytest.mark.parametrize(
    "how", ["owner closed", "owner killed", "guard killed", "leash killed", "supervisor killed, then owner closed"]
)
def test_it_is_removed_however_its_owner_ends(how: str) -> None:
    before = list_containers()
    command = [sys.executable, "-W", "error", "-c", OWNER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        (name,) = list_containers() - before
        if how == "owner killed":
            owner.kill()
        elif how == "owner closed":
            owner.stdin.close()
        else:
            # The guard starts the leash, and the leash the supervisor.
            guard = find_child(owner.pid, "leash.py")
            leash = find_child(guard, "leash.py")
            supervisor = find_child(leash, "engine.provision.container_supervisor")
            os.kill(
                {"guard": guard, "leash": leash, "supervisor": supervisor}[how.split(maxsplit=1)[0]], signal.SIGKILL
            )
            if how.endswith("owner closed"):
                owner.stdin.close()
        assert eventually(lambda: name not in list_containers())


def find_child(parent: int, told: str) -> int:
    (child,) = [pid for pid in list_pids() if told in read_command(pid) and read_parent(pid) == parent]
    return child


def read_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.needs("docker")
def test_a_container_that_ends_by_itself_is_one_sentence_and_removed() -> None:
    before = list_containers()
    with pytest.raises(DatabaseUnavailable) as caught, start_container(settings={"no_such_setting": "1"}):
        raise AssertionError("unreachable")
    assert "ended by itself" in str(caught.value)
    assert "no_such_setting" in str(caught.value), "the end of its log"
    assert "\n" not in str(caught.value)
    assert list_containers() == before


def test_a_container_that_ends_between_two_looks_has_ended_by_itself() -> None:
    """Docker says that it runs, and has taken its port away already."""
    looks = iter([("running", dict[str, object]()), ("exited", {})])
    wrapped = SimpleNamespace(logs=lambda **_: b"no such setting")
    wrapped.reload = lambda: wrapped.__dict__.update(zip(("status", "ports"), next(looks), strict=True))
    docker_client = SimpleNamespace(get_connection_mode=lambda: ConnectionMode.docker_host)
    container = SimpleNamespace(
        image="shop",
        get_wrapped_container=lambda: wrapped,
        get_container_host_ip=lambda: "localhost",
        get_docker_client=lambda: docker_client,
    )
    spec = {"login": {"user": "postgres", "password": "p", "name": "postgres"}}
    with pytest.raises(NotReadyError, match="shop ended by itself; its log ends with: no such setting;"):
        await_ready(cast("DockerContainer", container), spec)


def test_docker_is_asked_again_while_it_is_busy_with_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([docker.errors.APIError("removal is already in progress"), None, docker.errors.NotFound("gone")])
    monkeypatch.setattr(docker, "from_env", lambda: FakeDocker(answers))
    remove("shop")
    assert next(answers, "none left") == "none left"


def test_a_container_that_cannot_be_removed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "from_env", lambda: FakeDocker(iter([docker.errors.DockerException("no daemon")])))
    with pytest.raises(NotRemovedError, match="The container shop was not removed: no daemon"):
        remove("shop")


class FakeDocker:
    """Answers each removal with the next of `answers`: an error to raise, or None."""

    def __init__(self, answers: Iterator[Exception | None]) -> None:
        self.containers, self.answers = self, answers

    def get(self, name: str) -> "FakeDocker":
        assert name == "shop"
        return self

    def remove(self, *, force: bool, v: bool) -> None:
        assert force
        assert v
        if (error := next(self.answers)) is not None:
            raise error


@pytest.mark.needs("docker")
def test_an_image_that_cannot_be_had_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    image = "localhost:1/onewinner/nowhere:1"
    with pytest.raises(DatabaseUnavailable) as caught, provide_database(f"container:{image}"):
        raise AssertionError("unreachable")
    assert f"The image {image} is not here and cannot be pulled" in str(caught.value)
    assert "ONEWINNER_POSTGRES_IMAGE" in str(caught.value)
    assert f"The image {image} is not here yet and is pulled" in caplog.text


@pytest.mark.needs("docker")
def test_an_image_that_is_there_is_not_made_again() -> None:
    client = docker.from_env()
    try:
        tag = choose_image("")
        before = client.images.get(tag).id
        program = ROOT / "tools" / "make-postgres-image"
        told = subprocess.run([str(program), tag], capture_output=True, text=True, check=True).stdout
        assert told == f"{tag}\n"
        assert client.images.get(tag).id == before
    finally:
        client.close()


def test_without_docker_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(DatabaseUnavailable) as caught, provide_database("container"):
        raise AssertionError("unreachable")
    assert str(caught.value).startswith("Docker cannot be used: ")
    assert str(caught.value).endswith("or pass --database embedded.")
    assert "\n" not in str(caught.value)


def test_without_its_package_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with (
        pytest.raises(DatabaseUnavailable, match=r"pip install 'onewinner\[container\]'"),
        provide_database("container"),
    ):
        raise AssertionError("unreachable")
