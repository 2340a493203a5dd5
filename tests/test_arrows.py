"""Goal: the arrows between the rooms hold. Method: walk every import statement of every file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("engine", "reports", "load", "stateful_tests", "onewinner")

# What a file may import of other rooms: the file's own room maps to (room or module) prefixes.
ARROWS = {
    "engine": (),
    "reports": ("engine.graph",),
    "load": (
        "engine.target",
        "engine.target_file",
        "engine.graph",
        "engine.making",
        "engine.environment",
        "engine.service",
        "reports",
    ),
    "stateful_tests": (
        "engine.target",
        "engine.target_file",
        "engine.graph",
        "engine.illegal",
        "engine.service",
        "engine.database",
        "engine.crash",
        "engine.errors",
        "reports",
        "load.gate",
        "load.http",
        "load.races",
        "load.ask",
        "load.asker",
    ),
    "onewinner": ("engine", "reports", "load.shares", "load.gate", "load.maker"),
}
# What patches the whole process when it is imported: only Locust itself loads these.
LOCUST_SIDE = ("load.locustfile", "load.worker", "load.master", "load.panel")


def list_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def walk_imports(path: Path) -> Iterator[str]:
    """Every imported module, absolute; `from a import b` gives a.b where that is a module of ours, else a."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if (ROOT / full.replace(".", "/")).with_suffix(".py").exists() else node.module or ""


def crossings(room: str) -> list[tuple[str, str]]:
    """Every (file, imported module) that leaves the room for another of ours."""
    found = []
    for path in list_files(room):
        for module in walk_imports(path):
            first = module.split(".")[0]
            if first in ROOMS and first != room:
                found.append((str(path.relative_to(ROOT)), module))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_import_leaves_the_arrows(room: str) -> None:
    for path, module in crossings(room):
        allowed = any(module == prefix or module.startswith(f"{prefix}.") for prefix in ARROWS[room])
        assert allowed, f"{path} imports {module}; {room} may import {', '.join(ARROWS[room]) or 'nothing of ours'}"


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_imports_locust_but_its_own_side(room: str) -> None:
    for path in list_files(room):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for module in walk_imports(path):
            assert module not in LOCUST_SIDE or name in LOCUST_SIDE, f"{path} imports {module}, which is Locust's"
            if module.split(".")[0] in ("locust", "gevent", "flask"):
                assert name in LOCUST_SIDE, f"{path} imports {module}, which patches the process"


def test_the_walk_sees_the_imports_that_are_there() -> None:
    assert ("reports/model.py", "engine.graph") in crossings("reports")
    assert ("stateful_tests/machine.py", "load.asker") in crossings("stateful_tests")
