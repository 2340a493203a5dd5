"""The options and the engine of a session. `pytest stateful_tests` alone starts the reference engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.provision.service import ServiceError, reach_engine
from engine.target.target import Target
from engine.target.target_file import TargetError
from reports.documents.run_folder import name_folder
from stateful_tests.options import Options, add_options, read_options


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.fixture(scope="session")
def options(pytestconfig: pytest.Config) -> Options:
    return read_options(pytestconfig)


@pytest.fixture(scope="session")
def target(options: Options) -> Iterator[Target]:
    try:
        with reach_engine(options.target, options.base_url) as reached:
            yield reached
    except (TargetError, ServiceError) as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def history(options: Options) -> Path:
    return options.history or name_folder("pytest") / "history"
