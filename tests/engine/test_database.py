"""Goal: a real PostgreSQL that is there when asked for, gone afterwards, or one clear sentence instead."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from engine import database as databases
from engine.api import prepare
from engine.database import Database, asks_password, parse_url, provide_database, start_embedded
from engine.errors import DatabaseUnavailable
from engine.prober import compare
from tests.engine.asking import open_link
from tests.engine.conftest import put
from tests.engine.serving import ROOT, serve

LIMIT_S = 20.0


def run_sql(url: str, *questions: str) -> list[object]:
    async def run() -> list[object]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(question) for question in questions]
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes true within the limit."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_embedded_one_is_a_real_server(database: Database) -> None:
    assert database.host == "127.0.0.1"
    version, connections, synchronous, folders = run_sql(
        database.url,
        "SHOW server_version_num",
        "SELECT current_setting('max_connections')::int",
        "SHOW synchronous_commit",
        "SHOW unix_socket_directories",
    )
    assert 180000 <= int(str(version)) < 190000
    assert isinstance(connections, int)
    assert connections >= 300
    assert synchronous == "on"
    assert (Path(str(folders)) / f".s.PGSQL.{database.port}").is_socket()


def test_the_password_is_asked_for(database: Database) -> None:
    wrong = Database(database.host, database.port, database.user, "wrong", database.name)
    with pytest.raises(asyncpg.InvalidPasswordError):
        run_sql(wrong.url, "SELECT 1")
    assert database.password not in database.public_url
    assert database.password not in repr(database)


def test_nothing_is_left_afterwards() -> None:
    with start_embedded() as started:
        (folder,) = run_sql(started.url, "SHOW unix_socket_directories")
        assert Path(str(folder)).exists()
    assert not Path(str(folder)).exists()
    assert not asks_password(started)


OWNER = """
import os, sys
from engine.database import start_embedded
assert not {"sqlalchemy", "asyncpg", "asyncio"} & set(sys.modules), "this module is used by gevent processes"
with start_embedded() as started:
    if "fork" in sys.argv and os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print(started.url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["closed", "killed", "killed while a fork of it lives on"])
def test_it_does_not_outlive_its_owner(how: str) -> None:
    command = [sys.executable, "-W", "error", "-c", OWNER, *(["fork"] if "fork" in how else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        url = owner.stdout.readline().strip()
        (folder,) = run_sql(url, "SHOW unix_socket_directories")
        if how == "closed":
            owner.stdin.close()
        else:
            owner.kill()
        assert eventually(lambda: not Path(str(folder)).exists())
        assert not asks_password(parse_url(url))


def test_a_killed_leash_takes_the_server_along() -> None:
    """Nobody is left to end the server in order; the kernel does it."""
    with start_embedded() as started:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        (keeper,) = [pid for pid in pids if is_leash_of(pid, started)]
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not asks_password(started))


def is_leash_of(pid: int, database: Database) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return "leash.py" in command and f'"{database.port}"' in command


def test_postgres_16_will_do_as_well() -> None:
    """The statements run on an older server; one workflow goes its first steps there."""

    async def run(url: str) -> None:
        await prepare(url)
        (workflow,) = await put(url, ["SEED_REVIEW_PENDING"])
        with serve(url, workers=1, pool_size=4) as served:
            async with open_link(served) as link:
                body = {"selectedKeywordIds": ["k"]}
                assert (await link.ask("POST", f"/{workflow}/steps/seed-extract", body)).status == 200
                assert (await link.ask("POST", f"/{workflow}/steps/seed-extract", body)).status == 409
                assert (await link.ask("GET", f"/{workflow}/steps/seed-extract")).body["payload"] == body
                assert (await link.ask("POST", f"/{workflow}/cancel")).status == 200
                assert len((await link.ask("GET", f"/{workflow}/transitions")).body["transitions"]) == 2

    with start_embedded(version=16) as started:
        asyncio.run(run(started.url))


def test_programs_out_of_reach_are_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment under /root, say: the unprivileged user cannot execute anything in it."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = databases.find_programs(18).parent
    (hidden / package.name).symlink_to(package)
    (hidden / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    monkeypatch.setattr(databases, "find_programs", lambda _: hidden / package.name / "pginstall18")
    with start_embedded() as started:
        assert run_sql(started.url, "SELECT 1") == [1]


def test_a_port_that_is_taken_meanwhile_is_replaced(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    ports = iter([database.port, databases.find_port()])
    monkeypatch.setattr(databases, "find_port", lambda: next(ports))
    monkeypatch.setattr(databases, "asks_password", lambda one: one.port != database.port and asks_password(one))
    with start_embedded() as started:
        assert started.port != database.port


def test_a_url_is_tried_before_it_is_given(database: Database) -> None:
    with provide_database(database.url) as given:
        assert given == database


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://me:hidden@127.0.0.1:{closed}/app", "onnect"),
        ("postgresql://postgres:hidden@127.0.0.1:{port}/postgres", "password"),
        ("postgresql://postgres:{password}@127.0.0.1:{port}/missing", "missing"),
        ("postgresql://me:hidden@127.0.0.1:hidden/app", "cannot be read"),
        ("mysql://me:hidden@127.0.0.1/app", "mysql"),
        ("hidden", "names no database"),
        ("", "names no database"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(database: Database, url: str, problem: str) -> None:
    closed = databases.find_port()
    source = url.format(closed=closed, port=database.port, password=database.password)
    with pytest.raises(DatabaseUnavailable) as caught, provide_database(source):
        raise AssertionError("unreachable")
    sentence = str(caught.value)
    assert problem in sentence
    assert "pass" in sentence, "it names the remedy"
    assert "\n" not in sentence
    if url != "hidden":
        assert "hidden" not in sentence
    assert database.password not in sentence


def test_one_session_that_poses_as_two_is_refused(database: Database) -> None:
    async def run() -> str | None:
        connection = await asyncpg.connect(database.url)
        try:
            return await compare(connection, connection)
        finally:
            await connection.close()

    assert "do not block each other" in (asyncio.run(run()) or "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:1/n", Database("h", 1, "u", "p", "n")),
        ("postgres://u:p%40%2F@h/n", Database("h", 5432, "u", "p@/", "n")),
        ("postgresql+asyncpg://u@h/n?sslmode=require", Database("h", 5432, "u", "", "n", "sslmode=require")),
        ("postgresql://u@[::1]:7/n", Database("::1", 7, "u", "", "n")),
        ("postgresql://u@/n?host=/run/pg&port=7", Database("/run/pg", 7, "u", "", "n")),
    ],
)
def test_urls_are_read_and_written(monkeypatch: pytest.MonkeyPatch, url: str, expected: Database) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    assert parse_url(url) == expected
    assert parse_url(expected.url) == expected
