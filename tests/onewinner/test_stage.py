"""Goal: a service in any language is put on the footing that was asked for, or one sentence says why it cannot be.

Method: a service that is no engine at all and writes down what it is told; the database is asked what it was given.
"""

import json
from pathlib import Path

import pytest

from onewinner.exits import UsageError
from onewinner.stage import Footing, set_stage
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


def ask_service(folder: Path, footing: Footing, *questions: str) -> tuple[list[str], list[object]]:
    """What the service was told, and what the database that it was given says."""
    with set_stage(write_target(folder), "embedded", None, folder / "log", footing=footing):
        told = json.loads((folder / "told.json").read_text())
        return told["arguments"], run_sql(told["url"], *questions)


def test_without_options_it_is_told_what_is_usual(tmp_path: Path) -> None:
    told, answers = ask_service(tmp_path, Footing(), "SHOW default_transaction_isolation")
    assert told == ["2", "read committed", "false"]
    assert answers == ["read committed"]


def test_isolation_is_the_default_of_its_database(tmp_path: Path) -> None:
    footing = Footing("repeatable read", 5)
    told, answers = ask_service(tmp_path, footing, "SHOW default_transaction_isolation", "SHOW transaction_isolation")
    assert told == ["5", "repeatable read", "false"]
    assert answers == ["repeatable read"] * 2


@pytest.mark.needs("pgbouncer")
def test_behind_a_pgbouncer_isolation_holds_too(tmp_path: Path) -> None:
    told, answers = ask_service(tmp_path, Footing("serializable", pgbouncer="pgbouncer"), "SHOW transaction_isolation")
    assert told == ["2", "serializable", "true"]
    assert answers == ["serializable"]


@pytest.mark.parametrize(
    ("footing", "database", "sentence"),
    [
        (Footing(workers=2), "embedded", r"--workers: .* write \{workers\} in its command or env"),
        (Footing(isolation="serializable"), "postgresql://u@127.0.0.1:1/n", r"--isolation: .* write \{isolation\} in"),
    ],
)
def test_what_a_service_cannot_be_put_on_is_one_sentence(
    footing: Footing, database: str, sentence: str, tmp_path: Path
) -> None:
    target = write_target(tmp_path, told='"nothing"')
    with (
        pytest.raises(UsageError, match=sentence),
        set_stage(target, database, None, tmp_path / "log", footing=footing),
    ):
        raise AssertionError("unreachable")


def test_a_running_service_takes_no_footing(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(SMALL)
    with (
        pytest.raises(UsageError, match=r"--workers, --pgbouncer, .* need a \[service\]"),
        set_stage(tmp_path / "target.toml", "embedded", None, tmp_path / "log", footing=Footing(workers=2)),
    ):
        raise AssertionError("unreachable")
