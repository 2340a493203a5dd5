"""Goal: no token stays in a run directory, and what a hostile engine says is shown as text.

Method: an engine that logs the headers it is sent, tells them in its answers, and names its states in markup; every
file that the run leaves is searched, Parquet cell by cell.
"""

import base64
import contextlib
import json
import signal
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from msgspec import structs

from engine.provision.database_address import find_passwords, parse_url
from engine.provision.service import REFERENCE
from engine.target.credentials import find_secrets, find_written, list_exposed
from engine.target.secrets import Secrets, know
from engine.target.target_file import load_target
from engine.target.workflow_source import CreateCommand
from onewinner.run import keep_run
from onewinner.signals import Interrupted
from reports.comparison.facts import Facts
from reports.documents.run_folder import RunError
from reports.history import events
from reports.history.journal import Journal
from tests.engine.probing import eventually
from tests.onewinner.hostile_engine import spell
from tests.onewinner.running import Command, wait_for

TOKEN = "tok-7f3a9c1e5b2d4860-acme"
WRITTEN = "written-into-the-file-51c2"
HERE = Path(__file__).parent
TARGET = f"""
name = "<b>hostile</b>"
base_url = "http://127.0.0.1:{{port}}"
[service]
command = ["{sys.executable}", "{HERE / "hostile_engine.py"}", "{{port}}"]
ready = "/ready"
[tenants.acme]
headers = {{ Authorization = "Bearer ${{HOSTILE_TOKEN}}" }}
[tenants.globex]
headers = {{ X-Api-Key = "{WRITTEN}" }}
[workflow]
initial = "<img src=x onerror=alert(1)>"
[workflow.transitions]
"<img src=x onerror=alert(1)>" = ["</pre><script>alert(2)</script>"]
"</pre><script>alert(2)</script>" = ["\\u001b[31m\\"'&"]
[create]
request = {{ method = "POST", path = "/w" }}
id = "id"
[read]
request = {{ method = "GET", path = "/w/{{id}}" }}
state = "state"
[advance]
request = {{ method = "POST", path = "/w/{{id}}", json = {{ expected = "{{expected}}", next = "{{next}}" }} }}
current_state = "state"
[audit]
request = {{ method = "GET", path = "/w/{{id}}/trail" }}
entries = "entries"
from = "from"
to = "to"
"""


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def read_everything(folder: Path) -> dict[str, str]:
    """The text of every file of a folder; of a Parquet file every cell."""
    texts = {}
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            texts[str(path)] = str(pl.read_parquet(path).to_dicts())
        elif path.is_file():
            texts[str(path)] = path.read_text(errors="replace")
    return texts


def test_a_hostile_engine_leaves_no_token_and_no_markup(tmp_path: Path) -> None:
    (tmp_path / "hostile.toml").write_text(TARGET)
    out = tmp_path / "run"
    arguments = ("race", "--target", "hostile.toml", "--races", "20", "--contenders", "3", "--out", str(out))
    ended = Command(arguments, tmp_path, {"HOSTILE_TOKEN": TOKEN}).run_here()
    texts = read_everything(out)
    assert any("[secret]" in text for name, text in texts.items() if name.endswith("service.log")), ended
    holding = [name for name, text in texts.items() if TOKEN in text or WRITTEN in text]
    assert holding == []
    page = Tags(texts[str(out / "index.html")])
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert page.handlers == []
    assert "&lt;/pre&gt;&lt;script&gt;" in texts[str(out / "index.html")]
    assert "␛[31m" in texts[str(out / "index.html")]


PLANTED = {
    "HOSTILE_TOKEN": TOKEN,
    "PLAIN_VALUE": "plain-5d0e7c41aa",
    "ODD_VALUE": "o/d&d \"v'a+l%u\\e=1",
}
TELLING = """
[service]
env = { TELL = "PLAIN_VALUE ODD_VALUE DB", DB = "{database_password}", A = "${PLAIN_VALUE}", B = "<${ODD_VALUE}>" }
"""


def write_telling(folder: Path) -> None:
    (folder / "hostile.toml").write_text(TARGET.replace("\n[service]\n", TELLING))


def find_planted(text: str) -> list[str]:
    forms = [form for secret in (*PLANTED.values(), WRITTEN) for form in spell(secret)]
    # The ends of a base64 text hold bits of its neighbours.
    return [form for form in forms if form[4:-4] in text]


@pytest.mark.exhaustive
def test_a_service_tells_its_secrets_in_every_form_and_nothing_keeps_them(tmp_path: Path) -> None:
    write_telling(tmp_path)
    arguments = ("race", "--target", "hostile.toml", "--races", "20", "--contenders", "3", "--out", "run")
    ended = Command(arguments, tmp_path, PLANTED).run_here()
    log = (tmp_path / "run" / "logs" / "service.log").read_text()
    assert log.count("[secret]") > 3 * len(spell("")), ended
    assert find_planted(ended.stdout + ended.stderr) == []
    assert [name for name, text in read_everything(tmp_path / "run").items() if find_planted(text)] == []


@pytest.mark.parametrize("command", ["race", "doctor"])
def test_the_log_of_a_service_that_does_not_start_is_shown_without_secrets(command: str, tmp_path: Path) -> None:
    write_telling(tmp_path)
    ended = Command((command, "--target", "hostile.toml"), tmp_path, {**PLANTED, "FAIL": "1"}).run_here()
    assert "it does not start" in ended.stderr
    assert "PLAIN_VALUE [secret]" in ended.stderr
    assert find_planted(ended.stdout + ended.stderr) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_secret(number: signal.Signals, tmp_path: Path) -> None:
    write_telling(tmp_path)
    arguments = ("race", "--target", "hostile.toml", "--races", "100000", "--out", "run")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = Command(arguments, tmp_path, {**PLANTED, "TMPDIR": str(temporary)})
    history, seen = tmp_path / "run" / "history", list[str]()
    with command.start() as process:
        wait_for(lambda: any(path.stat().st_size > 100_000 for path in history.glob("race*.jsonl")), process)
        seen += command.find_left()
        process.send_signal(number)
        output, errors = process.communicate()
    assert eventually(lambda: not command.find_left())
    assert find_planted(output + errors + "".join(seen)) == []
    assert [name for name, text in read_everything(tmp_path / "run").items() if find_planted(text)] == []
    assert [*temporary.rglob("*")] == []


def test_a_journal_hides_texts_and_keeps_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with know(Secrets.of(["workflow", "outcome"])), Journal(path) as journal:
        journal.write(events.Invoke(id="workflow-1", process=0, workflow="workflow-1", kind="read", invoked_ns=1))
        journal.write(events.Broken(what="the workflow has no outcome", traceback=encode("x:workflow")))
    invoked, broken = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert invoked["workflow"] == invoked["id"] == "workflow-1"
    assert broken["what"] == "the [secret] has no [secret]"
    assert "[secret]" in broken["traceback"]


def test_only_credentials_are_secrets(tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    more = f'[tenants.third]\nheaders = {{ Accept = "application/json", Cookie = "a=short; session={TOKEN}2" }}\n'
    file.write_text(TARGET.replace("[workflow]\n", f"{more}[workflow]\n", 1))
    environment = {"HOSTILE_TOKEN": TOKEN, "UNNAMED": "not-in-the-file"}
    target = load_target(file, environment)
    found = find_secrets(file, target, environment, ["minted-secret"])
    assert found.texts == {TOKEN, WRITTEN, f"{TOKEN}2", "minted-secret"}
    # A token that is the name of a state would change the history.
    environment = {"HOSTILE_TOKEN": target.graph.initial.replace(" ", "")}
    state = load_target(file, environment)
    assert all(secret not in state.graph.states for secret in find_secrets(file, state, environment).texts)


def test_credentials_that_stand_in_any_request_are_secrets(tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    create = (
        'request = { method = "POST", path = "/w", headers = { X-Api-Key = "in-a-header-1", Accept = "text/plain" }, '
    )
    create += 'json = { key = "no-credential", deep = [{ password = "in-a-body-2", secret = "{marker}" }] } }'
    text = TARGET.replace('request = { method = "POST", path = "/w" }', create)
    file.write_text(
        text.replace("[service]", '[service]\nenv = { DB_PASSWORD = "in-a-setting-3", MODE = "testing-4" }')
    )
    assert find_written(file, load_target(file, None)).texts == {
        WRITTEN, "in-a-header-1", "in-a-body-2", "in-a-setting-3",
    }  # fmt: skip


@pytest.mark.parametrize("word", ["{database_url}", "postgresql://me:{database_password}@h/d"])
def test_an_argument_that_shows_the_password_is_told(word: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    file.write_text(TARGET)
    target = load_target(file, None)
    assert list_exposed(target) == []
    assert target.service is not None
    service, create = structs.replace(target.service, command=["serve", word]), CreateCommand(("make", word))
    [first, second] = list_exposed(replace(target, service=service, create=create))
    assert first.startswith("service.command: {database_")
    assert first.endswith("write it in service.env, where the program can read it")
    assert second.startswith("create.command: {database_")


def test_the_password_of_a_database_is_a_secret() -> None:
    target = load_target(REFERENCE, None)
    database = parse_url("postgresql://u:pass%2Fword@h/n?sslpassword=another1&sslmode=require")
    assert find_passwords(database, target).texts == {"pass/word", "another1"}


def test_the_copy_of_the_target_file_keeps_names_and_no_credential(tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    file.write_text(
        TARGET.replace("[tenants.acme]", f"[tenants.{TOKEN}-eu]").replace("[tenants.globex]", "[tenants.b]")
    )
    copy = tmp_path / "run" / "target.toml"
    with contextlib.suppress(Interrupted), keep_run(tmp_path / "run", file, Facts()) as run:
        # It is hidden from the first moment on, and the levels get it all the same.
        assert copy.read_text() == file.read_text().replace(WRITTEN, "[secret]")
        assert load_target(copy, None).tenants["b"].headers == {"X-Api-Key": WRITTEN}
        raise Interrupted
    assert load_target(copy, None).tenants["b"].headers == {"X-Api-Key": "[secret]"}
    assert list(load_target(run.folder / "target.toml", {"HOSTILE_TOKEN": TOKEN}).tenants) == [f"{TOKEN}-eu", "b"]


def test_nothing_but_what_the_run_wrote_is_changed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" / "target.toml"
    theirs.parent.mkdir()
    theirs.write_text(WRITTEN)
    with pytest.raises(RunError, match="is not empty"), keep_run(theirs.parent, REFERENCE, Facts()):
        pytest.fail("begun in a folder that is in use")
    assert theirs.read_text() == WRITTEN


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
