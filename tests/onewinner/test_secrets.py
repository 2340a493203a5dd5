"""Goal: no token stays in a run directory, and what a hostile engine says is shown as text.

Method: an engine that logs the headers it is sent, tells them in its answers, and names its states in markup; every
file that the run leaves is searched, Parquet cell by cell.
"""

import contextlib
import sys
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from engine.provision.service import REFERENCE
from engine.target.file import load_target
from onewinner.exits import Interrupted
from onewinner.run import keep_run
from onewinner.secrets import find_secrets, hide_secrets
from reports.comparison.facts import Facts
from reports.documents.run import RunError
from tests.onewinner.running import Command

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


def test_only_credentials_are_secrets(tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    more = f'[tenants.third]\nheaders = {{ Accept = "application/json", Cookie = "a=short; session={TOKEN}2" }}\n'
    file.write_text(TARGET.replace("[workflow]\n", f"{more}[workflow]\n", 1))
    target = load_target(file, {"HOSTILE_TOKEN": TOKEN})
    assert find_secrets(target, ["minted-secret"]) == {TOKEN, WRITTEN, f"{TOKEN}2", "minted-secret"}
    # A token that is the name of a state would change the history.
    state = load_target(file, {"HOSTILE_TOKEN": target.graph.initial.replace(" ", "")})
    assert all(secret not in state.graph.states for secret in find_secrets(state))


def test_what_stands_in_the_name_of_a_tenant_is_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    file.write_text(
        TARGET.replace("[tenants.acme]", f"[tenants.{TOKEN}-eu]").replace("[tenants.globex]", "[tenants.b]")
    )
    target = load_target(file, {"HOSTILE_TOKEN": TOKEN})
    with keep_run(tmp_path / "run", file, Facts(), find_secrets(target)) as run:
        pass
    written = (run.folder / "target.toml").read_text()
    assert written == file.read_text().replace(WRITTEN, "[secret]")
    assert list(load_target(run.folder / "target.toml", {"HOSTILE_TOKEN": TOKEN}).tenants) == [f"{TOKEN}-eu", "b"]


def test_nothing_but_what_the_run_wrote_is_searched(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" / ".env"
    theirs.parent.mkdir()
    theirs.write_text(TOKEN)
    with pytest.raises(RunError, match="is not empty"), keep_run(theirs.parent, REFERENCE, Facts(), {TOKEN}):
        pytest.fail("begun in a folder that is in use")
    assert theirs.read_text() == TOKEN
    journal = tmp_path / "own" / "history" / "race-0.jsonl"
    with contextlib.suppress(Interrupted), keep_run(tmp_path / "own", REFERENCE, Facts(), {TOKEN}):
        journal.write_text(TOKEN)
        raise Interrupted
    assert journal.read_text() == "[secret]"


@pytest.mark.parametrize("content", [b"", b"\x00\xff", f"a {TOKEN} b {TOKEN}".encode()])
def test_files_of_any_kind_are_searched(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "any.bin"
    path.write_bytes(content)
    changed = hide_secrets(tmp_path, {TOKEN})
    assert changed == ([path] if TOKEN.encode() in content else [])
    assert TOKEN.encode() not in path.read_bytes()
