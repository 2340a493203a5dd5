"""Goal: what the documents tell people to type exists.

Method: every command in the README and in docs/, read by the command's own parser, and the Makefile. A block that
cannot be checked so has its reason in a comment above it.
"""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from onewinner.command_line import COMMANDS
from tests.onewinner.running import Command

ROOT = Path(__file__).parent.parent
# Decision records stay as they were written.
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()
README_LINES_MAX = 150
BLOCK = re.compile(r"^(<!-- not run: [^>]+ -->\n)?```(\w+)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINES = [
    (path.name, line.partition("#")[0].strip())
    for path in DOCUMENTS
    for reason, language, block in BLOCK.findall(path.read_text())
    if language in ("sh", "bash", "shell", "console") and not reason
    for line in block.splitlines()
    if line.partition("#")[0].strip()
]
OURS = [line for _, line in LINES if line.split()[0].rpartition("/")[2] == "onewinner"]
# What else a line may begin with: other programs, run in a clone by tests of their own.
OTHERS = {"make", "pytest", "locust", "python"}


def test_there_are_commands_to_check() -> None:
    assert len(OURS) >= 20
    assert {line.split()[0].rpartition("/")[2] for _, line in LINES} <= {"onewinner", *OTHERS}


@pytest.mark.parametrize("line", dict.fromkeys(OURS))
def test_a_command_takes_its_options_and_their_values(line: str) -> None:
    _, command, *arguments = shlex.split(line)
    assert command in COMMANDS
    importlib.import_module(f"onewinner.commands.{command}").build_parser().parse_args(arguments)


@pytest.mark.parametrize("target", dict.fromkeys(line.split()[1] for _, line in LINES if line.startswith("make ")))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_page_can_be_found() -> None:
    """The menu of `make docs` names pages that exist; a page is in the menu, or another document leads to it."""
    _, menu = (ROOT / "mkdocs.yml").read_text().split("\nnav:\n")
    named = set(re.findall(r"[\w-]+\.md", menu))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    linked = {link.rpartition("/")[2] for path in DOCUMENTS for link in re.findall(r"\]\(([^)#:]+)", path.read_text())}
    assert named <= pages
    assert pages - named - linked == set()


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < README_LINES_MAX


def test_the_ci_workflow_is_the_one_that_init_writes(tmp_path: Path) -> None:
    asked = Command(("init", "--out", "orders.toml", "--github"), tmp_path).run_here()
    assert asked.returncode == 0, asked
    written = (tmp_path / ".github" / "workflows" / "onewinner.yml").read_text()
    assert re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) == [written]
