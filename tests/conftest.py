"""The order of the test files: those that take longest come first, so that the test processes end together."""

import pytest

LONG = (
    "onewinner/test_left_behind_by_defects.py",
    "onewinner/test_left_behind_by_levels.py",
    "onewinner/commands/test_gate.py",
    "onewinner/commands/test_race.py",
    "onewinner/test_left_behind.py",
    "onewinner/commands/test_ended_gate.py",
    "engine/provision/test_service.py",
    "examples/test_targets.py",
    "onewinner/commands/test_compare.py",
    "onewinner/commands/test_defects.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)


def rank(item: pytest.Item) -> int:
    """The place of the file in LONG, or behind it."""
    return next((place for place, name in enumerate(LONG) if item.path.match(name)), len(LONG))
