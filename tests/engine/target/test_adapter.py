"""Goal: an adapter prepares every request and classifies every answer; a mistake in it is one sentence with its line.

Method: adapters beside a small target file; the example of docs/target.md; askers on an engine in memory.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.target.adapter import Context
from engine.target.classified_answer import classify_advance, classify_create, classify_guard, classify_read, read_trail
from engine.target.http_answer import Answer
from engine.target.target import NotBuiltError, Target
from engine.target.target_file import TargetError, load_target
from load.client.asker import Asker
from reports.comparison.facts import Facts
from reports.documents.run_folder import begin_run
from reports.history.history import read_history
from reports.history.journal import Journal
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS
from tests.load.stub import SMALL, Engine, StubRelease, load_text

Load = Callable[[str], Target]
PAGE = Path(__file__).parents[3] / "docs" / "target.md"
SIGN = """
from dataclasses import replace
from onewinner.adapter import Context, Request

def prepare(request: Request, context: Context) -> Request:
    told = f"{context.kind} {context.name} {context.tenant} {context.id} {context.expected} {context.next}"
    return replace(request, headers=(*request.headers, ("X-Told", told)))
"""
JUDGE = """
def classify(answer, context):
    return answer.json().get(context.kind) if answer.json() else None
"""


@pytest.fixture
def adapt(tmp_path: Path) -> Load:
    def write_and_load(code: str) -> Target:
        (tmp_path / "sign.py").write_text(code)
        (tmp_path / "target.toml").write_text(f'adapter = "sign.py"\n{ORDERS}')
        return load_target(tmp_path / "target.toml", ENVIRONMENT)

    return write_and_load


def test_every_request_is_prepared(adapt: Load) -> None:
    target = adapt(SIGN)
    general, pick = target.routes_for("DRAFT", "SUBMITTED")[-1], target.routes_for("SUBMITTED", "PICKING")[0]
    requests = [
        target.build_create("acme", "r"),
        target.build_read("acme", "7", "r"),
        target.build_advance(general, "acme", "7", "DRAFT", "SUBMITTED", "r"),
        target.build_advance(pick, "acme", "7", "SUBMITTED", "PICKING", "r"),
        target.build_guard(target.guards[0], "acme", "7", "r"),
        target.build_trail("acme", "7", "r"),
    ]
    assert [dict(request.headers)["X-Told"] for request in requests if request is not None] == [
        "create  acme   ",
        "read  acme 7  ",
        "advance advance acme 7 DRAFT SUBMITTED",
        "advance pick acme 7 SUBMITTED PICKING",
        "guard /orders/{id}/label acme 7  ",
        "audit  acme 7  ",
    ]
    assert target.expected_by(general, "DRAFT", "SUBMITTED") == ("DRAFT",), "what identifies a request is not signed"


def test_an_answer_is_classified_by_the_adapter_else_by_the_file(adapt: Load) -> None:
    target = adapt(JUDGE)
    route, guard = target.routes_for("DRAFT", "SUBMITTED")[-1], target.guards[0]

    def move(status: int, body: bytes) -> tuple[str, str | None]:
        classified = classify_advance(target, Answer(status, {}, body), route, "SUBMITTED")
        return classified.outcome, classified.observed

    assert move(500, b'{"advance": "won"}') == ("won", None)
    assert move(200, b'{"advance": "conflict", "status": "PICKING"}') == ("conflict", "PICKING")
    assert [
        move(200, b'{"advance": "%s"}' % outcome)[0] for outcome in (b"stale", b"busy", b"refused", b"unknown")
    ] == [
        "stale",
        "busy",
        "refused",
        "unknown",
    ]
    assert move(200, b"{}") == ("won", None)
    assert classify_create(target, Answer(500, {}, b'{"create": "ok", "order": {"ref": 3}}')).server_id == "3"
    assert classify_create(target, Answer(500, {}, b'{"create": "ok"}')).outcome == "unknown", "it has no id"
    assert classify_read(target, Answer(201, {}, b'{"read": "ok", "order": {"status": "DRAFT"}}')).observed == "DRAFT"
    assert classify_guard(target, Answer(200, {}, b'{"guard": "conflict"}'), guard).outcome == "conflict"
    assert read_trail(target, Answer(500, {}, b'{"audit": "ok", "events": []}')) == []
    assert read_trail(target, Answer(200, {}, b'{"audit": "refused", "events": []}')) is None


def test_no_answer_is_not_classified(adapt: Load) -> None:
    target = adapt("def classify(answer, context):\n    return 'ok'\n")
    assert classify_read(target, Answer(None, error="lost")).message == "lost"


WRONG_ANSWERS = {
    "sign.py:2: classify returned 'lost' for the answer to advance; it must be None or one of won, conflict,": "'lost'",
    "sign.py:2: classify returned 'ok' for the answer to advance": "'ok'",
    "sign.py:2: classify returned 7": "7",
    "sign.py:3: classify raised ZeroDivisionError: division by zero": "1 / 0",
    "sign.py:3: classify raised SystemExit: stop": "exit('stop')",
    "sign.py:3: classify raised ValueError: two lines": "int_('two\\nlines')",
}


@pytest.mark.parametrize("sentence", WRONG_ANSWERS)
def test_a_classification_that_fails_is_unknown(sentence: str, adapt: Load) -> None:
    helper = "def int_(text): raise ValueError(text)\n" if "int_" in WRONG_ANSWERS[sentence] else "\n"
    target = adapt(f"{helper}def classify(answer, context):\n    return {WRONG_ANSWERS[sentence]}\n")
    classified = classify_advance(target, Answer(200), target.routes_for("DRAFT", "SUBMITTED")[-1], "SUBMITTED")
    assert classified.outcome == "unknown"
    wanted = sentence.replace("sign.py:3", "sign.py:1") if "int_" in WRONG_ANSWERS[sentence] else sentence
    assert wanted in str(classified.message)


WRONG_REQUESTS = {
    "sign.py:2: prepare returned NoneType; it must return a Request": "None",
    "returned a request without a method": "replace(request, method='')",
    "returned a request with a path that cannot be sent": "replace(request, path='orders')",
    "returned a request with a path that cannot be sent; it": "replace(request, path='/a b')",
    "a body of str; it must be bytes": "replace(request, body='text')",
    "returned a request with headers that are no tuple of pairs": "replace(request, headers={})",
    "returned a request with a header that is no pair of texts": "replace(request, headers=(('a', 1),))",
    "returned a request with a header 'X-A' that cannot be sent": "replace(request, headers=(('X-A', 'a\\nb'),))",
    "sign.py:3: prepare raised KeyError: 'SECRET'": "{}['SECRET']",
}


@pytest.mark.parametrize("sentence", WRONG_REQUESTS)
def test_a_request_that_cannot_be_prepared_is_not_built(sentence: str, adapt: Load) -> None:
    target = adapt(
        f"from dataclasses import replace\ndef prepare(request, context):\n    return {WRONG_REQUESTS[sentence]}\n"
    )
    with pytest.raises(NotBuiltError) as caught:
        target.build_read("acme", "7", "r")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


WRONG_FILES = {
    "sign.py:2: is not Python: invalid syntax": "\ndef prepare(request context)\n    pass\n",
    "sign.py:1: it cannot be loaded: ModuleNotFoundError: No module named 'nowhere'": "import nowhere\n",
    "sign.py:2: it cannot be loaded: KeyError: 'ORDERS_SIGNING_KEY'": "import os\nos.environ['ORDERS_SIGNING_KEY']\n",
    "sign.py: has neither prepare(request, context) nor classify(answer, context)": "def sign(request):\n    pass\n",
    "sign.py: prepare must be a function of two arguments: prepare(request, context)": "def prepare(request): ...\n",
    "sign.py: classify must be a function of two arguments: classify(answer, context)": "classify = 3\n",
    "sign.py: prepare must be a plain function, not an async one": "async def prepare(request, context): ...\n",
    "sign.py: is not Python": "\0",
}


@pytest.mark.parametrize("sentence", WRONG_FILES)
def test_a_file_that_cannot_be_loaded_is_one_sentence(sentence: str, adapt: Load) -> None:
    with pytest.raises(TargetError) as caught:
        adapt(WRONG_FILES[sentence])
    assert "target.toml: adapter: " in str(caught.value)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("sign.txt", "'sign.txt' must name a Python file, ending in .py"),
        ("../sign.py", "'../sign.py' must stand beside the target file, or in a folder below it"),
        ("/tmp/sign.py", "'/tmp/sign.py' must stand beside the target file"),
        ("nowhere.py", "nowhere.py: cannot be read: No such file"),
    ],
)
def test_a_file_elsewhere_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=re.escape(sentence)):
        load_text(tmp_path, f'adapter = "{name}"\n{SMALL}')


def test_a_target_that_is_only_read_executes_nothing(tmp_path: Path) -> None:
    (tmp_path / "sign.py").write_text("raise SystemExit(7)\n")
    (tmp_path / "target.toml").write_text(f'adapter = "sign.py"\n{SMALL}')
    assert load_target(tmp_path / "target.toml", None).adapter is None


def test_loading_leaves_no_bytecode_and_a_dataclass_of_the_file_works(adapt: Load, tmp_path: Path) -> None:
    adapt(f"from dataclasses import dataclass\n@dataclass\nclass Key:\n    text: str\n{SIGN}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sign.py", "target.toml"]


def test_a_run_has_the_adapter_beside_its_target(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "sign.py").write_text(SIGN)
    (tmp_path / "target.toml").write_text(f'adapter = "lib/sign.py"\n{SMALL}')
    begin_run(tmp_path / "run", tmp_path / "target.toml", Facts())
    assert load_target(tmp_path / "run" / "target.toml", {}).adapter is not None


def test_a_run_goes_on_without_the_requests_that_cannot_be_prepared(tmp_path: Path) -> None:
    (tmp_path / "sign.py").write_text(
        "def prepare(request, context):\n    return request if context.kind != 'read' else 7\n"
    )
    target = load_text(tmp_path, f'adapter = "sign.py"\n{SMALL}')
    release: Any = StubRelease(Engine(target.graph))
    asker = Asker(target, release, Journal(tmp_path / "race-0.jsonl"))
    workflow = asker.create("acme")
    assert workflow is not None
    assert asker.read(workflow, "acme").outcome == "unknown"
    asker.end()
    history = (tmp_path / "race-0.jsonl").read_text()
    assert "prepare returned int; it must return a Request" in history
    assert read_history(tmp_path / "race-0.jsonl").operations["kind"].to_list()[0] == "create"


def test_the_example_of_the_page_signs(adapt: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_SIGNING_KEY", "key")
    [example] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    target = adapt(example)
    request = target.build_read("acme", "7", "r")
    signature = hmac.new(b"key", b"GET\n/orders/7\n", hashlib.sha256).hexdigest()
    assert ("X-Signature", signature) in request.headers
    late = Answer(200, {"x-outcome": "late"}, b'{"status": "PICKING"}')
    assert (
        classify_advance(target, late, target.routes_for("DRAFT", "SUBMITTED")[-1], "SUBMITTED").outcome == "conflict"
    )
    assert Context("read").values == {}
