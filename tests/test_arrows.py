"""Goal: the arrows between the rooms hold. Method: read them from docs/architecture.md, walk all imports."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| `([a-z_/]+)` \|[^|]*\|([^|]*)\|$", re.MULTILINE)
# A room, to the rooms (or modules) that it may import.
ARROWS = {
    room: tuple(re.findall(r"`([a-z_/]+)`", imports))
    for room, imports in ROW.findall((ROOT / "docs" / "architecture.md").read_text())
}
# What patches the whole process when it is imported: only Locust itself loads these.
LOCUST_SIDE = (
    "load.__main__",
    "load.locust_failures",
    "load.locustfile",
    "load.master",
    "load.message_barrier",
    "load.options",
    "load.web_ui",
    "load.worker",
)


def list_files(room: str) -> list[Path]:
    """The files of a room, without those of the rooms inside it."""
    return [path for path in sorted((ROOT / room).rglob("*.py")) if find_room(path) == room]


def find_room(path: Path) -> str | None:
    """The innermost room of a file or a module's path; None of what is not ours."""
    names = path.relative_to(ROOT).with_suffix("").parts
    return next((room for n in range(len(names), 0, -1) if (room := "/".join(names[:n])) in ARROWS), None)


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
    """Every (file, imported module's path) that leaves the room for another of ours."""
    found = []
    for path in list_files(room):
        for module in walk_imports(path):
            place = module.replace(".", "/")
            if find_room(ROOT / place) not in (None, room):
                found.append((str(path.relative_to(ROOT)), place))
    return found


def is_within(place: str, room: str) -> bool:
    return place == room or place.startswith(f"{room}/")


def test_every_package_is_a_room_or_lies_in_one() -> None:
    assert len(ARROWS) > 10
    for top in ("engine", "reports", "load", "stateful_tests", "onewinner"):
        for path in (ROOT / top).rglob("*.py"):
            assert path.name == "__init__.py" or find_room(path), f"{path} is in no room of docs/architecture.md"


@pytest.mark.parametrize("room", ARROWS)
def test_no_import_leaves_the_arrows(room: str) -> None:
    for path, place in crossings(room):
        inner = is_within(place, room)
        allowed = inner or any(is_within(place, prefix) for prefix in ARROWS[room])
        assert allowed, f"{path} imports {place}; {room} may import {', '.join(ARROWS[room]) or 'nothing of ours'}"


def test_there_is_no_circle_of_top_rooms() -> None:
    """engine <- reports <- load <- stateful_tests <- onewinner: each imports only what stands before it."""
    order = ("engine", "reports", "load", "stateful_tests", "onewinner")
    for room, prefixes in ARROWS.items():
        for prefix in prefixes:
            assert order.index(prefix.split("/")[0]) <= order.index(room.split("/")[0]), f"{room} -> {prefix}"


@pytest.mark.parametrize("room", ARROWS)
def test_only_the_locust_side_imports_locust(room: str) -> None:
    for path in list_files(room):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for module in walk_imports(path):
            assert module not in LOCUST_SIDE or name in LOCUST_SIDE, f"{path} imports {module}, which is Locust's"
            if module.split(".")[0] in ("locust", "gevent", "flask"):
                assert name in LOCUST_SIDE, f"{path} imports {module}, which patches the process"


def test_the_walk_sees_the_imports_that_are_there() -> None:
    assert ("reports/judge/models/workflow.py", "engine/target/graph") in crossings("reports/judge")
    assert ("stateful_tests/sequential/machine.py", "load/client/asker") in crossings("stateful_tests/sequential")
