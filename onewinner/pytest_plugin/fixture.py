"""The fixture `race`. What it does not need until a race is run it does not import."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from onewinner.pytest_plugin.helper import Helper
    from onewinner.pytest_plugin.race import Race


@pytest.fixture(scope="session")
def onewinner_helper() -> "Iterator[Helper]":
    """The process that races, for the whole session; it starts with the first race."""
    from onewinner.pytest_plugin.helper import Helper

    helper = Helper()
    yield helper
    helper.close()


@pytest.fixture
def race(request: pytest.FixtureRequest, onewinner_helper: "Helper") -> "Iterator[Race]":
    """Sends several requests to a running server at one instant, and tells who won.

    Use it as `race.post(url, json=...).assert_one_winner()`, or `race([Request(...), ...], base_url=...)` with
    requests that differ. It needs a real server that handles several requests at a time: a test client is none.
    A test with a race whose result was neither asserted nor looked at fails at its end.
    """
    from onewinner.pytest_plugin.race import Race

    failed_before = request.session.testsfailed
    race = Race(onewinner_helper, picture=find_picture(request))
    yield race
    # A test that failed behind its race may have had no chance to look.
    if request.session.testsfailed == failed_before and (unseen := race.describe_unseen()):
        pytest.fail(unseen, pytrace=False)


def find_picture(request: pytest.FixtureRequest) -> Path:
    """Where the picture of a failure goes: into pytest's cache; without one, among its temporary folders."""
    cache = getattr(request.config, "cache", None)
    if cache is not None:
        folder = Path(cache.mkdir("onewinner"))
    else:
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        folder = factory.getbasetemp()
    return folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', request.node.nodeid)[-100:]}.svg"
