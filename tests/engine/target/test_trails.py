"""Goal: a trail may be a list of states, and a trail and effects may stand in another resource.

Method: answers to a target with such a trail; requests with a saved id; files that say it in a wrong way.
"""

from pathlib import Path

import pytest

from engine.target.classified_answer import ClassifiedAnswer, read_trail
from engine.target.http_answer import Answer
from engine.target.target import NotBuiltError, Target
from engine.target.target_file import TargetError
from onewinner.doctor.remedies import Probe, advise_trail
from tests.engine.target.conftest import load
from tests.engine.target.test_target_file import ORDERS

ENTRIES = 'entries = "events"\nfrom = "old"\nto = "new"\n'
STATES = ORDERS.replace(ENTRIES, 'states = "history[].status"\n').replace(
    'initial = "DRAFT"\n', 'initial = "DRAFT"\nspelling = { SUBMITTED = 2 }\n'
)
SAVED = ORDERS.replace('id = "order.ref"', 'id = "order.ref"\nsave = { payment = "payment.id" }').replace(
    "/orders/{id}/events", "/payments/{payment}/events"
)
EFFECTS = '[effects]\nrequest = { method = "GET", path = "/payments/{payment}" }\nmarkers = "notes"\n'


def show(*states: object) -> Answer:
    listed = ", ".join(f'{{"status": {state}}}' for state in states)
    return Answer(200, {}, f'{{"history": [{listed}]}}'.encode())


@pytest.fixture
def listed(tmp_path: Path) -> Target:
    return load(tmp_path, STATES)


@pytest.mark.parametrize(
    ("states", "moves"),
    [
        ((), []),
        (('"DRAFT"',), [(None, "DRAFT")]),
        (('"DRAFT"', "2", '"PICKING"'), [(None, "DRAFT"), ("DRAFT", "SUBMITTED"), ("SUBMITTED", "PICKING")]),
        (("2", '"PICKING"'), [(None, "DRAFT"), ("DRAFT", "SUBMITTED"), ("SUBMITTED", "PICKING")]),
        (('"DRAFT"', '"odd"'), [(None, "DRAFT"), ("DRAFT", "odd")]),
        (('"DRAFT"', "2", "2"), [(None, "DRAFT"), ("DRAFT", "SUBMITTED"), ("SUBMITTED", "SUBMITTED")]),
    ],
)
def test_a_list_of_states_is_a_chain_of_moves(
    states: tuple[str, ...], moves: list[tuple[str | None, str]], listed: Target
) -> None:
    rows = read_trail(listed, show(*states))
    assert rows == [{"from": origin, "to": to} for origin, to in moves]


@pytest.mark.parametrize("body", [b"{}", b'{"history": "DRAFT"}', b'{"history": [{"status": {"name": 1}}]}', b""])
def test_what_is_no_list_of_states_is_no_trail(body: bytes, listed: Target) -> None:
    assert read_trail(listed, Answer(200, {}, body)) is None


def test_doctor_names_the_key(listed: Target) -> None:
    request = listed.build_trail("acme", "7", "r")
    assert request is not None
    for answer, moves, told in (
        (Answer(200, {}, b'{"log": ["DRAFT"]}'), [], "audit.states: 'history[].status' finds no list of states"),
        (show('"DRAFT"', "2"), [("DRAFT", "CANCELLED")], "audit.states: the trail shows DRAFT -> SUBMITTED, and"),
        (show('"DRAFT"', "2"), [("DRAFT", "SUBMITTED")], None),
    ):
        rows = read_trail(listed, answer)
        probe = Probe("audit", "audit", "acme", request, answer, listed_as_ok(), ("ok",))
        advice = advise_trail(listed, probe, rows, moves)
        assert advice is None if told is None else advice is not None and advice.startswith(told)


def listed_as_ok() -> ClassifiedAnswer:
    return ClassifiedAnswer("ok", 200)


def test_a_trail_and_effects_stand_at_a_saved_id(tmp_path: Path) -> None:
    target = load(tmp_path, SAVED + EFFECTS)
    trail = target.build_trail("acme", "7", "r", {"payment": "p 1"})
    effects = target.build_effects("acme", "7", "r", {"payment": "p 1"})
    assert trail is not None
    assert effects is not None
    assert (trail.path, effects.path) == ("/payments/p%201/events", "/payments/p%201")
    with pytest.raises(NotBuiltError, match="payment"):
        target.build_trail("acme", "7", "r")


WRONG = {
    "audit.entries: stands beside audit.states": (ENTRIES, f'states = "s"\n{ENTRIES}'),
    "audit.request_id: stands beside audit.states": (ENTRIES, 'states = "s"\nrequest_id = "id"\n'),
    "audit.states: 's..' is not a JMESPath": (ENTRIES, 'states = "s.."\n'),
    "audit.entries: is missing; add entries = ... to [audit]": (ENTRIES, ""),
    "audit.from: is missing; add from = ... to [audit]; if entries tell only the states": ('from = "old"\n', ""),
    "audit.to: is missing; add to = ... to [audit]": ('to = "new"\n', ""),
    "audit.request: nothing in the request carries {id}": ("/orders/{id}/events", "/events"),
    "audit.request: {payment} means nothing here": ("/orders/{id}/events", "/payments/{payment}"),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_mistake_is_named(sentence: str, tmp_path: Path) -> None:
    before, after = WRONG[sentence]
    assert before in ORDERS
    with pytest.raises(TargetError) as caught:
        load(tmp_path, ORDERS.replace(before, after, 1) if "from" not in before else replace_last(before, after))
    assert sentence in str(caught.value)


def replace_last(before: str, after: str) -> str:
    head, _, tail = ORDERS.rpartition(before)
    return head + after + tail
