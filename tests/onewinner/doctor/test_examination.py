"""Goal: doctor names the key of each mistake in a target file, and what it advises was tried.

Method: a small service in this process (tests/onewinner/orders.py), a file that is right about all of it, and one
planted mistake at a time. The examination runs here too: no command, no process.
"""

import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.target.target_file import TargetError, load_target
from load.client.logins_and_setup import NotPreparedError, set_up
from load.client.release import Release
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from onewinner.doctor.trials import advise
from tests.onewinner.orders import ENVIRONMENT, TARGET, TENANTS, Handler, Order, Orders

RIGHT = (
    TARGET.replace('to = "{next}" } }', 'to = "{next}", note = "{marker}" } }')
    .replace('current_state = "status"\n', 'current_state = "status"\nwon_state = "status"\n')
    .replace("[[guards]]", '[[writes]]\nrequest = { method = "PATCH", path = "/orders/{id}" }\n[[guards]]')
    + '[effects]\nrequest = { method = "GET", path = "/orders/{id}/notes" }\nmarkers = "notes[].text"\n'
)
TRANSITIONS = 'SUBMITTED = ["PICKING", "CANCELLED"]'
# name -> what to replace, the beginning of the finding, and the change that the trial showed to help.
PLANTED: dict[str, tuple[str, str, str, str]] = {
    "path of the id": ('"order.ref"', '"order.id"', "create.id: ", 'with create.id = "order.ref"'),
    "path of an id that is another value": (
        '"order.ref"',
        '"order.status"',
        "read.request.path: ",
        'create.id = "order.ref"',
    ),
    "path of the state": ('"order.status"', '"order.state"', "read.state: ", 'with read.state = "order.status"'),
    "base path": ("127.0.0.1:PORT", "127.0.0.1:PORT/v1", "create.request.path: ", "with base_url = "),
    "method": (
        '"POST", path = "/orders/{id}/status"',
        '"PUT", path = "/orders/{id}/status"',
        "advance.request.path: ",
        'with advance.request.method = "POST"',
    ),
    "header of the tenant": ('{ Authorization = "Bearer ${ACME_TOKEN}" }', "{}", "tenants.acme.headers: ", ""),
    "status of a create": ("won = [201]", "won = [204]", "create.won: ", "with create.won = [204, 201]"),
    "status of a win": ("won = [200]", "won = [204]", "advance.won: ", "with advance.won = [204, 200]"),
    "conflict listed as refused": (
        "conflict = [409]\nrefused = [401, 404, 422]",
        "conflict = [412]\nrefused = [401, 404, 409, 422]",
        "advance.conflict: ",
        "with advance.conflict = [412, 409] and advance.refused = [401, 404, 422]",
    ),
    "current state": (
        'current_state = "status"',
        'current_state = "order.status"',
        "advance.current_state: ",
        'with advance.current_state = "status"',
    ),
    "won state": (
        'won_state = "status"',
        'won_state = "state"',
        "advance.won_state: ",
        'with advance.won_state = "status"',
    ),
    "a move that the service refuses": (
        TRANSITIONS,
        'SUBMITTED = ["PICKING", "CANCELLED", "SHIPPED"]',
        "workflow.transitions: the legal move SUBMITTED -> SHIPPED was answered 409",
        "",
    ),
    "a move that the file has not": (
        TRANSITIONS,
        'SUBMITTED = ["PICKING"]',
        "workflow.transitions: the service made the move SUBMITTED -> CANCELLED",
        "",
    ),
    "spelling": (
        'initial = "DRAFT"\n',
        'initial = "Draft"\n',
        "workflow.spelling: the service spells Draft as 'DRAFT'",
        "with workflow.spelling = ",
    ),
    "initial state": (
        'initial = "DRAFT"',
        'initial = "PICKING"',
        "workflow.initial: ",
        'with workflow.initial = "DRAFT"',
    ),
    "status of a closed guard": (
        "closed = [409]",
        "closed = [423]",
        "guards[0].closed: ",
        "with guards[0].closed = [423, 409]",
    ),
    "states of a guard": ('open = ["PICKING"', 'open = ["SUBMITTED", "PICKING"', "guards[0].open: ", ""),
    "path of the trail": ("/orders/{id}/events", "/orders/{id}/event", "audit.request.path: ", ""),
    "entries of the trail": (
        'entries = "events"',
        'entries = "rows"',
        "audit.entries: ",
        'with audit.entries = "events"',
    ),
    "state before in the trail": ('from = "old"', 'from = "before"', "audit.from: ", 'with audit.from = "old"'),
    "path of the effects": ("/orders/{id}/notes", "/orders/{id}/note", "effects.request.path: ", ""),
    "markers of the effects": (
        '"notes[].text"',
        '"notes[].id"',
        "effects.markers: ",
        'with effects.markers = "notes[].text"',
    ),
    "path of a write": (
        '"PATCH", path = "/orders/{id}"',
        '"PATCH", path = "/orders/{id}/x"',
        "writes[0].request.path: ",
        "",
    ),
    "a write that moves": (
        '"PATCH", path = "/orders/{id}"',
        '"POST", path = "/orders/{id}/submit"',
        "writes[0]: it moved the workflow from DRAFT to SUBMITTED",
        "",
    ),
    "second tenant that the service does not know": (
        "Bearer ${GLOBEX_TOKEN}",
        "Token ${GLOBEX_TOKEN}",
        "tenants.globex.headers: POST /orders was answered 401",
        "",
    ),
    "field that tells the next state and the present one": (
        'from = "{expected}", to = "{next}"',
        'from = "{next}", to = "{expected}"',
        "advance.request.json: ",
        "",
    ),
    "path of a read": (
        '"GET", path = "/orders/{id}" }\nstate',
        '"GET", path = "/order/{id}" }\nstate',
        "read.request.path: ",
        "",
    ),
    "status of a read": (
        'state = "order.status"',
        'state = "order.status"\nok = [204]',
        "read.ok: ",
        "with read.ok = [204, 200]",
    ),
    "state that a guard lacks": (
        'open = ["PICKING", "SHIPPED"]',
        'open = ["PICKING"]',
        "guards[0].open: it answers in SHIPPED; add 'SHIPPED' to open",
        "",
    ),
    "path of a guard": ("/orders/{id}/label", "/orders/{id}/labels", "guards[0].request.path: ", ""),
    "state after in the trail": ('to = "new"\n', 'to = "after"\n', "audit.to: ", 'with audit.to = "new"'),
    "status of a write": (
        '"PATCH", path = "/orders/{id}" }',
        '"PATCH", path = "/orders/{id}" }\nok = [201]',
        "writes[0].ok: ",
        "with writes[0].ok = [201, 200]",
    ),
    "second tenant": ("${GLOBEX_TOKEN}", "${ACME_TOKEN}", "tenants.globex.headers: ", ""),
}


ACME = 'headers = { Authorization = "Bearer ${ACME_TOKEN}" }'
LOGIN = """headers = { Authorization = "Bearer {token}" }
[tenants.acme.login]
request = { method = "POST", path = "/login", json = { user = "acme" } }
save = { token = "token" }"""
# name -> what to replace in the login, and the beginning and the end of the sentence.
OF_LOGINS: dict[str, tuple[str, str, str, str]] = {
    "path": ('"/login"', '"/signin"', "tenants.acme.login: POST /signin was answered 401", ': {"error": "no token"}'),
    "user": (
        '"acme" }',
        '"nobody" }',
        "tenants.acme.login: POST /login was answered 401",
        ': {"error": "no such user"}',
    ),
    "field": (
        "{ user =",
        "{ name =",
        "tenants.acme.login: POST /login was answered 422",
        ': {"error": "user is missing"}',
    ),
    "value": ('= "token"', '= "access"', "tenants.acme.login.save.token: the answer", "it holds 'token'"),
    "scheme": (
        '"Bearer {token}"',
        '"Token {token}"',
        "tenants.acme.headers: POST /orders was answered 401",
        "it carried Authorization, so correct its value, or what the login gives",
    ),
    "user of another tenant": (
        '"acme" }',
        '"globex" }',
        "tenants.globex.headers: ",
        "only, else the gate will call it a failure",
    ),
}


@pytest.fixture(scope="module")
def orders() -> Iterator[Orders]:
    with Orders() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def examine(text: str, port: int, folder: Path) -> tuple[Examination, list[str]]:
    file = folder / "target.toml"
    file.write_text(text.replace("PORT", str(port)))
    target = load_target(file, ENVIRONMENT)
    release = Release(target.base_url, target.timeout_s)
    try:
        examination = Examination(Questions(set_up(target), release, folder))
        examination.run()
        return examination, advise(examination, file)
    finally:
        release.close()


def test_a_right_file(orders: Orders, tmp_path: Path) -> None:
    examination, advice = examine(RIGHT, orders.port, tmp_path)
    assert advice == []
    assert examination.skipped == []
    assert set(examination.visited) == set(examination.target.graph.states)
    advanced = {each.probe.what for each in examination.done if each.probe.classified.outcome == "won"}
    assert advanced == {f"advance {origin} -> {to}" for origin, to in examination.target.graph.walk_edges()}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake(name: str, orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, finding, change = PLANTED[name]
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    assert before in RIGHT
    text = RIGHT.replace(before, after, 1)
    if name == "spelling":
        text = text.replace('DRAFT = ["SUBMITTED"', 'Draft = ["SUBMITTED"')
    if name == "initial state":
        text = text.replace('PICKING = ["SHIPPED"]', 'PICKING = ["SHIPPED", "DRAFT"]')
    _, advice = examine(text, orders.port, tmp_path)
    assert advice[0].startswith(finding), advice
    assert change in advice[0], advice
    assert ("tried on a new workflow" in advice[0]) == bool(change)


class NumberedPerTenant(Handler):
    """Each tenant numbers its orders by itself; globex has one of each number, a draft."""

    def decide(self) -> tuple[int, Any]:
        found = re.fullmatch(r"/orders/(\w+)(/status)?", self.path)
        if TENANTS.get(self.headers.get("Authorization") or "") != "globex" or found is None:
            return super().decide()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return (409, {"status": "DRAFT"}) if found[2] else (200, {"order": {"ref": found[1], "status": "DRAFT"}})


def test_ids_that_are_other_objects_for_the_second_tenant(tmp_path: Path) -> None:
    """The order of acme is SUBMITTED, and globex is told DRAFT."""
    with Orders() as server:
        server.RequestHandlerClass = NumberedPerTenant
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        _, advice = examine(RIGHT, server.port, tmp_path)
        server.shutdown()
        thread.join()
    assert advice[0].startswith(
        "tenants.globex.headers: globex was answered 200 on a workflow of acme, and told the state DRAFT, but that "
        "workflow is in SUBMITTED; the service seems to number the workflows of each tenant by themselves"
    )
    assert "create.save" in advice[0]


MAKE = """
import sys, urllib.request as u, json
asked = u.Request(sys.argv[1] + "/orders", b"{}", {"Authorization": "Bearer acme-token"})
print(json.load(u.urlopen(asked))["order"]["ref"])
"""


def test_a_command_makes_as_many_workflows_as_are_needed(orders: Orders, tmp_path: Path) -> None:
    """So nothing is left out, as it is with a list of ids."""
    command = json.dumps([sys.executable, "-c", MAKE, f"http://127.0.0.1:{orders.port}"])
    request = RIGHT[RIGHT.index("[create]") : RIGHT.index("[read]")]
    examination, advice = examine(RIGHT.replace(request, f"[create]\ncommand = {command}\n"), orders.port, tmp_path)
    assert (advice, examination.skipped) == ([], [])
    listed = RIGHT.replace(request, f'[create]\nids = {{ acme = ["{orders.add("acme")}"] }}\n')
    examination, _ = examine(listed, orders.port, tmp_path)
    assert examination.skipped[-1] == "several requests at once: that would use up an id of create.ids"


@pytest.mark.parametrize("name", OF_LOGINS)
def test_a_mistake_in_a_login(name: str, orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, began, ended = OF_LOGINS[name]
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    assert before in LOGIN
    text = RIGHT.replace(ACME, LOGIN.replace(before, after))
    try:
        _, advice = examine(text, orders.port, tmp_path)
    except NotPreparedError as error:
        advice = [str(error)]
    assert advice[0].startswith(began), advice
    assert advice[0].endswith(ended), advice
    assert len(advice) == 1, "one mistake has one sentence"


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable(value: str | None, orders: Orders, tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(RIGHT.replace("PORT", str(orders.port)))
    environment = {**ENVIRONMENT, "ACME_TOKEN": value or ""} if value is not None else {}
    with pytest.raises(
        TargetError, match=r"tenants\.acme\.headers\.Authorization: the environment variable ACME_TOKEN is"
    ):
        load_target(tmp_path / "target.toml", environment)


def test_a_change_that_does_not_help_is_told(orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes about one answer: the advice about the first is right, and not enough."""
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    text = RIGHT.replace("won = [201]", "won = [204]").replace('"order.ref"', '"order.id"')
    _, advice = examine(text, orders.port, tmp_path)
    assert advice[0].startswith("create.won: "), advice
    assert advice[0].endswith("; tried on a new workflow: create.won = [204, 201] alone does not help")


def test_a_base_path_is_found_though_the_create_is_wrong_too(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    text = RIGHT.replace("127.0.0.1:PORT", "127.0.0.1:PORT/v1").replace("won = [201]", "won = [204]")
    _, advice = examine(text, orders.port, tmp_path)
    assert advice[0].endswith(f'with base_url = "http://127.0.0.1:{orders.port}" the route is there'), advice


def test_a_base_path_under_which_nothing_was_asked_is_no_advice(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step before the create fails under each other base path, so the create is not sent there."""
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    step = '[[create.before]]\nrequest = { method = "POST", path = "/orders", json = {} }\n[create]\n'
    text = RIGHT.replace('"POST", path = "/orders"', '"POST", path = "/order"').replace("[create]\n", step)
    _, advice = examine(text, orders.port, tmp_path)
    assert advice[0].startswith("create.request.path: "), advice
    assert "base_url" not in advice[0]


def test_a_status_of_a_late_request_is_a_conflict_for_illegal_moves_too(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    text = RIGHT.replace("conflict = [409]\nrefused = [401, 404, 422]\n", "conflict = [410]\n")
    examination, advice = examine(text, orders.port, tmp_path)
    assert any(str(each.remedy).startswith("advance.refused: ") for each in examination.done)
    assert len(advice) == 1, advice
    assert advice[0].endswith("with advance.conflict = [410, 409] this answer is right"), advice


def test_a_status_that_refuses_keeps_the_default(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that come too late are wins here: so an illegal move alone is answered 409."""
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    move = Orders.move

    def repeat(self: Orders, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        return (200, {"status": to}) if self.orders[ref].status == to else move(self, ref, origin, to)

    monkeypatch.setattr(Orders, "move", repeat)
    text = RIGHT.replace("conflict = [409]\nrefused = [401, 404, 422]\n", "conflict = [410]\nrepeats = true\n")
    _, advice = examine(text, orders.port, tmp_path)
    assert "with advance.refused = [400, 401, 403, 404, 422, 409] this answer is right" in advice[0], advice


class TellsInTheBody(Orders):
    """Answers 200 to each request for a move; the body tells whether it was made."""

    def move(self, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        status, told = super().move(ref, origin, to)
        return 200, {**told, "made": status == 200}


def test_a_status_of_a_legal_move_is_not_advised_for_another_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    with TellsInTheBody() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        text = RIGHT.replace("won = [200]", "won = [204]").replace("refused = [401, 404, 422]", "refused = [401]")
        _, advice = examine(text, server.port, tmp_path)
        server.shutdown()
        thread.join()
    assert advice[0].startswith("advance.refused: "), advice
    assert advice[0].endswith("a legal move was answered 200 too: tell them apart with { status = 200, when = ... }")


def test_a_service_that_repeats_a_win_is_right(orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move = Orders.move

    def repeat(self: Orders, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        return (200, {"status": to}) if self.orders[ref].status == to else move(self, ref, origin, to)

    monkeypatch.setattr(Orders, "move", repeat)
    _, advice = examine(RIGHT, orders.port, tmp_path)
    assert advice
    _, advice = examine(RIGHT.replace("won = [200]", "won = [200]\nrepeats = true"), orders.port, tmp_path)
    assert advice == []


def test_a_workflow_that_moves_by_itself_is_no_mistake(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Handler.ask

    def expire(self: Handler, ref: str, order: Order, what: str, body: Any) -> tuple[int, Any]:
        order.status = "CANCELLED" if order.status == "DRAFT" else order.status
        return ask(self, ref, order, what, body)

    monkeypatch.setattr(Handler, "ask", expire)
    _, advice = examine(RIGHT, orders.port, tmp_path)
    assert advice
    timed = RIGHT + '[[workflow.timed]]\nfrom = "DRAFT"\nto = "CANCELLED"\nafter_s = 0.4\n'
    _, advice = examine(timed, orders.port, tmp_path)
    assert advice == []


def test_a_service_that_goes_on_at_once_is_no_mistake(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move leads to a second one before the answer: answers, reads and the trail show both."""
    move = Orders.move

    def move_on(self: Orders, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        answer = move(self, ref, origin, to)
        return move(self, ref, "SUBMITTED", "PICKING") if answer == (200, {"status": "SUBMITTED"}) else answer

    monkeypatch.setattr(Orders, "move", move_on)
    assert examine(RIGHT, orders.port, tmp_path)[1]
    timed = RIGHT + '[[workflow.timed]]\nfrom = "SUBMITTED"\nto = "PICKING"\nafter_s = 0\nrequested = false\n'
    examination, advice = examine(timed, orders.port, tmp_path)
    assert advice == []
    assert any("behind a move that no request makes" in each for each in examination.skipped)
    assert not any("workflows" in each for each in examination.skipped)


def test_a_change_that_lets_more_be_asked_does_not_hide_the_next_question(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first mistake ends the questions of its state, so the second one comes later once the first is mended."""
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    move = Orders.move

    def refuse_illegal(self: Orders, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        is_late = (origin, to) == ("DRAFT", "SUBMITTED")
        status, told = move(self, ref, origin, to)
        return (410, told) if status == 409 and not is_late else (status, told)

    monkeypatch.setattr(Orders, "move", refuse_illegal)
    text = RIGHT.replace("conflict = [409]\n", "conflict = [423]\n")
    examination, advice = examine(text, orders.port, tmp_path)
    names = [each.probe.what for each in examination.done]
    assert names.index("illegal advance DRAFT -> PICKING") < names.index("stale advance DRAFT -> SUBMITTED")
    assert advice[0].endswith("with advance.refused = [401, 404, 422, 410] this answer is right"), advice
    assert advice[1].endswith("with advance.conflict = [423, 409] this answer is right"), advice
    right = text.replace("422]", "422, 410]").replace("[423]", "[423, 409]")
    assert examine(right, orders.port, tmp_path)[1] == []
