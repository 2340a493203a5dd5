"""Goal: a real PostgreSQL from a wheel, which ends with its owner, however that ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest

from engine.provision import embedded_postgresql, servers
from engine.provision.database import Database, parse_url, start_embedded
from engine.provision.ports import find_free_port
from engine.provision.servers import asks_password
from tests.engine.probing import eventually, is_leash_of, list_pids, run_sql, spoil
from tests.engine.serving import ROOT


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


def test_it_has_the_extensions_that_software_asks_for(database: Database) -> None:
    """Prefect's migrations create pg_trgm and Django's contrib.postgres hstore; Odoo wants unaccent."""
    asked = ("pg_trgm", "hstore", "unaccent", "citext", "btree_gin", "btree_gist", "pg_stat_statements", "vector")
    found = run_sql(database.url, "SELECT array_agg(name::text) FROM pg_available_extensions")
    assert set(asked) <= set(found[0])  # type: ignore[call-overload]


def test_the_password_is_asked_for(database: Database) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        run_sql(spoil(database).url, "SELECT 1")
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
from engine.provision.database import start_embedded
assert not {"sqlalchemy", "asyncpg", "asyncio"} & set(sys.modules), "this module is used by gevent processes"
with start_embedded() as started:
    if "fork" in sys.argv and os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print(started.url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    "how", ["closed", "killed", pytest.param("killed while a fork of it lives on", marks=pytest.mark.exhaustive)]
)
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
    """No process is left to end the server in order; the kernel ends it."""
    with start_embedded() as started:
        (supervisor,) = [pid for pid in list_pids() if is_leash_of(pid, str(started.port))]
        os.kill(supervisor, signal.SIGKILL)
        assert eventually(lambda: not asks_password(started))


def test_programs_out_of_reach_are_copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For example an environment under /root: the unprivileged user cannot run programs in it."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    package = embedded_postgresql.find_programs().parent
    (hidden / package.name).symlink_to(package)
    (hidden / f"{package.name}.libs").symlink_to(package.with_name(f"{package.name}.libs"))
    monkeypatch.setattr(embedded_postgresql, "find_programs", lambda: hidden / package.name / "pginstall")
    with start_embedded() as started:
        assert run_sql(started.url, "SELECT 1") == [1]


def test_a_folder_that_the_server_may_not_enter_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, the server runs for another user, who may not enter a private folder of temporary files."""
    with tempfile.TemporaryDirectory(dir="/tmp") as private:
        within = Path(private, "within")
        within.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(within))
        stranger = os.geteuid() + 1, os.getegid() + 1
        for mode, may in ((0o700, False), (0o711, True)):
            Path(private).chmod(mode)
            assert servers.may_enter(within, *stranger) is may
        Path(private).chmod(0o700)
        monkeypatch.setattr(servers, "unprivileged", lambda: stranger)
        monkeypatch.setattr(os, "chown", lambda *_: None)
        folder = servers.make_folder()
        assert str(folder.parent) == servers.SHORT_TEMPORARY_PATH
        folder.rmdir()


def test_a_port_that_is_taken_meanwhile_is_replaced(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    ports = iter([database.port, find_free_port()])
    monkeypatch.setattr(servers, "find_free_port", lambda: next(ports))
    monkeypatch.setattr(servers, "asks_password", lambda one: one.port != database.port and asks_password(one))
    with start_embedded() as started:
        assert started.port != database.port


def test_its_settings_are_what_is_asked_for() -> None:
    with start_embedded(settings={"default_transaction_isolation": "repeatable read"}) as started:
        assert run_sql(started.url, "SHOW default_transaction_isolation") == ["repeatable read"]
