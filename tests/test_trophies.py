"""Goal: a trophy that is not as promised is never counted as one. Method: fake trophies, without a network."""

import sys
from pathlib import Path

import pytest

from onewinner.exits import FAIL, PASS, UNKNOWN, USAGE
from tests.onewinner.commands.test_bisect import SERVICE, TARGET
from tools import trophies
from tools.trophies import (
    Release,
    Row,
    Trophy,
    TrophyError,
    describe_end,
    describe_promise,
    read_trophy,
    render_table,
    try_trophy,
)

TROPHY = """
software = "Shop"
race = "two requests ship one order"
command = ["gate", "--level", "race", "--races", "3", "--contenders", "2"]
check = "one-winner"
[[releases]]
name = "2"
packages = "2.lock"
holds = false
[[releases]]
name = "3"
packages = "3.lock"
holds = true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    place.mkdir()
    (place / "trophy.toml").write_text(TROPHY)
    (place / "target.toml").write_text(TARGET)
    return tmp_path


def install_service(folder: Path, trophy: Trophy, release: Release) -> Path:
    program = folder / ".environments" / release.name / "bin" / "shop"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {SERVICE} {release.name} $1\n")
    program.chmod(0o755)
    return program.parent.parent


@pytest.mark.exhaustive
def test_both_releases_are_as_promised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trophies, "install", install_service)
    rows = try_trophy("shop", folder, folder / "runs")
    assert [(row.seen, row.code, row.is_as_promised) for row in rows] == [
        ("one-winner fails", 1, True),
        ("pass", 0, True),
    ]
    assert (rows[0].level, rows[1].level) == ("race", "")
    assert rows[0].detection is not None
    assert rows[0].detection.races == 1


def test_every_trophy_of_ours_can_be_read() -> None:
    for name in trophies.list_trophies():
        trophy, place = read_trophy(trophies.FOLDER / name), trophies.FOLDER / name
        assert all((place / file).is_file() for file in ("README.md", "target.toml", "confirm.py")), name
        assert all((place / release.packages).exists() for release in trophy.releases), name
        assert not all(release.holds for release in trophy.releases), f"{name}: no release has the race"


def test_no_lock_names_an_index_and_all_have_hashes() -> None:
    """Of a package or of a host; npm's `resolved` is left out (.npmrc)."""
    for lock in (*trophies.FOLDER.glob("*/*.lock"), *trophies.FOLDER.glob("*/*/package-lock.json")):
        text = lock.read_text()
        assert "index-url" not in text, lock
        assert '"resolved": "http' not in text, lock
        assert "--hash=sha256:" in text or '"integrity": "sha512-' in text, lock


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "shop: trophy.toml: Object missing required field `software`"),
        (TROPHY + "speed = 1\n", "Object contains unknown field `speed`"),
        ("=", "shop: trophy.toml: Invalid"),
    ],
)
def test_a_wrong_description_is_named(text: str, told: str, folder: Path) -> None:
    (folder / "shop" / "trophy.toml").write_text(text)
    with pytest.raises(TrophyError) as refused:
        read_trophy(folder / "shop")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("code", "failed", "told"),
    [
        (PASS, [], "pass"),
        (FAIL, ["linearizable", "one-winner"], "one-winner fails"),
        (FAIL, ["no-5xx"], "no-5xx fails"),
        (UNKNOWN, ["one-winner"], "no verdict"),
        (USAGE, [], "no verdict"),
    ],
)
def test_what_a_run_showed(code: int, failed: list[str], told: str) -> None:
    assert describe_end(code, failed, "one-winner") == told
    assert Row("shop", "2", "one-winner fails", told, code, 1.0).is_as_promised == (told == "one-winner fails")


@pytest.mark.parametrize(
    ("release", "told"),
    [
        (Release("1", "1.lock", holds=True), "pass"),
        (Release("2", "2.lock", holds=False), "one-winner fails"),
        (Release("3", "3.lock", holds=False, fails="no-5xx"), "no-5xx fails"),
    ],
)
def test_what_a_release_promises(release: Release, told: str) -> None:
    trophy = Trophy("Shop", "two requests ship one order", ("gate",), "one-winner", (release,))
    assert describe_promise(trophy, release) == told
    # The race is there again: not as promised, also where another check was to fail.
    seen = describe_end(FAIL, ["one-winner", "no-5xx"], "one-winner")
    assert (seen == told) == (told == "one-winner fails")


def test_a_release_that_cannot_be_installed_is_not_as_promised(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shop" / "trophy.toml").write_text(TROPHY.replace("[[", 'python = "9.9"\n[[', 1))
    for number in (2, 3):
        (folder / "shop" / f"{number}.lock").touch()
    monkeypatch.setattr(trophies, "FOLDER", folder)
    rows = try_trophy("shop", folder, folder / "runs")
    assert [row.seen for row in rows] == ["not tried", "not tried"]
    assert not any(row.is_as_promised for row in rows)
    assert "shop 2: it needs Python 9.9, as python9.9 in PATH" in capsys.readouterr().err
    assert render_table(rows).splitlines()[1].split()[-3:] == ["(!)", "-1", "0"]


def test_packages_that_cannot_be_installed_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrophyError, match=r"python\S* -c .* ended with 1: no such package"):
        trophies.run_quietly([sys.executable, "-c", "import sys; sys.exit('no such package')"], tmp_path)
    with pytest.raises(TrophyError, match="no-such-program is not installed"):
        trophies.run_quietly(["no-such-program"], tmp_path)


def test_a_name_that_is_no_trophy_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert trophies.main(["no-such-trophy"]) == USAGE
    assert "there is no trophy 'no-such-trophy'; there are: better_auth_link, " in capsys.readouterr().err
