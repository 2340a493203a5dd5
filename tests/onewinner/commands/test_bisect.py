"""Goal: `bisect` prepares each release, asks it with the same plan, and says between which two the race changed.

Method: a service in three releases (tests/onewinner/released_service.py), prepared by a command, without a network.
"""

import sys
import zipfile
from pathlib import Path

import pytest

from onewinner.commands import bisect
from onewinner.exits import FAIL, UNKNOWN, UsageError
from tests.onewinner.running import Command

SERVICE = Path(__file__).parent.parent / "released_service.py"
TARGET = """
name = "shop"
base_url = "http://127.0.0.1:{port}"
[service]
command = ["shop", "{port}"]
[workflow]
initial = "NEW"
[workflow.transitions]
NEW = ["SHIPPED"]
[create]
request = { method = "POST", path = "/orders", json = {} }
id = "id"
[read]
request = { method = "GET", path = "/orders/{id}" }
state = "state"
[advance]
request = { method = "POST", path = "/orders/{id}/ship" }
"""
PREPARE = f"{sys.executable} install.py {{version}} {{environment}}"
INSTALLER = f"""
import pathlib, sys
version, environment = sys.argv[1:]
if version == "missing":
    sys.exit("there is no such release")
program = pathlib.Path(environment, "bin", "shop")
program.parent.mkdir()
program.write_text(f"#!/bin/sh\\nexec {sys.executable} {SERVICE} {{version}} $1\\n")
program.chmod(0o755)
"""
SMALL = ("--level", "race", "--races", "3", "--contenders", "2", "--out", "out")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.toml").write_text(TARGET)
    (tmp_path / "install.py").write_text(INSTALLER)
    return tmp_path


def run_bisect(folder: Path, *arguments: str) -> tuple[int, str]:
    command = Command(("bisect", "--target", "shop.toml", *arguments), folder)
    ended = command.run_here()
    assert command.find_left() == []
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.exhaustive
def test_the_release_that_ended_the_race_is_named(folder: Path) -> None:
    code, told = run_bisect(folder, "--versions", "2,3", "--prepare", PREPARE, *SMALL)
    assert code == FAIL, told
    assert "2: FAIL: linearizable, one-winner" in told
    assert "3: pass" in told
    assert "the race went with 3: 2 fails, 3 passes" in told
    assert (folder / "out" / "2" / "run.json").exists()


@pytest.mark.exhaustive
def test_a_release_that_does_not_start_ends_it_early(folder: Path) -> None:
    code, told = run_bisect(folder, "--versions", "1,2,3", "--prepare", PREPARE, *SMALL)
    assert code == UNKNOWN, told
    assert "1: no verdict" in told
    assert "this release needs another Python" in told
    assert "bisect ends early" in told
    assert not (folder / "out" / "3").exists()


def test_a_release_that_cannot_be_prepared_ends_it_early(folder: Path) -> None:
    code, told = run_bisect(folder, "--versions", "missing,3", "--prepare", PREPARE, *SMALL)
    assert code == UNKNOWN, told
    assert "missing: no verdict: it cannot be prepared:" in told
    assert "there is no such release" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--versions", "1,2"), "either --package NAME, or --prepare COMMAND"),
        (("--versions", "1,2", "--package", "a", "--prepare", "b"), "either --package NAME, or --prepare COMMAND"),
        (("--prepare", "make", "--good", "1", "--bad", "2"), "--prepare: pip does not know these releases"),
        (("--package", "a"), "name both ends"),
        (("--package", "a", "--good", "1"), "name both ends"),
        (("--package", "a", "--versions", "1"), "name two releases or more, each once"),
        (("--package", "a", "--versions", "1,1"), "name two releases or more, each once"),
        (("--package", "a", "--versions", "1,2", "--good", "1", "--bad", "4"), "--bad: there is no release 4"),
        (("--prepare", "make '", "--versions", "1,2"), "--prepare: No closing quotation"),
        (("--prepare", "make", "--versions", "1,2", "--with", "b"), "--with, --constraint are for --package"),
        (("--prepare", "make", "--versions", "1,2", "--replay", "no.json"), "--replay: no.json is no file"),
        (
            ("--package", "a", "--versions", "1,2", "--replay", "shop.toml", "--races", "3"),
            "--replay runs one race file",
        ),
        (("--package", "a", "--versions", "1,2", "--out", "."), "--out: . is not empty"),
        (("--package", "a", "--good", "1", "--bad", "2", "--python", "no-python"), "--python: no-python cannot be run"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    arguments: tuple[str, ...], told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError) as refused:
        bisect.parse(["--target", "shop.toml", *arguments])
    assert told in str(refused.value)


def test_a_service_that_runs_already_has_one_release(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "shop.toml").write_text(
        TARGET.replace('[service]\ncommand = ["shop", "{port}"]', "").replace("{port}", "8080")
    )
    with pytest.raises(UsageError, match=r"shop.toml: service: bisect starts every release"):
        bisect.parse(["--target", "shop.toml", "--package", "a", "--versions", "1,2"])


def test_the_releases_of_a_package_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local wheels. Both ends may be given in either order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.toml").write_text(TARGET)
    for version in ("1.9", "1.10", "1.2", "2.0"):
        with zipfile.ZipFile(tmp_path / f"fakeshop-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"fakeshop-{version}.dist-info/METADATA", f"Name: fakeshop\nVersion: {version}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    ends = ("--good", "1.10", "--bad", "1.2")
    options = bisect.parse(["--target", "shop.toml", "--package", "fakeshop", *ends, "--constraint", "c.txt"])
    assert options.versions == ("1.2", "1.9", "1.10")
    assert options.prepare[0][1:] == ("-m", "venv", "{environment}")
    assert options.prepare[1][-3:] == ("--constraint", "c.txt", "fakeshop=={version}")
    with pytest.raises(UsageError, match="cannot be listed"):
        bisect.parse(["--target", "shop.toml", "--package", "other-shop", *ends])


def test_every_release_is_asked_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    common = ["--target", "shop.toml", "--package", "a", "--versions", "1,2"]
    asked = bisect.parse([*common, "--level", "race", "--level", "parallel", "--races", "9", "--seed", "4"])
    assert asked.asking == ("gate", "--level", "race", "--level", "parallel", "--races", "9", "--seed", "4")
    (folder / "race.json").touch()
    assert bisect.parse([*common, "--replay", "race.json"]).asking == ("explore", "--replay", "race.json")
