"""Goal: each example has the expected verdict. Method: the gate, on small plans, on each of its target files."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.onewinner.running import Command

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
# Each with the checks that apply to it because of what its target file declares.
PASSING: dict[str, set[str]] = {
    "flask_version_column": {"audit", "tenant-isolation"},
    "django_fsm": {"audit"},
    "node_guarded_update": {"audit"},
    "node_idempotency_middleware": {"audit", "tenant-isolation", "idempotent"},
    "fastapi_etag": {"audit", "tenant-isolation", "precondition"},
    "graphql_outcome_in_body": {"audit", "tenant-isolation"},
    "invitation_without_read": {"effects"},
    "route_per_edge": set(),
}
PLAIN = "route_per_edge"
DECLARED = {"audit", "effects", "tenant-isolation", "precondition", "idempotent"}
# Each with the checks that fail.
FAILING = {
    "flask_version_column/target_without_version.toml": {"one-winner", "linearizable", "audit"},
    "django_fsm/target_without_mixin.toml": {"one-winner", "linearizable", "audit"},
    "node_guarded_update/target_unguarded.toml": {"one-winner", "linearizable", "audit"},
    "node_idempotency_middleware/target_any_tenant.toml": {"tenant-isolation"},
    "fastapi_etag/target_compared_in_python.toml": {"one-winner", "linearizable", "audit", "precondition"},
    "graphql_outcome_in_body/target_unguarded.toml": {"one-winner", "linearizable", "audit"},
    "invitation_without_read/target_looked_up.toml": {"one-winner", "linearizable"},
}
NEEDS = pytest.mark.needs("the examples' own environment, Node and its packages: `make test-all` installs them")


def run_gate(
    target: Path, folder: Path, *arguments: str
) -> tuple["subprocess.CompletedProcess[str]", dict[str, str | None]]:
    out = folder / "run"
    small = ("--batches", "1", "--plans", "5", "--races", "30")
    command = Command(("gate", "--target", str(target), *small, *arguments, "--out", str(out)), folder)
    ended = command.run_here()
    assert command.find_left() == []
    assert (out / "run.json").exists(), ended
    checks = json.loads((out / "run.json").read_text())["checks"]
    return ended, {name: check["verdict"] for name, check in checks.items()}


# `make test` runs the one example that needs no environment of its own, at one level.
FEW = ("--level", "race")
WHOLE = [pytest.param(name, (), marks=pytest.mark.exhaustive if name == PLAIN else NEEDS) for name in PASSING]


@pytest.mark.parametrize(("name", "levels"), [(PLAIN, FEW), *WHOLE])
def test_an_example_passes(name: str, levels: tuple[str, ...], tmp_path: Path) -> None:
    ended, checks = run_gate(EXAMPLES / name / "target.toml", tmp_path, *levels)
    assert ended.returncode == 0, ended
    assert checks["one-winner"] == "pass"
    assert {check for check in DECLARED if checks[check] == "pass"} == PASSING[name]


@NEEDS
@pytest.mark.parametrize("target", FAILING)
def test_an_example_without_what_decides_fails(target: str, tmp_path: Path) -> None:
    """Not for another reason: each answer alone is as specified."""
    ended, checks = run_gate(EXAMPLES / target, tmp_path, "--level", "race", "--level", "interleavings")
    assert ended.returncode == 1, ended
    assert {checks[name] for name in FAILING[target]} == {"fail"}
    assert {checks[name] for name in ("legality", "contract", "no-5xx", "accounting")} == {"pass"}
    [smallest, *_] = json.loads((tmp_path / "run" / "run.json").read_text())["schedules"]
    again = Command((*shlex.split(smallest["command"])[1:], "--out", "again"), tmp_path).run_here()
    assert "10 of 10 replays violate" in again.stdout, again


@NEEDS
def test_a_lost_update_is_shown_with_both_requests(tmp_path: Path) -> None:
    run_gate(EXAMPLES / "fastapi_etag" / "target_compared_in_python.toml", tmp_path, "--level", "race")
    [lost, *_] = json.loads((tmp_path / "run" / "run.json").read_text())["checks"]["precondition"]["findings"]
    first, second, *_ = lost["operations"]
    for shown in (first, second):
        assert f"request {shown} (" in lost["words"].lower()
        assert re.search(rf"< {re.escape(shown)}: won 200", lost["words"]), lost["words"]


@NEEDS
@pytest.mark.parametrize("renewed", ["renew_s = 3", ""])
def test_tokens_that_end_after_five_seconds_are_renewed(renewed: str, tmp_path: Path) -> None:
    """Without renew_s a 401 tells that a token has ended; the request counts as busy, and is no failure."""
    folder = EXAMPLES / "fastapi_etag"
    text = (folder / "target.toml").read_text()
    for old, new in (
        ('TOKEN_LIFETIME_S = "900"', 'TOKEN_LIFETIME_S = "5"'),
        ("renew_s = 600", renewed),
        ('cwd = "."', f'cwd = "{folder}"'),
    ):
        assert old in text
        text = text.replace(old, new)
    target = tmp_path / "target.toml"
    target.write_text(text)
    ended, checks = run_gate(target, tmp_path, "--level", "sequential")
    assert ended.returncode == 0, ended
    assert checks["contract"] == "pass"


def test_what_fails_differs_in_one_value() -> None:
    for target in FAILING:
        right = (EXAMPLES / target).with_name("target.toml").read_text().splitlines()
        wrong = (EXAMPLES / target).read_text().splitlines()
        assert len(right) == len(wrong)
        differing = [line for line, other in zip(right, wrong, strict=True) if line != other]
        assert len(differing) == 2, "the name, and what is left out"


def test_what_is_left_out_is_one_line_of_the_statement() -> None:
    folder = EXAMPLES / "node_guarded_update"
    right, wrong = [(folder / name).read_text().splitlines() for name in ("move.sql", "move_unguarded.sql")]
    assert [line for line in right if line not in wrong] == ["    AND status = $2"]
    assert [line for line in right if line in wrong] == wrong


@pytest.mark.parametrize("name", PASSING)
def test_its_readme_is_short_and_its_commands_exist(name: str) -> None:
    text = (EXAMPLES / name / "README.md").read_text()
    assert len(text.splitlines()) <= 16
    assert text.splitlines()[0].endswith("?"), "named by the question that it answers"
    commands = re.findall(r"^make (example-\S+)", text, re.MULTILINE)
    assert commands
    for command in commands:
        asked = ["/usr/bin/env", "make", "-n", command]
        planned = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        target = re.search(r"onewinner gate --target (\S+)", planned)
        assert target is not None
        assert target[1].startswith(f"examples/{name}/")
        assert (ROOT / target[1]).exists()
    for path in re.findall(r"\]\(([^)]+)\)", text):
        assert (EXAMPLES / name / path).exists()


def test_the_locks_name_no_registry() -> None:
    node = sorted(EXAMPLES.glob("node_*/package-lock.json"))
    assert len(node) == 2
    for lock in (EXAMPLES / "requirements.lock", *node):
        text = lock.read_text()
        assert "sha256:" in text or '"integrity": "sha512-' in text
        assert "resolved" not in text
        assert "index-url" not in text
        # Where its authors ask for donations is all that an npm lock names.
        addresses = [line for line in text.splitlines() if "://" in line and '"url"' not in line]
        assert addresses == []


NATIVE = {
    "pytest": ("-m", "pytest", "-q", "stateful_tests", "--batches", "1", "--plans", "5"),
    "locust": ("-m", "locust", "-f", "load/locustfile.py", "--headless", "--races", "10"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("tool", NATIVE)
def test_pytest_and_locust_ask_a_target_on_their_own(tool: str, tmp_path: Path) -> None:
    """In a clone, as the README says; what they record is judged afterwards."""
    history = tmp_path / "history"
    target = ("--target", "examples/route_per_edge/target.toml", "--history", str(history))
    command = Command(target, ROOT, program=NATIVE[tool])
    ended = command.run()
    assert ended.returncode == 0, ended
    assert command.find_left() == []
    judged = Command(("check", str(history), *target[:2]), ROOT).run_here()
    assert judged.returncode == 0, judged
    assert re.search(r"legality +pass", judged.stdout)
