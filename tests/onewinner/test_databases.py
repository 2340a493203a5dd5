"""Goal: the same verdicts on whichever PostgreSQL: in a container, and on the one that Debian has.

Method: the real command on small plans. The containers are gone afterwards, however the command ended.
"""

import json
import os
import pwd
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.provision.database import Database
from engine.provision.ports import LOOPBACK
from engine.provision.processes import Process, start_leash
from engine.provision.servers import LOG, run_server, write_for_server
from tests.engine.probing import eventually, run_sql
from tests.engine.provision.test_container import list_containers
from tests.onewinner.running import Command, wait_for

SMALL = ("--level", "sequential", "--level", "race", "--batches", "1", "--races", "40")
WALKED = ("--level", "interleavings")


def run_gate(folder: Path, *arguments: str) -> tuple[int, dict[str, str], str]:
    """The exit code, the verdict of each check, and everything printed."""
    command = Command(("gate", *SMALL, *arguments, "--out", "out"), folder)
    ended = command.run_here()
    assert command.find_left() == []
    checks = json.loads((folder / "out" / "run.json").read_text())["checks"]
    return ended.returncode, {name: check["verdict"] for name, check in checks.items()}, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A cluster of Debian's PostgreSQL as its initdb makes it, run as Debian's user `postgres` where this is root."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "there is no PostgreSQL of Debian's here; install it: apt-get install postgresql"
    programs = found[-1].parent
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None

    def start(folder: Path, port: int) -> tuple[Process, Database]:
        database = Database(LOOPBACK, port, "someone", secrets.token_hex(16), "postgres")
        secret = write_for_server(folder / "password", database.password)
        if user is not None:
            for path in (folder, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        data = str(folder / "data")
        initdb = [str(programs / "initdb"), "-D", data, "-U", "someone", f"--pwfile={secret}", "-A", "scram-sha-256"]
        server = [str(programs / "postgres"), "-D", data, "-k", str(folder), "-p", str(port)]
        process = start_leash(
            [initdb, server],
            end_signal=signal.SIGINT,
            user=None if user is None else (user.pw_uid, user.pw_gid),
            folder=folder,
            log=folder / LOG,
        )
        return process, database

    with run_server("PostgreSQL of Debian", start) as database:
        yield database


@pytest.mark.needs("postgresql")
def test_it_is_another_postgresql_with_its_own_settings(debian: Database) -> None:
    version, connections = run_sql(debian.url, "SHOW server_version", "SELECT current_setting('max_connections')::int")
    assert int(str(version).partition(".")[0]) < 18
    assert connections == 100


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize(
    ("arguments", "code", "failing"),
    [
        (WALKED, 0, ()),
        (("--isolation", "serializable"), 0, ()),
        (("--control", "version-column"), 0, ()),
        (("--defect", "check-then-act"), 1, ("one-winner",)),
        (("--defect", "ignored-row-count"), 1, ("one-winner",)),
        (("--defect", "serialization-failure-as-500"), 1, ("no-5xx",)),
    ],
)
def test_the_verdicts_on_debians_postgresql_are_the_same(
    debian: Database, arguments: tuple[str, ...], code: int, failing: tuple[str, ...], tmp_path: Path
) -> None:
    ended, checks, told = run_gate(tmp_path, "--database", debian.url, *arguments)
    assert ended == code, told
    failed = {name for name, verdict in checks.items() if verdict == "fail"}
    assert failed >= set(failing)
    assert bool(failed) == bool(code)
    assert debian.password not in (tmp_path / "out" / "run.json").read_text()


@pytest.mark.needs("docker")
@pytest.mark.parametrize(("arguments", "code"), [(WALKED, 0), (("--defect", "check-then-act"), 1)])
def test_the_gate_in_a_container(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    before = list_containers()
    ended, checks, told = run_gate(tmp_path, "--database", "container", *arguments)
    assert ended == code, told
    assert checks["one-winner"] == ("fail" if code else "pass")
    assert list_containers() == before


@pytest.mark.needs("docker")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["as soon as it is there", "in the races"])
def test_the_container_is_gone_after(number: signal.Signals, moment: str, tmp_path: Path) -> None:
    before = list_containers()
    command = Command(("gate", "--database", "container", "--races", "100000", "--out", "out"), tmp_path)
    journal = tmp_path / "out" / "history" / "sequential-0.jsonl"
    with command.start() as process:
        wait_for(lambda: bool(list_containers() - before), process)
        if moment == "in the races":
            wait_for(lambda: journal.exists() and journal.stat().st_size > 5000, process)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert eventually(lambda: list_containers() == before)
    assert eventually(lambda: command.find_left() == [])
