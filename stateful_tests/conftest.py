"""Options and the engine. On its own, `pytest stateful_tests` starts the reference engine."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.provision.service import ServiceError, reach_engine
from engine.target.file import TargetError
from engine.target.target import Target


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("onewinner")
    group.addoption("--target", type=Path, default=None, help="the target file (default: the reference engine)")
    group.addoption("--base-url", default=None, help="where the engine runs already")
    group.addoption("--history", type=Path, default=None, help="folder of the journals (default: runs/...)")
    group.addoption("--seed", type=int, default=1, help="the same seed asks the same questions")
    group.addoption("--batches", type=int, default=4, help="how many batches of random sequences")
    group.addoption("--plans", type=int, default=40, help="how many plans of parallel branches")
    group.addoption("--repeats", type=int, default=2, help="how often each of them is executed")
    group.addoption("--plan", type=Path, default=None, help="a saved plan, instead of pinned and random ones")
    group.addoption("--shrink-limit-s", type=float, default=20.0, help="a failing plan is made smaller for so long")
    group.addoption("--no-shrink", action="store_true", help="tell the first failing sequence as it is")
    group.addoption("--limit-s", type=float, default=60.0, help="no batch begins after this many seconds")


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Iterator[Target]:
    try:
        with reach_engine(pytestconfig.getoption("target"), pytestconfig.getoption("base_url")) as reached:
            yield reached
    except (TargetError, ServiceError) as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def history(pytestconfig: pytest.Config) -> Path:
    folder: Path | None = pytestconfig.getoption("history")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return folder or Path("runs", f"{stamp}-pytest", "history")
