"""The order of the test files, and which tests wait for each other.

The files that take longest come first, so that the test processes end together.
"""

import fcntl
from collections.abc import Iterator

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


def rank(item: pytest.Item) -> int:
    """The place of the file in LONG, or behind it."""
    return next((place for place, name in enumerate(LONG) if item.path.match(name)), len(LONG))


@pytest.fixture(autouse=True)
def one_docker_test_at_a_time(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Tests that need Docker count the containers of the machine, whichever test process runs them."""
    if not any("docker" in marker.args for marker in request.node.iter_markers("needs")):
        yield
        return
    # The folder above is the one that the test processes share.
    shared = tmp_path_factory.getbasetemp().parent / "docker.lock"
    with shared.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
