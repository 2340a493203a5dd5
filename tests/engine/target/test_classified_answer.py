"""Goal: every answer is classified as the design says. Method: answers to targets that differ in one key."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.target.classified_answer import (
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_guard,
    classify_read,
    read_arrival,
    read_markers,
    read_trail,
)
from engine.target.http_answer import Answer
from engine.target.jmes_path import JmesPath
from engine.target.routes import Effects
from engine.target.target import Target
from engine.target.template import Template
from tests.engine.target.conftest import load
from tests.engine.target.test_target_file import ORDERS


def classify(target: Target, answer: Answer, origin: str = "DRAFT", to: str = "SUBMITTED") -> ClassifiedAnswer:
    """The answer to a move, over the last of its routes."""
    return classify_advance(target, answer, target.routes_for(origin, to)[-1], to)


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
    ("notes", b'{"notes": 7}', None),
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
    trail, effects = (
        replace(orders.trail, entries=JmesPath(path)),
        Effects(Template("GET", "/x"), orders.read_ok, JmesPath(path)),
    )
    target = replace(orders, effects=effects, trail=trail)
    assert read_markers(target, Answer(200, {}, body)) == shown
    entries = read_trail(target, Answer(200, {}, body))
    assert (entries is None) == (shown is None)
    assert read_markers(target, Answer(503, {}, body)) is None


def test_a_text_is_one_marker(orders: Target) -> None:
    effects = Effects(Template("GET", "/x"), orders.read_ok, JmesPath("order.winner"))
    target = replace(orders, effects=effects)
    for winner, shown in (("m1", ["m1"]), (None, []), (["m1", "m2"], ["m1", "m2"])):
        assert read_markers(target, Answer(200, {}, json.dumps({"order": {"winner": winner}}).encode())) == shown
    assert read_markers(target, Answer(200, {}, b'{"order": {}}')) is None


def test_the_arrival_is_told_in_a_header(reference: Target, orders: Target) -> None:
    assert read_arrival(reference, Answer(200, {"x-arrived-ns": "123"})) == 123
    assert read_arrival(reference, Answer(200, {"x-arrived-ns": "soon"})) is None
    assert read_arrival(orders, Answer(200, {"x-arrived-ns": "123"})) is None


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


def test_a_win_may_tell_a_state_to_which_the_workflow_goes_on_by_itself(tmp_path: Path) -> None:
    timed = '[[workflow.timed]]\nfrom = "SUBMITTED"\nto = "PICKING"\nafter_s = 0\n[create]'
    target = load(tmp_path, WON.replace("[create]", timed, 1))
    assert classify(target, Answer(200, {}, b'{"status": "SUBMITTED"}')).observed == "SUBMITTED"
    classified = classify(target, Answer(200, {}, b'{"status": "PICKING"}'))
    assert (classified.outcome, classified.observed, classified.problem) == ("won", None, None)
    assert classify(target, Answer(200, {}, b'{"status": "DRAFT"}')).problem is not None


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
