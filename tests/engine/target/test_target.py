"""Goal: requests are built as the file says, and every answer is classified as the design says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.target.answer import (
    Answer,
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_guard,
    classify_read,
    read_arrival,
    read_markers,
    read_trail,
)
from engine.target.file import load_target
from engine.target.paths import JmesPath
from engine.target.routes import Effects
from engine.target.target import Target
from engine.target.template import Template
from tests.engine.target.test_file import ENVIRONMENT, ORDERS


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Target:
    file: Path = tmp_path_factory.mktemp("target") / "orders.toml"
    file.write_text(ORDERS)
    return load_target(file, ENVIRONMENT)


@pytest.fixture(scope="module")
def reference() -> Target:
    return load_target(REFERENCE, None)


def test_placeholders_are_filled_where_they_stand() -> None:
    template = Template("POST", "/a/{id}", {"to": ["{next}", 3], "{id}": "x{id}"}, {"X-Id": "{id}"}, {"q": "{next}"})
    request = template.fill({"id": "1/2 ü", "next": "B"}, {"Tenant": "t"})
    assert request.path == "/a/1%2F2%20%C3%BC?q=B"
    assert dict(request.headers) == {"Tenant": "t", "X-Id": "1/2 ü", "Content-Type": "application/json"}
    assert json.loads(request.body) == {"to": ["B", 3], "{id}": "x1/2 ü"}


def test_a_request_without_json_has_no_body() -> None:
    request = Template("POST", "/x").fill({}, {})
    assert (request.body, request.headers) == (b"", ())


def test_an_advance_carries_what_the_route_wants(orders: Target) -> None:
    general = orders.routes_for("DRAFT", "SUBMITTED")[0]
    request = orders.build_advance(general, "acme", "7", "DRAFT", "SUBMITTED", "r1")
    assert (request.method, request.path) == ("POST", "/orders/7/status")
    assert json.loads(request.body) == {"from": "DRAFT", "to": "SUBMITTED"}
    assert ("Authorization", "Bearer secret") in request.headers


def test_expected_is_every_state_in_which_this_very_request_wins(reference: Target) -> None:
    by_name = {route.name: route for route in reference.routes}
    claim, cancel = by_name["icp-generate"], by_name["cancel"]
    assert reference.general is not None
    assert reference.expected_by(reference.general, "ICP_PENDING", "ICP_PROCESSING") == ("ICP_PENDING",)
    assert reference.expected_by(claim, "ICP_PENDING", "ICP_PROCESSING") == ("ICP_PENDING", "ICP_FAILED")
    assert len(reference.expected_by(cancel, "CREATED", "CANCELLED")) == 33
    assert [route.name for route in reference.routes_for("CREATED", "CANCELLED")] == ["cancel", "advance"]


def classify(target: Target, answer: Answer, origin: str = "DRAFT", to: str = "SUBMITTED") -> ClassifiedAnswer:
    """The answer to a move, over the last of its routes."""
    return classify_advance(target, answer, target.routes_for(origin, to)[-1], to)


def load(folder: Path, text: str) -> Target:
    (folder / "target.toml").write_text(text)
    return load_target(folder / "target.toml", ENVIRONMENT)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "won"), (409, "conflict"), (404, "refused"), (422, "refused"), (401, "refused")]
    + [(status, "unknown") for status in (201, 204, 301, 302, 408, 418, 429, 500, 502, 503, None)],
)
def test_every_status_has_one_outcome(orders: Target, status: int | None, outcome: str) -> None:
    answer = Answer(status, {}, b'{"status": "DRAFT"}', error="" if status else "silence")
    classified = classify(orders, answer)
    assert classified.outcome == outcome
    assert (classified.observed == "DRAFT") == (outcome == "conflict")
    assert bool(classified.message) == (outcome == "unknown")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"status": null}', b'{"status": {}}', b"\xff"])
def test_a_conflict_that_does_not_tell_the_state_is_a_problem(orders: Target, body: bytes) -> None:
    classified = classify(orders, Answer(409, {}, body))
    assert classified.outcome == "conflict"
    assert classified.observed is None
    assert classified.problem is not None
    assert "'status'" in classified.problem


def test_a_create_and_a_read_without_what_the_file_promises_are_unknown(orders: Target) -> None:
    assert classify_create(orders, Answer(201, {}, b'{"order": {"ref": 17}}')).server_id == "17"
    assert classify_create(orders, Answer(201, {}, b"{}")).outcome == "unknown"
    assert classify_read(orders, Answer(200, {}, b'{"order": {"status": "X"}}')).observed == "X"
    assert classify_read(orders, Answer(200, {}, b"{}")).outcome == "unknown"
    assert classify_read(orders, Answer(404)).outcome == "refused"


def test_a_guard_answers_or_is_closed(orders: Target) -> None:
    (guard,) = orders.guards
    assert classify_guard(orders, Answer(200), guard).outcome == "ok"
    assert classify_guard(orders, Answer(409, {}, b'{"status": "DRAFT"}'), guard).observed == "DRAFT"
    assert classify_guard(orders, Answer(500), guard).outcome == "unknown"


def test_a_trail_is_read_in_order_or_not_at_all(orders: Target) -> None:
    body = b'{"events": [{"old": null, "new": "DRAFT"}, {"old": "DRAFT", "new": "SUBMITTED"}]}'
    entries = read_trail(orders, Answer(200, {}, body))
    assert entries == [{"from": None, "to": "DRAFT"}, {"from": "DRAFT", "to": "SUBMITTED"}]
    assert read_trail(orders, Answer(500, {}, body)) is None
    assert read_trail(orders, Answer(200, {}, b"{}")) is None


def test_an_entry_that_is_no_transition_leads_nowhere(orders: Target) -> None:
    body = b'{"events": [{"old": null, "new": null}, {"text": "a comment"}, 3, {"old": "DRAFT", "new": "SUBMITTED"}]}'
    entries = read_trail(orders, Answer(200, {}, body))
    assert entries == [{"from": None, "to": None}] * 3 + [{"from": "DRAFT", "to": "SUBMITTED"}]


# A path, a body, and the list that it shows: null where the list is to be is an empty one, and nothing else is.
LISTS: list[tuple[str, bytes, list[str] | None]] = [
    ("notes", b'{"notes": null}', []),
    ("order.notes[]", b'{"order": {"notes": null}}', []),
    ("order.notes[].text", b'{"order": {"notes": null}}', []),
    ("order.notes", b'{"order": null}', None),
    ("order.notes", b'{"order": {"nodes": null}}', None),
    ("notes", b'{"notes": "a"}', None),
    ("notes[?kind]", b'{"notes": null}', []),
    ("notes", b'{"notes": ["a", null, "b"]}', ["a", "b"]),
    ("@", b"null\n", []),
    ("@", b"", None),
    ("@", b"<html>", None),
    ("notes", b"null", None),
]


@pytest.mark.parametrize(("path", "body", "shown"), LISTS)
def test_null_is_an_empty_list(orders: Target, path: str, body: bytes, shown: list[str] | None) -> None:
    assert orders.trail is not None
    trail, effects = replace(orders.trail, entries=JmesPath(path)), Effects(Template("GET", "/x"), JmesPath(path))
    target = replace(orders, effects=effects, trail=trail)
    assert read_markers(target, Answer(200, {}, body)) == shown
    entries = read_trail(target, Answer(200, {}, body))
    assert (entries is None) == (shown is None)
    assert read_markers(target, Answer(503, {}, body)) is None


def test_a_query_never_raises_on_a_strange_document() -> None:
    assert JmesPath("a.b[0]").find({"a": {"b": 3}}) is None
    assert JmesPath("length(a)").find({"a": 3}) is None
    assert JmesPath("a").find_text({"a": True}) is None
    assert JmesPath("a").find_text({"a": 3}) == "3"


def test_the_arrival_is_told_in_a_header(reference: Target, orders: Target) -> None:
    assert read_arrival(reference, Answer(200, {"x-arrived-ns": "123"})) == 123
    assert read_arrival(reference, Answer(200, {"x-arrived-ns": "soon"})) is None
    assert read_arrival(orders, Answer(200, {"x-arrived-ns": "123"})) is None


def test_a_query_goes_behind_one_that_is_there() -> None:
    assert Template("GET", "/größe x?a=1&b=%20", query={"q": "{id}"}).fill({"id": "é&"}, {}).path == (
        "/gr%C3%B6%C3%9Fe%20x?a=1&b=%20&q=%C3%A9%26"
    )
    assert Template("GET", "/x", query={"q": "1"}).fill({}, {}).path == "/x?q=1"


def test_a_content_type_of_the_files_own_is_kept() -> None:
    request = Template("PATCH", "/x", {}, {"content-type": "application/merge-patch+json"}).fill({}, {})
    assert request.headers == (("content-type", "application/merge-patch+json"),)


@pytest.fixture
def spelled(tmp_path: Path) -> Target:
    file = tmp_path / "spelled.toml"
    spelling = 'initial = "DRAFT"\nspelling = { DRAFT = 1, SUBMITTED = "sent!", CANCELLED = "off" }\n'
    file.write_text(ORDERS.replace('initial = "DRAFT"\n', spelling).replace('pick" }', 'pick?s={expected}" }'))
    return load_target(file, ENVIRONMENT)


def test_states_are_sent_as_the_service_spells_them(spelled: Target) -> None:
    general = spelled.routes_for("DRAFT", "SUBMITTED")[0]
    request = spelled.build_advance(general, "acme", "7", "DRAFT", "SUBMITTED", "r1")
    assert json.loads(request.body) == {"from": 1, "to": "sent!"}
    pick = spelled.routes_for("SUBMITTED", "PICKING")[0]
    assert spelled.build_advance(pick, "acme", "7", "SUBMITTED", "PICKING", "r").path == "/orders/7/pick?s=sent%21"
    assert spelled.expected_by(general, "DRAFT", "SUBMITTED") == ("DRAFT",)


def test_states_are_read_as_the_service_spells_them(spelled: Target) -> None:
    assert classify_read(spelled, Answer(200, {}, b'{"order": {"status": 1}}')).observed == "DRAFT"
    assert classify_read(spelled, Answer(200, {}, b'{"order": {"status": "PICKING"}}')).observed == "PICKING"
    assert classify_read(spelled, Answer(200, {}, b'{"order": {"status": "odd"}}')).observed == "odd"
    assert classify(spelled, Answer(409, {}, b'{"status": "sent!"}')).observed == "SUBMITTED"
    body = b'{"events": [{"old": null, "new": 1}, {"old": 1, "new": "off"}]}'
    assert read_trail(spelled, Answer(200, {}, body)) == [
        {"from": None, "to": "DRAFT"},
        {"from": "DRAFT", "to": "CANCELLED"},
    ]


def test_what_is_refused_leaves_out_what_means_something_else(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text(ORDERS.replace("conflict = [409]\ncurrent", "conflict = [404, 422]\ncurrent"))
    assert load_target(file, ENVIRONMENT).refused == (400, 401, 403)


def test_a_body_that_carries_only_the_next_state_is_due_in_every_state_that_leads_there(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    text = ORDERS.replace('json = { from = "{expected}", to = "{next}" }', 'json = { to = "{next}" }')
    file.write_text(
        text.replace('SUBMITTED = ["PICKING", "CANCELLED"]', 'SUBMITTED = ["PICKING", "CANCELLED", "DRAFT"]')
    )
    target = load_target(file, ENVIRONMENT)
    general = target.routes_for("DRAFT", "CANCELLED")[0]
    assert target.expected_by(general, "DRAFT", "CANCELLED") == ("DRAFT", "SUBMITTED")
    assert target.expected_by(general, "SUBMITTED", "DRAFT") == ("SUBMITTED",)


WON = ORDERS.replace('current_state = "status"', 'current_state = "status"\nwon_state = "status"')


def test_a_win_that_tells_the_state_after_the_move(tmp_path: Path) -> None:
    classified = classify(load(tmp_path, WON), Answer(200, {}, b'{"status": "SUBMITTED"}'))
    assert (classified.outcome, classified.observed, classified.problem) == ("won", "SUBMITTED", None)


def test_a_win_that_tells_another_state_is_a_problem(tmp_path: Path) -> None:
    classified = classify(load(tmp_path, WON), Answer(200, {}, b'{"status": "DRAFT"}'))
    assert (classified.outcome, classified.observed) == ("won", "DRAFT")
    assert classified.problem == "the answer tells DRAFT, the move leads to SUBMITTED"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"status": null}'])
def test_a_win_that_tells_nothing_is_a_problem(body: bytes, tmp_path: Path) -> None:
    classified = classify(load(tmp_path, WON), Answer(200, {}, body))
    assert (classified.outcome, classified.observed) == ("won", None)
    assert classified.problem == "the win does not tell the state after the move at 'status'"


def test_a_win_tells_the_state_as_the_service_spells_it(tmp_path: Path) -> None:
    text = WON.replace('initial = "DRAFT"\n', 'initial = "DRAFT"\nspelling = { SUBMITTED = 2 }\n')
    classified = classify(load(tmp_path, text), Answer(200, {}, b'{"status": 2}'))
    assert (classified.observed, classified.problem) == ("SUBMITTED", None)


def test_a_route_may_tell_the_state_elsewhere(tmp_path: Path) -> None:
    text = WON.replace('path = "/orders/{id}/pick" }', 'path = "/orders/{id}/pick" }\nwon_state = "now"')
    target = load(tmp_path, text)
    assert classify(target, Answer(200, {}, b'{"now": "PICKING"}'), "SUBMITTED", "PICKING").problem is None
    assert classify(target, Answer(200, {}, b'{"now": "SUBMITTED"}')).problem is not None


BUSY = ORDERS.replace("conflict = [409]\ncurrent", "conflict = [409]\nbusy = [423, 429, 503]\ncurrent")


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (423, {}, "busy"),
        (429, {}, "busy"),
        (503, {"retry-after": "1"}, "busy"),
        (503, {}, "unknown"),
        (500, {"retry-after": "1"}, "unknown"),
        (425, {}, "unknown"),
    ],
)
def test_busy_is_what_the_file_says_for_every_request(
    status: int, headers: dict[str, str], outcome: str, tmp_path: Path
) -> None:
    target, answer = load(tmp_path, BUSY), Answer(status, headers, b"{}")
    readings = [classify(target, answer), classify_read(target, answer), classify_create(target, answer)]
    readings.append(classify_guard(target, answer, target.guards[0]))
    assert {classified.outcome for classified in readings} == {outcome}


CANCEL = """
[[advance.edges]]
from = "DRAFT"
to = "CANCELLED"
request = { method = "POST", path = "/orders/{id}/cancel", json = { a = 1, b = "x" }, query = { p = "1", q = "2" } }
[[advance.edges]]
name = "cancel"
from = "SUBMITTED"
to = "CANCELLED"
request = { method = "post", path = "/orders/{id}/cancel?q=2", json = { b = "x", a = 1 }, query = { p = "1" } }
[[guards]]
"""


def expect_both(target: Target) -> None:
    """A cancel over either edge is due from both states."""
    for origin in ("DRAFT", "SUBMITTED"):
        for route in target.routes_for(origin, "CANCELLED"):
            assert target.expected_by(route, origin, "CANCELLED") == ("DRAFT", "SUBMITTED")


def test_edges_with_one_request_are_one_route(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", CANCEL, 1))
    assert [(route.sources, route.to, route.index) for route in target.routes] == [
        (("SUBMITTED",), "PICKING", 0),
        (("DRAFT", "SUBMITTED"), "CANCELLED", 1),
    ]
    expect_both(target)


def test_a_request_that_differs_in_its_body_is_another(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", CANCEL.replace("a = 1 }", "a = 2 }"), 1))
    assert [
        target.expected_by(route, route.sources[0], "CANCELLED") for route in target.routes[1:] if route.sources
    ] == [("DRAFT",), ("SUBMITTED",)]


def test_a_request_that_carries_expected_is_due_in_that_state_alone(tmp_path: Path) -> None:
    text = CANCEL.replace("/cancel", "/cancel/{expected}")
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", text, 1))
    for origin in ("DRAFT", "SUBMITTED"):
        for route in target.routes_for(origin, "CANCELLED"):
            assert target.expected_by(route, origin, "CANCELLED") == (origin,)


def test_a_route_that_writes_out_what_the_general_request_fills_in_is_the_same_request(tmp_path: Path) -> None:
    """The general request carries the next state alone and is due from both; the edge names one of them."""
    text = ORDERS.replace('json = { from = "{expected}", to = "{next}" }', 'json = { to = "{next}" }')
    own = CANCEL[: CANCEL.index("[[advance.edges]]\nname")]
    own = own[: own.index("request")] + (
        'request = { method = "POST", path = "/orders/{id}/status", json = { to = "CANCELLED" } }\n[[guards]]\n'
    )
    expect_both(load(tmp_path, text.replace("[[guards]]\n", own, 1)))


def test_own_routes_that_write_the_states_out_are_told_from_each_other(tmp_path: Path) -> None:
    text = CANCEL.replace("/cancel", "/from/DRAFT/cancel", 1).replace("{id}/cancel", "{id}/from/SUBMITTED/cancel")
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", text, 1))
    for origin in ("DRAFT", "SUBMITTED"):
        assert target.expected_by(target.routes_for(origin, "CANCELLED")[0], origin, "CANCELLED") == (origin,)


def test_a_general_request_that_names_no_state_serves_what_no_other_serves(tmp_path: Path) -> None:
    """POST /submit leads DRAFT on; out of RETURNED a route of its own leads there, which is another request."""
    text = ORDERS.replace(
        'path = "/orders/{id}/status", json = { from = "{expected}", to = "{next}" }', 'path = "/orders/{id}/submit"'
    )
    text = text.replace('DRAFT = ["SUBMITTED", "CANCELLED"]', 'DRAFT = ["SUBMITTED"]')
    text = text.replace('SUBMITTED = ["PICKING", "CANCELLED"]', 'SUBMITTED = ["PICKING"]\nPICKING = ["SUBMITTED"]')
    again = '[[advance.edges]]\nfrom = "PICKING"\nto = "SUBMITTED"\n'
    again += 'request = { method = "POST", path = "/orders/{id}/again" }\n[[guards]]\n'
    target = load(tmp_path, text.replace("[[guards]]\n", again, 1))
    assert target.general is not None
    assert target.expected_by(target.general, "DRAFT", "SUBMITTED") == ("DRAFT",)
