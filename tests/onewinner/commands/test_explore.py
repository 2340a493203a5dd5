"""Goal: every order is walked and told; what violates becomes a file that fails again. Method: the real command."""

import json
import sys
from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.reference import tokens
from tests.onewinner.running import Command

MORTAL = Path(__file__).parents[1] / "mortal_engine.py"


def run_explore(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> tuple[int, dict[str, object], str]:
    command = Command(("explore", *arguments, "--out", "run"), folder, environment or {})
    ended = command.run_here()
    assert command.find_left() == []
    file = folder / "run" / "run.json"
    return ended.returncode, json.loads(file.read_text()) if file.exists() else {}, ended.stdout + ended.stderr


@pytest.mark.exhaustive
def test_the_reference_engine_has_one_winner_in_every_order(tmp_path: Path) -> None:
    code, record, told = run_explore(tmp_path, "--scope", "kinds", "--mixed", "0")
    assert code == 0, told
    rows = record["pairings"]
    assert isinstance(rows, list)
    assert len(rows) == 44
    assert all(row["exhausted"] == row["pairings"] and not row["violated"] and not row["unknown"] for row in rows)
    assert "schedules" not in record
    assert "schedules of 36 pairings; every schedule of each; " in told
    assert "44 of 44 kinds exhausted" in told


# The gate does this walk too, and replays what it finds: tests/onewinner/commands/test_gate.py.
@pytest.mark.exhaustive
def test_an_order_that_violates_becomes_a_file_that_fails_every_time(tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
    code, record, told = run_explore(first, "--defect", "narrow-check-then-act", "--scope", "kinds", "--mixed", "0")
    assert code == 1, told
    schedules = record["schedules"]
    assert isinstance(schedules, list)
    assert "one-winner" in schedules[0]["checks"]
    assert schedules[0]["trace"] in told
    assert schedules[0]["sentence"] in told
    file = first / "run" / schedules[0]["file"]
    code, record, told = run_explore(again, "--replay", str(file), "--times", "10")
    assert code == 1, told
    assert "10 of 10 replays violate: " in told


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("{", (), "is no race"),
        ('{"format": 9}', (), "is a race of format 9"),
        ("{", ("--defect", "check-then-act"), "the file says which engine it was"),
    ],
)
def test_a_wrong_race_file_is_one_sentence(tmp_path: Path, text: str, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "race.json").write_text(text)
    code, record, told = run_explore(tmp_path, "--replay", "race.json", *arguments)
    assert (code, record) == (2, {})
    assert said in told
    assert len(told.splitlines()) == 1


def test_without_a_service_there_is_nothing_to_stand_between(tmp_path: Path) -> None:
    ended = Command(("init", "--out", "target.toml"), tmp_path).run_here()
    assert ended.returncode == 0, ended.stderr
    lines = (tmp_path / "target.toml").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith(("[service]", "command =")))
    (tmp_path / "target.toml").write_text(text)
    code, record, told = run_explore(tmp_path, "--target", "target.toml")
    assert (code, record) == (2, {})
    assert "service: " in told


@pytest.mark.exhaustive
def test_a_service_that_ends_by_itself_is_told_and_not_accused(tmp_path: Path) -> None:
    lines = REFERENCE.read_text().splitlines()
    command = json.dumps([sys.executable, str(MORTAL), "{port}", "{database_url}", "60"])
    text = "\n".join(f"command = {command}" if line.startswith("command = ") else line for line in lines)
    (tmp_path / "target.toml").write_text(text)
    secret = tokens.make_secret()
    environment = {
        tokens.SECRET_VARIABLE: secret,
        **{f"ONEWINNER_{name.upper()}_TOKEN": tokens.mint(name, "test", secret) for name in ("acme", "globex")},
    }
    arguments = ("--target", "target.toml", "--scope", "kinds", "--mixed", "0")
    code, _, told = run_explore(tmp_path, *arguments, environment=environment)
    assert code == 3, told
    assert "accounting" in told
    assert "the service ended by itself with status 3" in " ".join(told.split())
    assert "it is too much for me" in (tmp_path / "run" / "logs" / "service-interleavings-0.log").read_text()
