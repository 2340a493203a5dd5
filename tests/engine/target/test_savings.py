"""Goal: values of answers are found where the file says, and each wrong name or place is one sentence with its key.

Method: answers as values; and a good target file, changed in one place for each mistake.
"""

import re
from pathlib import Path

import pytest

from engine.target.file_tables import SaveTable
from engine.target.http_answer import Answer
from engine.target.savings import RESERVED, find_values, read_savings
from engine.target.target import NotBuiltError, Target
from engine.target.target_file import TargetError, load_target
from engine.target.value_places import read_place
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS

ANSWER = Answer(201, {"etag": '"7"', "location": "/orders/12/items"}, b'{"task": {"id": 5, "ok": true}, "empty": ""}')
PAGE = Answer(200, {}, b'<input name="csrf" value="ab\xc3\xbc">')
SAVED = (
    ORDERS.replace('id = "order.ref"', 'id = "order.ref"\nsave = { task = "task.id" }')
    .replace('state = "order.status"', 'state = "order.status"\nsave = { etag = "header:ETag" }')
    .replace('"{next}" } }', '"{next}", task = "{task}", who = "${ACME_TOKEN}" }, headers = { If-Match = "{etag}" } }')
    .replace('current_state = "status"', 'current_state = "status"\nsave = { etag = "header:etag" }')
    .replace('/pick" }', '/pick/{part}" }\nsave = { etag = "tag", ref = { from = "text", match = "ref=(.)" } }')
    .replace('/label" }', '/label", query = { part = "{ref}" } }')
    .replace('"/orders", json = {}', '"/orders", json = { v = ["${ACME_TOKEN}"] }')
    .replace('/orders/{id}/events"', '/orders/{id}/events?of=${ACME_TOKEN}"')
    .replace('{part}"', '{task}"')
)


def write(folder: Path, text: str) -> Path:
    (folder / "target.toml").write_text(text)
    return folder / "target.toml"


@pytest.fixture
def saved(tmp_path: Path) -> Target:
    return load_target(write(tmp_path, SAVED), ENVIRONMENT)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("task.id", 5),
        ("task", None),
        ("task.ok", None),
        ("empty", None),
        ("nothing", None),
        ("header:ETag", '"7"'),
        ("header:X-None", None),
    ],
)
def test_a_value_is_where_the_text_says(source: str, value: object) -> None:
    [saving] = read_savings("save", {"x": source})
    assert saving.place.find(ANSWER) == value


def test_a_regular_expression_takes_a_part(saved: Target) -> None:
    orders, bills = (SaveTable("header:location", rf"/{name}/(\d+)") for name in ("orders", "bills"))
    assert read_place("save.x", orders).find(ANSWER) == "12"
    assert read_place("save.x", bills).find(ANSWER) is None
    assert read_place("save.x", SaveTable("text", 'value="([^"]*)"')).find(PAGE) == "abü"
    assert saved.routes[0].savings[1].place.find(Answer(200, body=b"<a>ref=9</a>")) == "9"


def test_only_what_is_found_is_kept() -> None:
    savings = read_savings("save", {"a": "task.id", "b": "nothing"})
    assert find_values(savings, ANSWER) == {"a": 5}


def test_the_savings_of_an_edge_stand_beside_those_of_all_advances(saved: Target) -> None:
    pick, general = saved.routes[0], saved.general
    assert general is not None
    assert [saving.name for saving in general.savings] == ["etag"]
    assert {saving.name: bool(saving.place.path) for saving in pick.savings} == {"etag": True, "ref": False}


def test_values_stand_in_every_part_of_a_request(saved: Target) -> None:
    general, pick = saved.general, saved.routes[0]
    assert general is not None
    values: dict[str, str | int] = {"task": 5, "etag": '"7"', "ref": "a b"}
    move = saved.build_advance(general, "acme", "9", "DRAFT", "SUBMITTED", "r", values=values)
    assert move.body == b'{"from":"DRAFT","to":"SUBMITTED","task":5,"who":"secret"}'
    assert dict(move.headers)["If-Match"] == '"7"'
    assert saved.build_advance(pick, "acme", "9", "A", "B", "r", values=values).path == "/orders/9/pick/5"
    assert saved.build_guard(saved.guards[0], "acme", "9", "r", values).path == "/orders/9/label?part=a+b"


def test_variables_of_the_environment_stand_in_every_request(saved: Target) -> None:
    assert saved.build_create("acme", "r").body == b'{"v":["secret"]}'
    trail = saved.build_trail("acme", "9", "r")
    assert trail is not None
    assert trail.path == "/orders/9/events?of=secret"
    assert saved.variables == {"ACME_TOKEN": "secret"}


def test_without_an_environment_a_variable_stays(tmp_path: Path) -> None:
    described = load_target(write(tmp_path, SAVED.replace("${ACME_TOKEN}", "${task}")), None)
    assert described.build_create("acme", "r", values={"task": "x"}).body == b'{"v":["${task}"]}'


def test_a_request_without_its_value_is_not_built(saved: Target) -> None:
    assert saved.general is not None
    with pytest.raises(
        NotBuiltError, match=re.escape("POST /orders/{id}/status needs {task}, which create.save gives")
    ):
        saved.build_advance(saved.general, "acme", "9", "DRAFT", "SUBMITTED", "r", values={"etag": "7"})


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "ü"])
def test_a_value_that_no_header_may_have_is_not_sent(saved: Target, value: str) -> None:
    assert saved.general is not None
    with pytest.raises(NotBuiltError, match="a saved value in its header If-Match"):
        saved.build_advance(saved.general, "acme", "9", "DRAFT", "SUBMITTED", "r", values={"etag": value, "task": 1})


@pytest.mark.parametrize("name", RESERVED)
def test_what_onewinner_fills_in_is_no_name_of_a_value(tmp_path: Path, name: str) -> None:
    with pytest.raises(TargetError, match=re.escape(f"create.save.{name}: {{{name}}} has a meaning of its own")):
        load_target(write(tmp_path, SAVED.replace("{ task =", f'{{ {name} = "x", task =', 1)), ENVIRONMENT)


MISTAKES = {
    "read.save.Etag: 'Etag' is no name of a value; write small letters, digits and _": ("{ etag =", "{ Etag ="),
    "create.save.id: {id} has a meaning of its own already": ('{ task = "task.id"', '{ id = "x", task = "task.id"'),
    "create.save.database_url: {database_url} has a meaning": (
        '{ task = "task.id"',
        '{ database_url = "x", task = "task.id"',
    ),
    "create.save.task: 'task..id' is not a JMESPath": ('"task.id"', '"task..id"'),
    "create.save.task: must be": ('"task.id"', "5"),
    "read.save.etag: 'E tag' is no name of a header": ('"header:ETag"', '"header:E tag"'),
    "advance.edges[0].save.ref.match: 'ref=.' has 0 groups": ('"ref=(.)"', '"ref=."'),
    "advance.edges[0].save.ref.match: 'ref=(.' is no regular expression": ('"ref=(.)"', '"ref=(."'),
    "advance.edges[0].save.ref.match: is missing": (', match = "ref=(.)"', ""),
    "advance.edges[0].save.ref.from: 'a..b' is not a JMESPath": ('from = "text"', 'from = "a..b"'),
    "advance.request: {tasks} means nothing here; did you mean 'task'?": ('task = "{task}"', 'task = "{tasks}"'),
    "advance.request: {etags} means nothing here": ('"{etag}"', '"{etags}"'),
    "guards[0].request: {reff} means nothing here": ('"{ref}"', '"{reff}"'),
    "create.request: {etag} has no value yet": ('"/orders", json', '"/orders?e={etag}", json'),
    "create.request: {id} means nothing here": ('"/orders", json', '"/orders?e={id}", json'),
    "tenants.acme.headers: {task} has no value yet": ('"Bearer ${ACME_TOKEN}"', '"Bearer {task}"'),
    "create.request.json.v[0]: the environment variable NONE is not set": ('["${ACME_TOKEN}"]', '["${NONE}"]'),
    "audit.request.path: the environment variable NONE is not set": ("?of=${ACME_TOKEN}", "?of=${NONE}"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_sentence_with_its_key(tmp_path: Path, mistake: str) -> None:
    old, new = MISTAKES[mistake]
    assert SAVED.count(old) >= 1
    with pytest.raises(TargetError) as error:
        load_target(write(tmp_path, SAVED.replace(old, new, 1)), ENVIRONMENT)
    assert mistake in str(error.value)
    assert "\n" not in str(error.value)


def test_a_command_has_no_answer_to_save_of(tmp_path: Path) -> None:
    text = re.sub(r'request = \{ method = "POST", path = "/orders", .*\nid = .*\n', 'command = ["make"]\n', SAVED)
    with pytest.raises(TargetError, match=r"create\.save: goes with create\.request only"):
        load_target(write(tmp_path, text), ENVIRONMENT)


def test_a_value_of_the_create_may_stand_in_the_place_of_the_id(tmp_path: Path) -> None:
    """A service that wants a number gets one: the id itself is always text."""
    numbered = ORDERS.replace('id = "order.ref"', 'id = "order.ref"\nsave = { number = "order.number" }')
    moved = numbered.replace('"/orders/{id}/status", json = {', '"/moves", json = { order = "{number}",')
    assert moved != numbered
    target = load_target(write(tmp_path, moved), ENVIRONMENT)
    assert target.general is not None
    assert target.general.template.fill({"number": 5, "expected": "A", "next": "B"}, {}).body.startswith(b'{"order":5,')
    with pytest.raises(TargetError, match=r"advance.request: nothing in the request carries \{id\}"):
        load_target(write(tmp_path, moved.replace('"{number}"', '"5"')), ENVIRONMENT)


def test_an_id_is_unique_within_what_stands_beside_it_in_every_path(tmp_path: Path) -> None:
    """Orders that are numbered in each shop; an ETag in a header says nothing of which order it is."""
    shops = """
name = "shops"
base_url = "http://127.0.0.1:1"
[tenants.owner]
[workflow]
initial = "OPEN"
transitions = { OPEN = ["PAID"] }
[[create.before]]
request = { method = "POST", path = "/shops" }
save = { shop = "id" }
[create]
request = { method = "POST", path = "/shops/{shop}/orders" }
id = "number"
save = { tag = "header:ETag" }
[read]
request = { method = "GET", path = "/shops/{shop}/orders/{id}" }
state = "state"
[advance]
request = { method = "POST", path = "/shops/{shop}/orders/{id}/pay", headers = { If-Match = "{tag}" } }
"""
    (tmp_path / "target.toml").write_text(shops)
    target = load_target(tmp_path / "target.toml", ENVIRONMENT)
    first, second = (target.find_scope({"shop": shop, "tag": "x"}) for shop in ("s1", "s2"))
    assert first != second
    assert first == target.find_scope({"shop": "s1", "tag": "y"})
    (tmp_path / "target.toml").write_text(shops.replace('path = "/shops/{shop}/orders/{id}"', 'path = "/orders/{id}"'))
    assert load_target(tmp_path / "target.toml", ENVIRONMENT).find_scope({"shop": "s1"}) == ""


def test_a_value_of_an_earlier_move_may_stand_in_the_place_of_the_id(tmp_path: Path) -> None:
    carts = """
name = "carts"
base_url = "http://127.0.0.1:1"
[tenants.owner]
[workflow]
initial = "OPEN"
transitions = { OPEN = ["ORDERED"], ORDERED = ["SHIPPED"] }
[create]
request = { method = "POST", path = "/carts" }
id = "id"
[read]
request = { method = "GET", path = "/carts/{id}" }
state = "state"
save = { tag = "header:ETag" }
[[advance.edges]]
from = "OPEN"
to = "ORDERED"
request = { method = "POST", path = "/carts/{id}/checkout" }
save = { order = "order.id" }
[[advance.edges]]
from = "ORDERED"
to = "SHIPPED"
request = { method = "POST", path = "/orders/{order}/ship" }
"""
    (tmp_path / "target.toml").write_text(carts)
    assert len(load_target(tmp_path / "target.toml", ENVIRONMENT).routes) == 2
    (tmp_path / "target.toml").write_text(carts.replace("/orders/{order}/ship", "/orders/{tag}/ship"))
    with pytest.raises(TargetError, match=r"edges\[1\].request: nothing in the request carries \{id\}"):
        load_target(tmp_path / "target.toml", ENVIRONMENT)
