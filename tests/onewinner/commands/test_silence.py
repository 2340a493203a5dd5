"""Goal: a service that answers no more ends a gate at once, in every level; the verdict is unknown and says so.

Method: the reference engine, which from some request on answers none.
"""

import json
import sys
from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.reference import tokens
from tests.onewinner.running import Command

SILENT = Path(__file__).parents[1] / "silent_engine.py"
TIMEOUT_S = 0.5


@pytest.mark.parametrize(
    ("levels", "after", "left_out"),
    [
        pytest.param(
            "sequential,parallel,race", 200, "the levels parallel and race did not run", marks=pytest.mark.exhaustive
        ),
        pytest.param("parallel,race", 200, "the level race did not run", marks=pytest.mark.exhaustive),
        pytest.param("race", 400, None, marks=pytest.mark.exhaustive),
        pytest.param(
            "race,interleavings,faults",
            400,
            "the levels interleavings and faults did not run",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param("interleavings,faults", 150, "the level faults did not run", marks=pytest.mark.exhaustive),
        pytest.param("faults", 100, None, marks=pytest.mark.exhaustive),
    ],
)
def test_a_gate_ends_when_the_service_answers_no_more(
    levels: str, after: int, left_out: str | None, tmp_path: Path
) -> None:
    lines = REFERENCE.read_text().splitlines()
    command = json.dumps([sys.executable, str(SILENT), "{port}", "{database_url}", str(after)])
    text = "\n".join(f"command = {command}" if line.startswith("command = ") else line for line in lines)
    (tmp_path / "target.toml").write_text(f"timeout_s = {TIMEOUT_S}\n{text.replace('timeout_s =', '# timeout_s =')}")
    secret = tokens.make_secret()
    environment = {
        tokens.SECRET_VARIABLE: secret,
        **{f"ONEWINNER_{name.upper()}_TOKEN": tokens.mint(name, "test", secret) for name in ("acme", "globex")},
    }
    wanted = [option for level in levels.split(",") for option in ("--level", level)]
    ended = Command(("gate", "--target", "target.toml", *wanted, "--out", "run"), tmp_path, environment).run()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert ended.returncode == 3, ended
    reason = record["reason"]
    assert reason.count("the service stopped answering") == 1, reason
    assert (left_out or "did not run") in reason if left_out else "did not run" not in reason
    first, *others = levels.split(",")
    rows = {level["level"]: level for level in record["levels"]}
    assert rows[first]["ended"] == ["silent"], rows
    assert all(rows[name]["run"] == 0 for name in others), rows
    assert "fail" not in [check["verdict"] for check in record["checks"].values()]
