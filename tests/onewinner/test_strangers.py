"""Goal: `race` in a Flask and a Django suite passes when the service is guarded and fails when it is not, 10 of 10.

Method: the examples' own suites on a real PostgreSQL, each test ten times, with up to ten races each, in an
environment that has the wheel.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.provision.database import Database, provide_database
from tests.onewinner.running import Command
from tests.onewinner.strangers import ROOT, make_python

TIMES = 10
EXAMPLES = ROOT / "examples"
SUITES = {"flask_version_column": 1, "django_fsm": 2}
pytestmark = pytest.mark.needs("the examples' own environment: `make test-all` installs it")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_python(tmp_path_factory.mktemp("strangers"), [EXAMPLES / ".venv"])


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with provide_database() as provided:
        yield provided


def describe(database: Database, *, guarded: bool) -> dict[str, str]:
    where = f"{database.host}:{database.port}/{database.name}"
    value = "yes" if guarded else "no"
    return {
        "PYTHONPATH": "",
        "DATABASE_URL": f"postgresql+psycopg://{database.user}:{database.password}@{where}",
        "ORDERS_DB_HOST": database.host,
        "ORDERS_DB_PORT": str(database.port),
        "ORDERS_DB_USER": database.user,
        "ORDERS_DB_PASSWORD": database.password,
        "ORDERS_DB_NAME": database.name,
        "ORDERS_VERSION_COLUMN": value,
        "ORDERS_CONCURRENT_TRANSITIONS": value,
    }


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
@pytest.mark.parametrize("name", SUITES)
def test_a_strangers_suite(name: str, guarded: bool, python: str, database: Database, tmp_path: Path) -> None:
    program = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--show-capture=no", "--keep-duplicates")
    files = ["test_orders.py"] * TIMES
    environment = describe(database, guarded=guarded)
    command = Command((*files, "--basetemp", str(tmp_path)), EXAMPLES / name, environment, program, python)
    ended = command.run()
    assert command.find_left() == []
    count = TIMES * SUITES[name]
    assert re.search(rf"^{count} {'passed' if guarded else 'failed'} in", ended.stdout, re.MULTILINE), ended
    # The short summary may tell it once more.
    told = re.findall(r"^E .*NotOneWinnerError: .* won: they overlapped by", ended.stdout, re.MULTILINE)
    assert len(told) == (0 if guarded else count)
