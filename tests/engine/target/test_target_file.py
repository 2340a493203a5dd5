"""Goal: a target file is read as the design says, and each mistake in it is one sentence with its place."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.reference.states import GRAPH, STEPS, Kind
from engine.target.target import Target
from engine.target.target_file import TargetError, load_target
from engine.target.tenants import Tenant

ORDERS = """
name = "orders"
base_url = "http://127.0.0.1:8080"

[tenants.acme]
headers = { Authorization = "Bearer ${ACME_TOKEN}" }

[workflow]
initial = "DRAFT"
[workflow.transitions]
DRAFT = ["SUBMITTED", "CANCELLED"]
SUBMITTED = ["PICKING", "CANCELLED"]

[create]
request = { method = "POST", path = "/orders", json = {} }
id = "order.ref"
won = [201]
[read]
request = { method = "GET", path = "/orders/{id}" }
state = "order.status"
[advance]
request = { method = "POST", path = "/orders/{id}/status", json = { from = "{expected}", to = "{next}" } }
won = [200]
conflict = [409]
current_state = "status"
[[advance.edges]]
name = "pick"
from = "SUBMITTED"
to = "PICKING"
request = { method = "POST", path = "/orders/{id}/pick" }
[[guards]]
request = { method = "GET", path = "/orders/{id}/label" }
open = ["PICKING"]
closed = [409]
[audit]
request = { method = "GET", path = "/orders/{id}/events" }
entries = "events"
from = "old"
to = "new"
"""
ENVIRONMENT = {"ACME_TOKEN": "secret"}


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Target]:
    def write_and_load(text: str) -> Target:
        file = tmp_path / "target.toml"
        file.write_text(text)
        return load_target(file, ENVIRONMENT)

    return write_and_load


def test_the_reference_engine_is_described_truly() -> None:
    target = load_target(REFERENCE, None)
    assert target.graph.edges == GRAPH.edges
    assert target.graph.initial == GRAPH.initial
    assert {guard.name for guard in target.guards} == {step.name for step in STEPS}
    work = sum(step.kind is Kind.WORK for step in STEPS)
    keyed = [(route.sources, route.to) for route in target.routes if route.carries_key]
    assert keyed == [(("CREATED",), "ICP_PENDING"), (("CREATED", "ICP_PENDING"), "CANCELLED")]
    assert len(target.routes) == len(keyed) + 3 * work + (len(STEPS) - work) + 1
    assert target.routes[-1].sources == tuple(state for state in GRAPH.states if state not in GRAPH.terminal)


def test_the_file_of_the_outbox_has_the_first_step_of_the_reference_engine() -> None:
    graph = load_target(REFERENCE.with_name("outbox.toml"), None).graph
    assert graph.edges == {edge for edge in GRAPH.edges if {*edge} <= {*graph.states}}


def test_a_whole_file(load: Callable[[str], Target]) -> None:
    target = load(ORDERS)
    assert target.owner == "acme"
    assert target.strangers == ()
    assert target.tenants == {"acme": Tenant({"Authorization": "Bearer secret"})}
    assert target.timeout_s == 5
    assert str(target.meanings.refused) == "400, 401, 403, 404, 422"
    assert [route.name for route in target.routes_for("SUBMITTED", "PICKING")] == ["pick"]
    assert [route.name for route in target.routes_for("DRAFT", "SUBMITTED")] == ["advance"]
    assert [route.name for route in target.routes_for("DRAFT", "PICKING")] == ["advance"], "an illegal pair"


def test_without_tenants_there_is_one(load: Callable[[str], Target]) -> None:
    target = load(re.sub(r"\[tenants.acme\]\n.*\n", "", ORDERS))
    assert target.tenants == {"default": Tenant()}


WRITE = """
[[writes]]
request = { method = "PATCH", path = "/orders/{id}", json = { note = "{marker}" } }
"""
MISTAKES = {
    "is not TOML": ('name = "orders"', "name = "),
    "name: is missing": ('name = "orders"', ""),
    "advance.conflcit: is no key of a target file; did you mean 'conflict'?": ("conflict = [409]", "conflcit = [409]"),
    "create.id: must be text in quotes or a table of keys and values, not a whole number": (
        'id = "order.ref"',
        "id = 3",
    ),
    "create.id: 'order..ref' is not a JMESPath": ('"order.ref"', '"order..ref"'),
    "read.request.path: 'orders/{id}' must begin with /": ('path = "/orders/{id}" }', 'path = "orders/{id}" }'),
    "read.request: nothing in the request carries {id}": ('path = "/orders/{id}" }', 'path = "/orders" }'),
    "read.request: {key} means nothing here": ('path = "/orders/{id}" }', 'path = "/orders/{id}/{key}" }'),
    "workflow.initial: no transition leaves 'DRAFTED'; did you mean 'DRAFT'?": ('"DRAFT"\n', '"DRAFTED"\n'),
    "advance.edges[0].from: 'SUBMITED' is no state of workflow.transitions; did you mean 'SUBMITTED'?": (
        'from = "SUBMITTED"',
        'from = "SUBMITED"',
    ),
    "advance.edges[0]: DRAFT -> PICKING is not among workflow.transitions": ('from = "SUBMITTED"', 'from = "DRAFT"'),
    "guards[0].open: 'PICKIN' is no state": ('open = ["PICKING"]', 'open = ["PICKIN"]'),
    "advance.refused: 409 is also in advance.conflict": ("conflict = [409]", "conflict = [409]\nrefused = [409]"),
    "tenants.acme.headers.Authorization: the environment variable NO_TOKEN is not set": ("ACME_TOKEN", "NO_TOKEN"),
    "base_url: '127.0.0.1:8080' must begin with http://": ("http://127.0.0.1:8080", "127.0.0.1:8080"),
    "base_url: {port} needs a [service]": ("127.0.0.1:8080", "127.0.0.1:{port}"),
    "timeout_s: must be more than 0": ("[tenants.acme]", "timeout_s = 0\n[tenants.acme]"),
    "workflow.transitions: a transition graph needs at least one edge": (
        'DRAFT = ["SUBMITTED", "CANCELLED"]\nSUBMITTED = ["PICKING", "CANCELLED"]',
        "DRAFT = []",
    ),
    "audit.request_id: the request of 'pick' does not carry {request_id}": (
        'to = "new"',
        'to = "new"\nrequest_id = "id"',
    ),
    "service.command: must name a program": ("[tenants.acme]", "[service]\ncommand = []\n[tenants.acme]"),
    "writes[0].states: 'PICKIN' is no state of workflow.transitions; did you mean 'PICKING'?": (
        "[audit]",
        WRITE + 'states = ["PICKIN"]\n[audit]',
    ),
    "writes[0].ok: must name at least one status": ("[audit]", WRITE + "ok = []\n[audit]"),
    "writes[0].ok: 20 is no HTTP status": ("[audit]", WRITE + "ok = [20]\n[audit]"),
    "writes[0].ok: 423 is also in advance.busy": (
        'current_state = "status"\n',
        f'current_state = "status"\nbusy = [423]{WRITE}ok = [423]\n',
    ),
    "writes[0].request: nothing in the request carries {id}": ("[audit]", WRITE.replace("{id}", "1") + "[audit]"),
    "writes[0].request: {next} means nothing here": ("[audit]", WRITE.replace("{marker}", "{next}") + "[audit]"),
    "writes[0].request: is missing": ("[audit]", '[[writes]]\nname = "note"\n[audit]'),
    "writes[0].name: must be text in quotes": ("[audit]", WRITE + "name = 1\n[audit]"),
    "service.restart: must be": (
        "[tenants.acme]",
        '[service]\ncommand = ["a"]\nrestart = "never"\n[tenants.acme]',
    ),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_one_sentence_with_its_place(sentence: str, load: Callable[[str], Target]) -> None:
    before, after = MISTAKES[sentence]
    assert before in ORDERS
    with pytest.raises(TargetError) as caught:
        load(ORDERS.replace(before, after))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_edge_that_no_request_serves_is_named(load: Callable[[str], Target]) -> None:
    general = re.search(r"request = \{.*expected.*\n", ORDERS)
    assert general is not None
    with pytest.raises(TargetError, match="advance: no request serves DRAFT -> SUBMITTED"):
        load(ORDERS.replace(general[0], ""))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"nowhere.toml: cannot be read"):
        load_target(tmp_path / "nowhere.toml")
