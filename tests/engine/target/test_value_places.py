"""Goal: an id or a state is read from a header, from HTML and from XML, as from JSON. Method: one file, its answers."""

from pathlib import Path

import pytest

from engine.target.classified_answer import classify_advance, classify_create, classify_read
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.target_file import TargetError, load_target
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS

STATUS = """{ from = "text", match = '<status>(\\w+)</status>' }"""
CHANGES = {
    'id = "order.ref"': 'id = { from = "header:Location", match = "/orders/(\\\\d+)" }',
    'state = "order.status"': f"state = {STATUS}",
    'current_state = "status"': f"current_state = {STATUS}\nwon_state = {STATUS}",
}


def load(folder: Path, text: str) -> Target:
    file = folder / "target.toml"
    file.write_text(text)
    return load_target(file, ENVIRONMENT)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    text = ORDERS
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    return load(tmp_path, text)


def show(status: int, state: str) -> Answer:
    return Answer(status, {"content-type": "text/html"}, f"<p><status>{state}</status></p>".encode())


@pytest.mark.parametrize(
    ("place", "answer", "found"),
    [
        (
            'from = "text", match = \'value="([^"]+)"\'',
            Answer(200, {"content-type": "text/html; charset=utf-8"}, b'<input name="_csrf" value="a&#43;b&amp;c==">'),
            "a+b&c==",
        ),
        ('from = "text", match = "(<.+>)"', Answer(200, {"content-type": "text/plain"}, b"<a&amp;b>"), "<a&amp;b>"),
        (
            'from = "_links.self.href", match = "/orders/(.+)"',
            Answer(200, {}, b'{"_links": {"self": {"href": "/orders/B%C3%BC%20%26%2F1"}}}'),
            "B\u00fc &/1",
        ),
        ('from = "code", match = "-(.+)"', Answer(200, {}, b'{"code": "x-50%25"}'), "50%25"),
        ('from = "header:Link", match = "/orders/([^>]+)"', Answer(200, {"link": "</orders/a%20b>; rel=self"}), "a b"),
    ],
)
def test_a_part_is_read_as_a_client_reads_it(place: str, answer: Answer, found: str, tmp_path: Path) -> None:
    told = load(tmp_path, ORDERS.replace('id = "order.ref"', f"id = {{ {place} }}")).create_id
    assert told is not None
    assert told.find(answer) == found


def test_the_id_may_be_in_a_header(target: Target) -> None:
    assert classify_create(target, Answer(201, {"location": "http://host/orders/12"})).server_id == "12"


@pytest.mark.parametrize(
    ("header", "told", "id_"),
    [
        ("Location", "/orders/%C3%B6%201", "ö 1"),
        ("Location", "/orders/a%2Fb%2541", "a/b%41"),
        ("Content-Location", "/orders/a+b", "a+b"),
        ("Location", "/orders/%FF", "%FF"),
        ("Location", "/orders/100%", "100%"),
        ("X-Ref", "/orders/%20", "%20"),
    ],
)
def test_a_part_of_a_url_is_decoded(header: str, told: str, id_: str, tmp_path: Path) -> None:
    place = f'id = {{ from = "header:{header}", match = "/orders/(.+)" }}'
    target = load(tmp_path, ORDERS.replace('id = "order.ref"', place))
    assert classify_create(target, Answer(201, {header.lower(): told})).server_id == id_


def test_a_header_without_it_is_named(target: Target) -> None:
    created = classify_create(target, Answer(201, {"location": "/bills/12"}))
    assert created.outcome == "unknown"
    assert created.message == "no id at create.id = 'header:Location =~ /orders/(\\\\d+)'"


def test_the_state_may_be_in_a_text(target: Target) -> None:
    read = classify_read(target, show(200, "PACKED"))
    assert (read.outcome, read.observed) == ("ok", "PACKED")


def test_what_wins_and_conflicts_tell_may_be_in_a_text(target: Target) -> None:
    route = target.routes_for("DRAFT", "SUBMITTED")[0]
    assert classify_advance(target, show(409, "PACKED"), route, "SUBMITTED").observed == "PACKED"
    assert classify_advance(target, show(200, "SUBMITTED"), route, "SUBMITTED").problem is None
    assert classify_advance(target, show(200, "DRAFT"), route, "SUBMITTED").problem is not None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('{ from = "text", match = "a" }', "read.state.match: 'a' has 0 groups"),
        ('{ from = "text", match = "(" }', "read.state.match: '(' is no regular expression"),
        ('{ from = "header:a b", match = "(a)" }', "read.state.from: 'a b' is no name of a header"),
        ('{ from = "text" }', "read.state.match"),
        ("7", "read.state: must be text in quotes"),
    ],
)
def test_a_place_that_is_none_is_named(wrong: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as raised:
        load(tmp_path, ORDERS.replace('state = "order.status"', f"state = {wrong}"))
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ('{ from = "text", match = "(<done/>)" }', [True, False]),
        ('{ from = "text", match = "(<late/>)" }', [False, True]),
        ('"header:X-Done"', [True, False]),
        ('{ from = "header:X-Result", match = "^(LATE)$" }', [False, True]),
    ],
)
def test_a_condition_may_look_at_a_header_or_a_text(when: str, holds: list[bool], tmp_path: Path) -> None:
    old, new = "won = [200]\nconflict = [409]", f"won = [202]\nconflict = [{{ status = 200, when = {when} }}]"
    assert old in ORDERS
    target = load(tmp_path, ORDERS.replace(old, new))
    done = Answer(200, {"x-done": "yes", "x-result": "DONE"}, b"<done/>")
    late = Answer(200, {"x-result": "LATE"}, b"<late/>")
    assert [target.meanings.conflict.matches(answer) for answer in (done, late)] == holds
