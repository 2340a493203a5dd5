"""Goal: what the README tells people to type exists. Method: every command in it, against the help and the Makefile."""

import re
import shlex
from pathlib import Path

import pytest

from tests.onewinner.running import Command

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LINES = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
OURS = [line for line in LINES if line.split()[0].endswith("onewinner")]


def test_there_are_commands_to_check() -> None:
    assert len(OURS) >= 4
    assert {line.split()[0].rpartition("/")[2] for line in LINES} <= {"make", "onewinner", "pytest", "locust"}


@pytest.mark.parametrize("line", OURS)
def test_every_command_and_option_exists(line: str) -> None:
    _, command, *arguments = shlex.split(line)
    asked = Command((command, "--help"), ROOT).run_here()
    assert asked.returncode == 0, asked
    told = asked.stdout
    for option in (argument.partition("=")[0] for argument in arguments if argument.startswith("--")):
        assert option in told, f"{line}: {option} is not in its help"


@pytest.mark.parametrize("target", [line.split()[1] for line in LINES if line.startswith("make ")])
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)]+)\)", README))
def test_every_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_ci_workflow_is_the_one_that_init_writes(tmp_path: Path) -> None:
    asked = Command(("init", "--out", "orders.toml", "--github"), tmp_path).run_here()
    assert asked.returncode == 0, asked
    written = (tmp_path / ".github" / "workflows" / "onewinner.yml").read_text()
    assert re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) == [written]
