"""Goal: a file to begin with, which loads once its blanks are filled; from an OpenAPI document, with the routes in it.

Method: the real command; documents of three kinds (the reference engine's own, one route per edge, PATCH of a status).
"""

import contextlib
import copy
import importlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.reference.openapi import describe_api
from engine.target.jmes_path import JmesPath
from engine.target.target import Target
from engine.target.target_file import load_target
from engine.target.template import Template
from engine.target.value_places import Place
from onewinner.commands import init
from onewinner.proposals.document import Document
from onewinner.proposals.draft_text import draft_target
from onewinner.proposals.proposal import Proposal, propose
from onewinner.proposals.resources import NothingFound
from tests.onewinner.running import Command

# It comes with schemathesis, and without stubs.
yaml: Any = importlib.import_module("yaml")
STATES = ["DRAFT", "SUBMITTED", "SHIPPED", "CANCELLED"]
ENVIRONMENT = {"WORKFLOW_ID": "w", "ACME_TOKEN": "a", "GLOBEX_TOKEN": "b", "ACME_KEY": "c", "ACME_CREDENTIALS": "d"}


def make_document(routes: dict[tuple[str, str], dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A document of routes (method, path) -> operation."""
    paths: dict[str, Any] = {}
    for (method, path), operation in routes.items():
        paths.setdefault(path, {})[method] = {"responses": {"200": {"description": ""}}, **operation}
    return {"openapi": "3.1.0", "info": {"title": "Shop orders"}, "paths": paths, **more}


def answers(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    return {"responses": {str(status): {"description": "", "content": {"application/json": {"schema": schema}}}}}


def takes(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


ORDER = {"properties": {"order": {"properties": {"ref": {"type": "string"}, "status": {"enum": STATES}}}}}
REFERRED = {"components": {"schemas": {"Order": ORDER}}, "servers": [{"url": "/v2"}]}
SEVERAL_ROUTES = make_document(
    {
        ("post", "/orders"): answers(200, {"$ref": "#/components/schemas/Order"})
        | takes({"required": ["customer"], "properties": {"customer": {"type": "string"}, "note": {"type": "string"}}}),
        ("get", "/orders/{order_ref}"): answers(
            200, {"anyOf": [{"$ref": "#/components/schemas/Order"}, {"type": "null"}]}
        ),
        ("post", "/orders/{order_ref}/submit"): {},
        ("post", "/orders/{order_ref}/ship"): {},
        ("post", "/orders/{order_ref}/cancel"): {},
        ("get", "/customers/{id}"): {},
    },
    **REFERRED,
)
PATCHED = make_document(
    {
        ("get", "/api/jobs"): {},
        ("post", "/api/jobs"): answers(201, {"properties": {"id": {"type": "integer"}, "state": {"type": "string"}}}),
        ("get", "/api/jobs/{id}"): answers(
            200, {"properties": {"id": {"type": "integer"}, "state": {"type": "string"}}}
        ),
        ("patch", "/api/jobs/{id}"): takes({"properties": {"state": {"enum": ["queued", "running", "done"]}}})
        | {"responses": {"204": {"description": ""}, "412": {"description": ""}}},
    },
    components={"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}}},
    servers=[{"url": "https://jobs.example"}],
)


def refer(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/components/schemas/{name}"} for name in names]


def load(folder: Path, proposal: Proposal) -> Target:
    file = folder / "proposed.toml"
    file.write_text(draft_target(proposal, file.name))
    return load_target(file, ENVIRONMENT)


def test_schemas_that_lead_back_to_themselves() -> None:
    status = {"properties": {"status": {"enum": STATES}}}
    schemas = {
        "Order": {"oneOf": refer("Gift", "Sale"), "properties": {"ref": {"type": "string"}}},
        "Gift": {"allOf": [*refer("Order"), {"properties": {"card": {}}}]},
        "Sale": {"allOf": [*refer("Order"), status]},
    }
    document = make_document(
        {("get", "/orders/{ref}"): answers(200, refer("Order")[0])}, components={"schemas": schemas}
    )
    [operation] = Document(document).operations
    found = {each.path: each.values for each in operation.shown}
    assert found == {"ref": (), "card": (), "status": tuple(STATES)}


def test_the_blank_file_loads(tmp_path: Path) -> None:
    command = Command(("init", "--name", 'my "orders"'), tmp_path)
    ended = command.run_here()
    assert ended.returncode == 0, ended
    assert ended.stdout.splitlines() == [
        "wrote target.toml",
        "next: correct what it says is guessed, then: onewinner doctor --target target.toml",
    ]
    target = load_target(tmp_path / "target.toml", ENVIRONMENT)
    assert (target.name, target.owner) == ('my "orders"', "acme")
    assert "GUESSED" in (tmp_path / "target.toml").read_text()


def test_what_is_commented_out_loads_too(tmp_path: Path) -> None:
    """Every example in the comments is one that works: without the # in front, the file still loads."""
    Command(("init",), tmp_path).run_here()
    lines = (tmp_path / "target.toml").read_text().splitlines()
    shown = [
        line[2:] if line.startswith("# ") and ("=" in line or line[2] == "[") and "{file}" not in line else line
        for line in lines
    ]
    shown = [line for line in shown if not line.startswith(("Let ", "How ", "GUESSED", "The ", "Where "))]
    (tmp_path / "target.toml").write_text("\n".join(shown).replace("127.0.0.1:8080", "127.0.0.1:{port}"))
    target = load_target(tmp_path / "target.toml", ENVIRONMENT)
    assert target.service is not None
    assert target.trail is not None
    assert target.guards
    assert target.strangers == ("globex",)
    assert target.spelling.spell("DRAFT") == "draft"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text("mine")
    ended = Command(("init", "--github"), tmp_path).run_here()
    assert ended.returncode == 2
    assert ended.stderr == (
        "onewinner init: target.toml is there already; choose another --out, or overwrite it with --force\n"
    )
    assert (tmp_path / "target.toml").read_text() == "mine"
    assert not (tmp_path / ".github").exists()
    assert Command(("init", "--force"), tmp_path).run_here().returncode == 0
    assert (tmp_path / "target.toml").read_text() != "mine"


def test_the_workflow_of_ci_runs_the_gate(tmp_path: Path) -> None:
    ended = Command(("init", "--github", "--out", "ci/my target.toml"), tmp_path).run_here()
    assert ended.returncode == 0, ended
    text = (tmp_path / ".github" / "workflows" / "onewinner.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["gate"]
    assert job["env"] == {"ACME_TOKEN": "${{ secrets.ACME_TOKEN }}"}
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert "onewinner gate --target 'ci/my target.toml' --out runs/ci" in commands
    assert "file:" not in text


def test_the_reference_engine_is_found_in_its_own_document(tmp_path: Path) -> None:
    target = load(tmp_path, propose(Document(describe_api())))
    assert isinstance(target.create, Template)
    assert (target.create.path, str(target.create_won)) == ("/api/intent/workflows", "201")
    assert target.read_state == Place("state", JmesPath("state"))
    assert target.general is not None
    assert target.general.template.path == "/api/intent/workflows/{id}/advance"
    assert target.general.template.json == {"expectedState": "{expected}", "nextState": "{next}"}
    assert target.current_state is not None
    assert target.current_state.text == "currentState"
    assert target.trail is not None
    assert target.trail.entries == JmesPath("transitions")
    assert (target.trail.origin, target.trail.to) == (JmesPath("fromState"), JmesPath("toState"))
    assert len(target.graph.states) == 35


def test_one_route_per_edge(tmp_path: Path) -> None:
    target = load(tmp_path, propose(Document(SEVERAL_ROUTES)))
    assert (target.name, target.base_url) == ("shop-orders", "http://127.0.0.1:8080/v2")
    assert target.general is None
    assert [(route.template.path, route.sources, route.to) for route in target.routes] == [
        ("/orders/{id}/submit", ("DRAFT",), "SUBMITTED"),
        ("/orders/{id}/ship", ("SUBMITTED",), "SHIPPED"),
        ("/orders/{id}/cancel", ("DRAFT", "SUBMITTED", "SHIPPED"), "CANCELLED"),
    ]
    assert isinstance(target.create, Template)
    assert target.create.json == {"customer": "text"}
    assert target.create_id is not None
    assert (target.create_id.text, target.read_state, str(target.create_won)) == (
        "order.ref",
        Place("order.status", JmesPath("order.status")),
        "200",
    )


def test_a_status_that_is_patched(tmp_path: Path) -> None:
    target = load(tmp_path, propose(Document(PATCHED)))
    assert target.base_url == "https://jobs.example"
    assert target.tenants["acme"].headers == {"X-Api-Key": "c"}
    assert target.general is not None
    assert (target.general.template.method, target.general.template.path) == ("PATCH", "/api/jobs/{id}")
    assert target.general.template.json == {"state": "{next}"}
    assert (str(target.meanings.won), str(target.meanings.conflict)) == ("204", "412")
    assert target.graph.successors == {"queued": ("running",), "running": ("done",)}


def test_a_document_with_less_in_it_still_gives_a_file_that_loads(tmp_path: Path) -> None:
    """Without any single part of a document, what is written loads."""
    for document in (SEVERAL_ROUTES, PATCHED, describe_api()):
        for path in document["paths"]:
            less = copy.deepcopy(document)
            del less["paths"][path]
            try:
                proposal = propose(Document(less))
            except NothingFound:
                continue
            load(tmp_path, proposal)
        for part in ("components", "servers", "info"):
            load(tmp_path, propose(Document({key: value for key, value in document.items() if key != part})))


def test_a_document_from_a_url_and_in_yaml(tmp_path: Path) -> None:
    content = yaml.safe_dump(PATCHED).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/openapi.yaml" else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            """Nothing is printed."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        ended = Command(("init", "--openapi", f"{url}/openapi.yaml"), tmp_path).run_here()
        wrong = Command(("init", "--openapi", f"{url}/nothing", "--force"), tmp_path).run_here()
        server.shutdown()
        thread.join()
    assert ended.returncode == 0, ended
    assert "/api/jobs/{id}" in (tmp_path / "target.toml").read_text()
    assert (wrong.returncode, wrong.stderr) == (2, f"onewinner init: --openapi: {url}/nothing was answered 404\n")


@pytest.mark.parametrize(
    ("begin", "piece", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536, "is longer than 16 MiB"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a", "cannot be read: it did not end within 0.5 s"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" ", "cannot be read: it did not end within 0.5 s"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "cannot be read: it did not end within 0.5 s"),
    ],
)
def test_a_document_without_an_end(
    begin: bytes, piece: bytes, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_s = 60.0 if len(piece) > 100 else 0.5
    monkeypatch.setattr(init, "FETCH_TIMEOUT_S", limit_s)
    with send_for_ever(begin, piece) as url:
        ended = Command(("init", "--openapi", url), tmp_path).run_here()
    assert (ended.returncode, ended.stderr) == (2, f"onewinner init: --openapi: {url} {problem}\n")


def test_a_pipe_without_a_writer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "FETCH_TIMEOUT_S", 0.3)
    os.mkfifo(tmp_path / "pipe")
    ended = Command(("init", "--openapi", "pipe"), tmp_path).run_here()
    assert ended.stderr == "onewinner init: --openapi: pipe cannot be read: it did not end within 0.3 s\n"


@contextlib.contextmanager
def send_for_ever(begin: bytes, piece: bytes) -> Iterator[str]:
    """The URL of a server that answers with the piece again and again; a short piece comes slowly."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(begin)
                while not ended.wait(0 if len(piece) > 100 else 0.01):
                    connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/openapi.json"
    ended.set()
    thread.join()
    listening.close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "document cannot be read: No such file or directory"),
        ("a: [", "document is neither JSON nor YAML"),
        ("[]", "document is no OpenAPI 3 document"),
        (json.dumps({"swagger": "2.0"}), "document is no OpenAPI 3 document: its key openapi must begin with 3."),
        (json.dumps(make_document({("get", "/x"): {}})), "document: it has no POST on a collection with a GET"),
        (json.dumps({"openapi": "3.0.0", "paths": [1]}), "document: it has no POST on a collection with a GET"),
    ],
)
def test_a_document_that_cannot_be_used(content: str | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "document").write_text(content)
    ended = Command(("init", "--openapi", "document"), tmp_path).run_here()
    assert ended.returncode == 2, ended
    assert f"onewinner init: --openapi: {sentence}" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "target.toml").exists()


def make_wide(properties: int) -> dict[str, Any]:
    """A document whose one schema has that many properties of its own kind."""
    itself = {"$ref": "#/components/schemas/O"}
    schema = {"type": "object", "properties": {f"p{number}": itself for number in range(properties)}}
    answer = {"200": {"content": {"application/json": {"schema": itself}}}}
    paths = {"/orders/{id}": {"get": {"responses": answer}, "patch": {"responses": answer}}}
    return {"openapi": "3.0.0", "paths": paths, "components": {"schemas": {"O": schema}}}


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 100_000,
        b'{"openapi": "3.1.0", "x": ' + b"[" * 100_000,
        b'{"openapi": "3.1.0", "paths": {"/a": {"get": {"$ref": "#/paths/~1a/get"}}}}',
        b'{"openapi": "3.1.0", "paths": [1], "components": 5, "servers": {}, "info": []}',
        json.dumps(make_wide(1_000)).encode(),
        json.dumps(make_wide(3)).replace('"type": "object"', '"enum": 5, "allOf": 7').encode(),
        bytes(range(256)) * 100,
    ],
    ids=["deep", "deep inside", "circle", "types", "wide", "no lists", "binary"],
)
def test_a_hostile_document_is_a_proposal_or_one_sentence(document: bytes, tmp_path: Path) -> None:
    (tmp_path / "o.json").write_bytes(document)
    ended = Command(("init", "--openapi", "o.json"), tmp_path).run_here()
    assert (ended.returncode, ended.stderr.count("\n")) in ((0, 0), (2, 1)), ended
    assert ended.returncode == 0 or ended.stderr.startswith("onewinner init: --openapi: o.json")
