"""Goal: where the file lists answers, a condition on the body decides, and no answer has two meanings.

Method: answers to targets that differ in one key; files that give one answer two meanings.
"""

from pathlib import Path

import msgspec
import pytest

from engine.target.answer_rules import Rule, Statuses
from engine.target.classified_answer import (
    classify_advance,
    classify_create,
    classify_give_back,
    classify_guard,
    classify_read,
    classify_take,
    read_trail,
)
from engine.target.http_answer import Answer
from engine.target.jmes_path import JmesPath
from engine.target.target import Target
from engine.target.target_file import TargetError
from engine.target.value_places import Place
from onewinner.doctor.remedies import Probe, advise_advance, advise_stale
from tests.engine.target.conftest import load
from tests.engine.target.test_target_file import ORDERS

ADVANCE = "won = [200]\nconflict = [409]\n"
# One answer may fulfil both conditions; that is seen when it does.
BODY = """won = [{ status = 200, when = "done" }]
conflict = [{ status = 200, when = "late" }, 409]
refused = [{ status = 200, when = "wrong" }, 404]
busy = [{ status = 200, when = "wait" }]
stale = [412, { status = 200, when = "old" }]
precondition_required = [428]
"""


def advance(folder: Path, lines: str, more: str = "") -> Target:
    assert ADVANCE in ORDERS
    return load(folder, ORDERS.replace(ADVANCE, lines).replace('current_state = "status"\n', "") + more)


def classify(target: Target, answer: Answer, to: str = "SUBMITTED", origin: str = "DRAFT") -> str:
    return classify_advance(target, answer, target.routes_for(origin, to)[0], to).outcome


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"done": true}', "won"),
        (200, b'{"done": [1]}', "won"),
        (200, b'{"done": 0}', "won"),
        (200, b'{"late": "yes"}', "conflict"),
        (409, b"", "conflict"),
        (200, b'{"wrong": {"field": 1}}', "refused"),
        (404, b"", "refused"),
        (200, b'{"wait": true}', "busy"),
        (200, b'{"old": true}', "stale"),
        (412, b"", "stale"),
        (428, b"", "refused"),
        (200, b'{"done": false}', "unknown"),
        (200, b'{"done": ""}', "unknown"),
        (200, b'{"done": [], "late": {}}', "unknown"),
        (200, b"done", "unknown"),
        (200, b"", "unknown"),
        (201, b'{"done": true}', "unknown"),
        (422, b"", "unknown"),
        (200, b'{"done": true, "late": true}', "unknown"),
    ],
)
def test_the_body_decides(status: int, body: bytes, outcome: str, tmp_path: Path) -> None:
    assert classify(advance(tmp_path, BODY), Answer(status, {}, body)) == outcome


def test_a_condition_never_holds_in_an_answer_that_is_not_json() -> None:
    rule = Rule(200, Place("!ok", JmesPath("!ok")))
    assert [rule.fits(Answer(200, {}, body)) for body in (b'{"ok": false}', b"{}", b"null", b"", b"<html>")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_an_answer_with_two_meanings_is_a_problem_that_names_both(tmp_path: Path) -> None:
    target = advance(tmp_path, BODY)
    classified = classify_advance(target, Answer(200, {}, b'{"done": 1, "old": 1}'), target.routes[-1], "PICKING")
    assert classified.problem == (
        "the answer fits advance.won (200 when 'done') and advance.stale (200 when 'old'); "
        "let one condition exclude the other"
    )
    assert classified.message == classified.problem


def test_an_answer_that_fulfils_no_condition_says_which(tmp_path: Path) -> None:
    target = advance(tmp_path, BODY.replace('conflict = [{ status = 200, when = "late" }, 409]', "conflict = [409]"))
    classified = classify_advance(target, Answer(200, {}, b"{}"), target.routes[-1], "PICKING")
    assert classified.problem is None
    assert classified.message is not None
    assert classified.message.startswith("status 200 fulfils no condition of advance.won (200 when 'done'), advance.")


def test_what_is_refused_by_default_gives_way_to_a_condition(tmp_path: Path) -> None:
    target = advance(tmp_path, "won = [200]\nconflict = [{ status = 422, when = \"code == 'late'\" }]\n")
    assert classify(target, Answer(422, {}, b'{"code": "late"}')) == "conflict"
    assert classify(target, Answer(422, {}, b'{"code": "name"}')) == "refused"


def test_an_edge_may_answer_in_its_own_way(tmp_path: Path) -> None:
    own = 'won = [{ status = 202, when = "picked" }]\nconflict = [423]\nbusy = [429]\nrefused = [410]\nstale = [409]\n'
    own += "precondition_required = [428]\n"
    target = load(tmp_path, ORDERS.replace('name = "pick"\n', f'name = "pick"\n{own}'))
    answers = [Answer(202, {}, b'{"picked": 1}'), *map(Answer, (423, 429, 410, 409, 428, 200, 404))]
    wanted = ["won", "conflict", "busy", "refused", "stale", "refused", "unknown", "unknown"]
    assert [classify(target, answer, "PICKING", "SUBMITTED") for answer in answers] == wanted
    assert [classify(target, Answer(status)) for status in (200, 409, 404)] == ["won", "conflict", "refused"]


def test_edges_with_one_request_and_other_answers_are_two_routes(tmp_path: Path) -> None:
    edge = '[[advance.edges]]\nfrom = "DRAFT"\nto = "CANCELLED"\nrequest = { method = "POST", path = "/x/{id}" }\n'
    text = ORDERS.replace("[[guards]]", edge + edge.replace("DRAFT", "SUBMITTED") + "won = [202]\n[[guards]]")
    assert [route.sources for route in load(tmp_path, text).routes if route.to == "CANCELLED"] == [
        ("DRAFT",),
        ("SUBMITTED",),
    ]


SHOWN = (
    ORDERS.replace("won = [201]", 'won = [{ status = 200, when = "order" }]')
    .replace('state = "order.status"', 'state = "order.status"\nok = [{ status = 200, when = "order" }]')
    .replace("closed = [409]", 'ok = [{ status = 200, when = "label" }]\nclosed = [{ status = 200, when = "error" }]')
    .replace('entries = "events"', 'entries = "events"\nok = [{ status = 200, when = "events" }]')
    .replace('current_state = "status"\n', "")
)


def test_a_condition_can_stand_wherever_a_status_can(tmp_path: Path) -> None:
    target = load(tmp_path, SHOWN)
    order, failed = Answer(200, {}, b'{"order": {"ref": 7, "status": "DRAFT"}}'), Answer(200, {}, b'{"error": "no"}')
    assert [classify_create(target, answer).outcome for answer in (order, failed)] == ["ok", "unknown"]
    assert [classify_read(target, answer).outcome for answer in (order, failed)] == ["ok", "unknown"]
    guard, label = target.guards[0], Answer(200, {}, b'{"label": "x"}')
    outcomes = [classify_guard(target, answer, guard).outcome for answer in (label, failed, order)]
    assert outcomes == ["ok", "conflict", "unknown"]
    assert read_trail(target, Answer(200, {}, b'{"events": [{"old": "A", "new": "B"}]}')) is not None
    assert read_trail(target, Answer(200, {}, b'{"events": []}')) is None


TWO = {
    "advance.conflict: 200 is also in advance.won; a status can mean one thing only": "won = [200]\nconflict = [200]\n",
    "advance.conflict: 200 when 'ok' is also in advance.won": 'won = [{ status = 200, when = "ok" }]\n'
    'conflict = [{ status = 200, when = "ok" }]\n',
    "advance.won: 200 stands here for every answer with that status, and in advance.conflict with a condition": (
        'won = [200]\nconflict = [{ status = 200, when = "!ok" }]\n'
    ),
    "advance.won[0].when: 'ok ==' is not a JMESPath": 'won = [{ status = 200, when = "ok ==" }]\nconflict = [409]\n',
    "advance.won[0].when: is missing; add when": "won = [{ status = 200 }]\nconflict = [409]\n",
    "advance.won[0].status: is missing; add status": 'won = [{ when = "ok" }]\nconflict = [409]\n',
    "advance.won[0].where: is no key of a target file; did you mean 'when'?": (
        'won = [{ status = 200, where = "ok" }]\nconflict = [409]\n'
    ),
    "advance.won[0].status: must be a whole number": 'won = [{ status = "200", when = "ok" }]\nconflict = [409]\n',
    "advance.won: 20 is no HTTP status; write one from 100": 'won = [{ status = 20, when = "ok" }]\nconflict = [409]\n',
    "advance.won: must name at least one status": "won = []\nconflict = [409]\n",
    "advance.stale: 409 is also in advance.conflict": "won = [200]\nconflict = [409]\nstale = [409]\n",
    "advance.stale: 99 is no HTTP status": "won = [200]\nconflict = [409]\nstale = [99]\n",
    "advance.precondition_required: 412 is also in advance.stale": (
        "won = [200]\nconflict = [409]\nstale = [412]\nprecondition_required = [412]\n"
    ),
    "advance.busy: 500 does not say that nothing happened": (
        'won = [200]\nconflict = [409]\nbusy = [{ status = 500, when = "wait" }]\n'
    ),
    "read.ok: 423 is also in advance.busy": "won = [200]\nconflict = [409]\nbusy = [423]\n#read",
}


@pytest.mark.parametrize("sentence", TWO)
def test_an_answer_with_two_meanings_is_found_in_the_file(sentence: str, tmp_path: Path) -> None:
    text = ORDERS.replace('state = "order.status"', 'state = "order.status"\nok = [200, 423]')
    text = text.replace(ADVANCE, TWO[sentence].removesuffix("#read"))
    with pytest.raises(TargetError) as caught:
        load(tmp_path, text if TWO[sentence].endswith("#read") else text.replace("[200, 423]", "[200]"))
    assert sentence in str(caught.value)


OWN = {
    "advance.edges[0].conflict: 200 is also in advance.won": "conflict = [200]",
    "advance.edges[0].stale: 409 is also in advance.conflict": "stale = [409]",
    "advance.edges[0].won: must name at least one status": "won = []",
    "advance.edges[0].busy: 500 does not say that nothing happened": "busy = [500]",
    "advance.edges[0].refused: 409 is also in advance.conflict": "refused = [409]",
    "advance.edges[0].precondition_required: 409 is also in advance.conflict": "precondition_required = [409]",
}


@pytest.mark.parametrize("sentence", OWN)
def test_a_second_meaning_at_an_edge_is_found_in_the_file(sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load(tmp_path, ORDERS.replace('name = "pick"\n', f'name = "pick"\n{OWN[sentence]}\n'))
    assert sentence in str(caught.value)


SHOWS = {
    "guards[0].closed: 200 is also in guards[0].ok": ("closed = [409]", "ok = [200]\nclosed = [200]"),
    "guards[0].closed: 200 is also in read.ok": ("closed = [409]", "closed = [200]"),
    "guards[0].ok: 20 is no HTTP status": ("closed = [409]", "ok = [20]\nclosed = [409]"),
    "audit.ok: must name at least one status": ('entries = "events"', 'entries = "events"\nok = []'),
}


@pytest.mark.parametrize("sentence", SHOWS)
def test_what_shows_something_has_answers_of_its_own(sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load(tmp_path, ORDERS.replace(*SHOWS[sentence]))
    assert sentence in str(caught.value)


def test_effects_have_answers_of_their_own(tmp_path: Path) -> None:
    effects = '[effects]\nrequest = { method = "GET", path = "/x/{id}" }\nmarkers = "notes"\nok = '
    assert str(getattr(load(tmp_path, f"{ORDERS}{effects}[202]\n").effects, "ok", None)) == "202"
    with pytest.raises(TargetError, match=r"effects.ok: 20 is no HTTP status"):
        load(tmp_path, f"{ORDERS}{effects}[20]\n")


def test_no_rules_match_nothing() -> None:
    assert not Statuses()
    assert not Statuses().matches(Answer(None))


def test_doctor_names_the_condition(tmp_path: Path) -> None:
    target = advance(tmp_path, BODY)
    for body, told in ((b'{"state": 1}', "fulfils no condition of"), (b'{"done": 1, "late": 1}', "the answer fits")):
        answer, route = Answer(200, {}, body), target.routes_for("DRAFT", "SUBMITTED")[0]
        classified = classify_advance(target, answer, route, "SUBMITTED")
        request = target.build_advance(route, "acme", "7", "DRAFT", "SUBMITTED", "r")
        probe = Probe("advance", "advance", "acme", request, answer, classified, ("won",))
        for advice in (advise_advance(probe, "DRAFT", "SUBMITTED"), advise_stale(target, probe, "SUBMITTED")):
            assert advice is not None
            assert advice.startswith("advance: POST /orders/7/status")
            assert told in advice


LOCKS = """
name = "locks"
base_url = "http://127.0.0.1:1"
[create]
request = { method = "POST", path = "/files" }
id = "id"
[capacity]
units = 1
take = { method = "POST", path = "/files/{id}/lock" }
conflict = [423]
unit = "token"
give_back = { method = "DELETE", path = "/files/{id}/lock/{unit}" }
"""


@pytest.mark.parametrize(
    ("line", "taken", "given_back"),
    [
        ("", "unknown", "conflict"),
        ("given_back = [204, 409]", "unknown", "won"),
        ("refused = [404, 409]", "refused", "refused"),
        ("busy = [409]", "busy", "busy"),
    ],
)
def test_a_second_give_back_may_be_refused_with_409(line: str, taken: str, given_back: str, tmp_path: Path) -> None:
    """Though a take is refused with another status; where the file gives 409 a meaning, it has that one."""
    target = load(tmp_path, f"{LOCKS}{line}\n")
    assert classify_take(target, Answer(409, {})).outcome == taken
    assert classify_give_back(target, Answer(409, {})).outcome == given_back
    assert classify_give_back(target, Answer(423, {})).outcome == "conflict"


CLAIM = """won = [{ status = 200, when = "by == '{marker}'" }]
conflict = [{ status = 200, when = "by != '{marker}'" }]
"""


def test_a_condition_may_compare_the_answer_with_its_request(tmp_path: Path) -> None:
    """As where each answer tells who has a ticket now."""
    target = advance(tmp_path, CLAIM)
    route = target.routes_for("DRAFT", "SUBMITTED")[-1]
    assert target.routes_for("DRAFT", "SUBMITTED")
    for marker, by, outcome in (("m1", "m1", "won"), ("m1", "m2", "conflict"), ("it's `a` \\", "it's `a` \\", "won")):
        answer = Answer(200, {}, msgspec.json.encode({"by": by}), carried={"marker": marker})
        assert classify_advance(target, answer, route, "SUBMITTED").outcome == outcome
    request = target.build_advance(route, target.owner, "7", "DRAFT", "SUBMITTED", "r.1", "m1", {})
    assert request.carried["marker"] == "m1"
    assert request.carried["id"] == "7"


def test_elsewhere_a_placeholder_in_a_condition_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"create\.won\[0\]\.when: \{marker\} is not filled in here"):
        load(tmp_path, ORDERS.replace("won = [201]", """won = [{ status = 201, when = "by == '{marker}'" }]"""))


@pytest.mark.parametrize("path", ["order.state-code", "$id", "@odata.etag"])
def test_a_name_that_needs_quotes_is_told_so(path: str) -> None:
    with pytest.raises(ValueError, match="stands in double quotes"):
        JmesPath(path)
