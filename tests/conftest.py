"""The order of the test files, and which tests share a test process.

The files that take longest come first, so that the processes end together. Where tests are spread by group, a file is
one; those that need Docker are one together, because they count the containers of the machine.
"""

import pytest
from hypothesis import HealthCheck, settings

# On a busy machine an example takes as long as it takes.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

LONG = (
    "onewinner/test_gate_matrix.py",
    "onewinner/commands/test_gate.py",
    "onewinner/commands/test_race.py",
    "onewinner/test_left_behind.py",
    "onewinner/commands/test_ended_gate.py",
    "engine/provision/test_service.py",
    "examples/test_targets.py",
    "onewinner/commands/test_compare.py",
    "onewinner/commands/test_defects.py",
    "onewinner/test_left_behind_by_defects.py",
    "onewinner/test_left_behind_by_levels.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(name_group(item)))


def rank(item: pytest.Item) -> int:
    """The place of the file in LONG, or behind it."""
    return next((place for place, name in enumerate(LONG) if item.path.match(name)), len(LONG))


def name_group(item: pytest.Item) -> str:
    """What the tests of one process have in common."""
    needs = [need for marker in item.iter_markers("needs") for need in marker.args]
    return "docker" if "docker" in needs else str(item.path)
