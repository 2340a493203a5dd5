"""Goal: one command gives the right verdict, the right exit code and a readable report; and leaves nothing behind.

Method: the real command on small plans, on the reference engine and on the engines broken on purpose.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import polars as pl
import pytest

from engine.provision.service import REFERENCE
from reports.history.history import read_history
from tests.onewinner.running import Command
from tests.onewinner.test_secrets import read_everything

AMOUNTS = ("--batches", "1", "--plans", "12", "--races", "40")
TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}")
# The limits of the full profile: on a busy machine those of the quick one would cut the levels short.
OPEN = ("--level", "sequential", "--level", "parallel", "--level", "race")
SMALL = ("--profile", "full", *OPEN, *AMOUNTS)
WIRED = ("--level", "interleavings", "--level", "faults")
Ran = tuple["subprocess.CompletedProcess[str]", Path]


def run_gate(folder: Path, *arguments: str, **how: Any) -> Ran:
    out = folder / "run"
    command = Command(("gate", *arguments, "--out", str(out)), folder, **how)
    ended = command.run()
    assert command.find_left() == []
    return ended, out


# Each of these runs is made once, and several tests look at it.
@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The levels that need no proxy, called as the installed command in a folder that has rooms of its own."""
    folder = tmp_path_factory.mktemp("passing")
    for name in ("engine", "load", "reports", "stateful_tests"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    # `python -m` would itself look into this folder first.
    script = str(Path(sys.executable).with_name("onewinner"))
    return run_gate(folder, *SMALL, program=(script,))


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Every level."""
    return run_gate(tmp_path_factory.mktemp("complete"), *AMOUNTS)


EITHER = pytest.mark.parametrize("ran", ["passing", pytest.param("complete", marks=pytest.mark.exhaustive)])
BROKEN = {
    "check-then-act": ("--level", "race", "--races", "40"),
    "ignored-row-count": ("--profile", "full", "--level", "parallel", "--level", "race", *AMOUNTS),
}


@pytest.fixture(
    scope="module", params=[pytest.param("check-then-act", marks=pytest.mark.exhaustive), "ignored-row-count"]
)
def broken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_gate(tmp_path_factory.mktemp("broken"), *BROKEN[request.param], "--defect", request.param)


def test_the_reference_engine_passes(passing: Ran) -> None:
    ended, out = passing
    assert ended.returncode == 0, ended
    assert "PASS" in ended.stdout
    assert str(out / "index.html") in ended.stdout
    record = json.loads((out / "run.json").read_text())
    assert record["verdict"] == "pass"
    applied = {name: check["verdict"] for name, check in record["checks"].items()}
    # No fault was injected at these levels, and the engine has no versions and no units.
    assert {name for name, verdict in applied.items() if verdict is None} == {
        "durability", "precondition", "capacity",
    }  # fmt: skip
    assert {verdict for verdict in applied.values() if verdict is not None} == {"pass"}, applied
    assert [(level["level"], level["planned"], level["run"]) for level in record["levels"]] == [
        ("sequential", 1, 1),
        ("parallel", 12, 12),
        ("race", 40, 40),
        ("refusals", 2078, 2078),
        ("legal moves", 73, 73),
    ]


@pytest.mark.exhaustive
def test_every_order_and_every_fault_is_in_the_gate(complete: Ran) -> None:
    ended, out = complete
    assert ended.returncode == 0, ended
    record = json.loads((out / "run.json").read_text())
    levels = [(level["level"], level["unit"], level["planned"]) for level in record["levels"]]
    assert {"sequential", "parallel", "race"} < {name for name, *_ in levels}
    wired = [each for each in levels if each[0] in ("interleavings", "faults")]
    assert wired == [("interleavings", "pairings", 44), ("faults", "pairings", 28)]
    assert all(level["run"] == level["planned"] for level in record["levels"])
    assert {row["level"] for row in record["pairings"]} == {"interleavings", "faults"}
    assert "interleavings: " in ended.stdout
    assert record["checks"]["durability"]["verdict"] == "pass"
    assert list_errors(record) == []


@pytest.mark.exhaustive
def test_an_order_that_violates_is_shown_with_its_statements(tmp_path: Path) -> None:
    ended, out = run_gate(tmp_path, *WIRED[:2], "--target", "jobs", "--defect", "claim-without-lock")
    assert ended.returncode == 1, ended
    [smallest, *_] = json.loads((out / "run.json").read_text())["schedules"]
    assert smallest["trace"] in ended.stdout
    assert f"again: {smallest['command']}" in ended.stdout
    again = Command((*smallest["command"].split()[1:], "--out", "again"), tmp_path).run_here()
    assert again.returncode == 1, again
    assert "10 of 10 replays violate" in again.stdout


def test_what_no_wire_can_stand_behind_is_said(tmp_path: Path) -> None:
    """A service that is told its database otherwise; it is asked at the other levels all the same."""
    (tmp_path / "orders.toml").write_text(REFERENCE.read_text().replace("{database_url}", "postgresql://elsewhere/x"))
    ended, _ = run_gate(tmp_path, "--target", "orders.toml", *WIRED)
    assert ended.returncode == 2, ended
    assert "it is not told its database" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_folder_with_rooms_of_its_own_does_no_harm(passing: Ran) -> None:
    ended, out = passing
    assert ended.returncode == 0, ended
    logs = "".join(path.read_text() for path in (out / "logs").iterdir())
    assert "not ours" not in ended.stderr + logs


def test_every_document_says_the_same(passing: Ran) -> None:
    _, out = passing
    checks = json.loads((out / "run.json").read_text())["checks"]
    cases = ET.parse(out / "junit.xml").getroot().iter("testcase")  # noqa: S314 - our own file
    told = [case.get("name") for case in cases]
    assert told[: len(checks)] == list(checks)
    assert {"same-transition", "fork"} < set(told[len(checks) :])
    page, summary = (out / "index.html").read_text(), (out / "summary.md").read_text()
    assert all(name in page and name in summary for name in checks)
    assert "http" not in page.replace("http-equiv", ""), "the page loads nothing"


def test_its_record_is_as_documented(passing: Ran) -> None:
    ended, out = passing
    record = json.loads((out / "run.json").read_text())
    assert list_errors(record) == []
    [quality] = record["measures"]["race_quality"]
    assert (quality["contenders"], quality["races"], quality["arrival_ns"]["races"]) == (10, 40, 40)
    assert {"won", "conflict", "ok"} <= set(record["measures"]["latency"])
    assert "races of 10 (40): released within" in ended.stdout


@EITHER
def test_no_token_enters_the_run_directory(ran: str, request: pytest.FixtureRequest) -> None:
    """Every token of the reference engine is a JWT: two parts of base64 that begin with {".

    Three letters alone stand in compressed columns by chance.
    """
    _, out = request.getfixturevalue(ran)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert TOKEN.search(path.read_bytes().decode("latin-1")) is None, f"{path} holds a token"
    holding = [name for name, text in read_everything(out).items() if TOKEN.search(text)]
    assert holding == []


@pytest.mark.exhaustive
def test_the_same_seed_asks_the_same(passing: Ran, complete: Ran) -> None:
    asked = ["id", "scenario", "race", "tenant", "workflow", "kind", "expected", "next"]
    # In the parallel level the way to the end of a workflow begins where its race led.
    planned = pl.col("scenario").is_in(["interleavings", "faults", "parallel"]).not_()
    rows = [read_history(out).operations.filter(planned).select(asked).sort("id") for _, out in (passing, complete)]
    assert rows[0].height > 400
    assert rows[0].equals(rows[1])


def test_a_broken_engine_is_caught(broken: Ran, tmp_path: Path) -> None:
    ended, out = broken
    assert ended.returncode == 1, ended
    assert "FAIL" in ended.stdout
    finding = json.loads((out / "run.json").read_text())["checks"]["one-winner"]["findings"][0]
    assert "overlapped by" in finding["words"]
    for operation in finding["operations"][:2]:
        for name in ("run.json", "index.html", "summary.md", "junit.xml"):
            assert str(operation) in (out / name).read_text()
    again = Command(tuple(finding["command"].split()[1:]), tmp_path).run_here()
    assert again.returncode == 1, again


@pytest.mark.exhaustive
@pytest.mark.parametrize("broken", ["ignored-row-count"], indirect=True)
def test_a_failing_plan_is_saved_small_and_can_be_run_again(broken: Ran, tmp_path: Path) -> None:
    ended, out = broken
    record = json.loads((out / "run.json").read_text())
    [told] = record["reproductions"]
    assert (told["branches"], told["kind"], told["failed"], told["repeats"]) == ([1, 1], "logic", 10, 10)
    assert f"again: {told['command']}" in ended.stdout
    assert read_history(out / "plans" / "parallel.jsonl").operations.height > 0
    again = Command((*told["command"].split()[1:], "--out", "again"), tmp_path).run_here()
    assert again.returncode == 1, again
    levels = json.loads((tmp_path / "again" / "run.json").read_text())["levels"]
    assert [level["level"] for level in levels] == ["parallel"]


def list_errors(record: dict[str, Any]) -> list[str]:
    """What in a run.json is not as documented."""
    schema = json.loads(Path(__file__).parents[3].joinpath("docs", "run.schema.json").read_text())
    return [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(record)]
