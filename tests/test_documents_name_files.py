"""Goal: a file that a document names is there. Method: every path and every module in `docs/`, against the tree."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    "engine",
    "stateful_tests",
    "load",
    "reports",
    "onewinner",
    "tests",
    "tools",
    "benchmarks",
    "examples",
    "trophies",
    "docs",
)
# Decision records stay as they were written: they may name files of their time.
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"`([\w/]+\.(?:py|toml|json|css|j2))`")


@cache
def list_modules() -> set[str]:
    return {path.name for room in ROOMS for path in (ROOT / room).rglob("*.py") if ".environments" not in path.parts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_named_file_is_there(document: Path) -> None:
    names = NAMED.findall(document.read_text())
    paths = [name for name in names if name.partition("/")[0] in ROOMS and "/" in name]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [name for name in names if name.endswith(".py") and "/" not in name and name not in list_modules()] == []
