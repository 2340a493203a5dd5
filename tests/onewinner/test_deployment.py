"""Goal: a service in any language is run in the configuration that is asked for, or one sentence says why it cannot.

Method: a service that is no engine at all and writes down what it is told; the database is asked what it was given.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.provision.database import start_embedded
from onewinner.deployment import open_log_folder, run_engine
from onewinner.engine_choice import EngineChoice, read_target
from onewinner.exits import UsageError
from tests.engine.probing import run_sql
from tests.load.stub import SMALL

SERVICE = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
with open("told.json", "w") as told:
    json.dump({"arguments": sys.argv[2:], "url": os.environ["DATABASE_URL"]}, told)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
TOLD = '"{workers}", "{isolation}", "{pooled}"'


def write_target(folder: Path, *, told: str = TOLD) -> Path:
    (folder / "service.py").write_text(SERVICE)
    served = (
        f'[service]\ncommand = ["python", "service.py", "{{port}}", {told}]\ncwd = "."\nready = "/"\n'
        'env = { DATABASE_URL = "{database_url}" }\n'
    )
    text = SMALL.replace("127.0.0.1:1", "127.0.0.1:{port}").replace("[tenants.acme]", f"{served}[tenants.acme]")
    (folder / "target.toml").write_text(text)
    return folder / "target.toml"


def choose(file: Path, **options: Any) -> EngineChoice:
    return EngineChoice(file, read_target(file), **options)


def ask_service(folder: Path, options: dict[str, Any], *questions: str) -> tuple[list[str], list[object]]:
    """What the service was told, and what the database that it was given says."""
    with run_engine(choose(write_target(folder), **options), folder / "log"):
        told = json.loads((folder / "told.json").read_text())
        return told["arguments"], run_sql(told["url"], *questions)


def test_without_options_it_is_told_what_is_usual(tmp_path: Path) -> None:
    told, answers = ask_service(tmp_path, {}, "SHOW default_transaction_isolation")
    assert told == ["2", "read committed", "false"]
    assert answers == ["read committed"]


def test_a_database_url_is_given_as_it_is(tmp_path: Path) -> None:
    with start_embedded() as database:
        _, answers = ask_service(tmp_path, {"database": database.url}, "SHOW search_path", "SELECT current_schema()")
        assert json.loads((tmp_path / "told.json").read_text())["url"] == database.url
    assert answers == ['"$user", public', "public"]


def test_isolation_is_the_default_of_its_database(tmp_path: Path) -> None:
    options = {"isolation": "repeatable-read", "workers": 5}
    told, answers = ask_service(tmp_path, options, "SHOW default_transaction_isolation", "SHOW transaction_isolation")
    assert told == ["5", "repeatable read", "false"]
    assert answers == ["repeatable read"] * 2


@pytest.mark.needs("pgbouncer")
def test_behind_a_pgbouncer_isolation_holds_too(tmp_path: Path) -> None:
    told, answers = ask_service(
        tmp_path, {"isolation": "serializable", "pgbouncer": "pgbouncer"}, "SHOW transaction_isolation"
    )
    assert told == ["2", "serializable", "true"]
    assert answers == ["serializable"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 2}, r"--workers: .* write \{workers\} in its command or env"),
        (
            {"isolation": "serializable", "database": "postgresql://u@127.0.0.1:1/n"},
            r"--isolation: .* write \{isolation\} in",
        ),
    ],
)
def test_a_configuration_that_a_service_cannot_have_is_one_sentence(
    options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    target = write_target(tmp_path, told='"nothing"')
    with (
        pytest.raises(UsageError, match=sentence),
        run_engine(choose(target, **options), tmp_path / "log"),
    ):
        raise AssertionError("unreachable")


def test_a_running_service_takes_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(SMALL)
    with (
        pytest.raises(UsageError, match=r"--workers, --pgbouncer, .* need a \[service\]"),
        run_engine(choose(tmp_path / "target.toml", workers=2), tmp_path / "log"),
    ):
        raise AssertionError("unreachable")


@pytest.mark.parametrize("named", [True, False])
def test_a_log_is_kept_if_a_message_names_it(named: bool) -> None:
    kept: list[Path] = []

    def end() -> None:
        with open_log_folder() as folder:
            kept.append(folder)
            raise UsageError(f"it ended; see {folder / 'service.log'}" if named else "it ended")

    with pytest.raises(UsageError):
        end()
    assert kept[0].exists() == named
    shutil.rmtree(kept[0], ignore_errors=True)
