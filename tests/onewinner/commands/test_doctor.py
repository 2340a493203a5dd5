"""Goal: doctor finds nothing to change in a right file, and names the one key to change in a wrong one.

Method: the real command against a small service of somebody else's (tests/onewinner/orders.py), with its target file as
it must be, and with one deliberate mistake at a time.
"""

import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onewinner.commands.doctor import conclude
from onewinner.engine_choice import choose_reference
from onewinner.exits import UsageError
from tests.onewinner.orders import ENVIRONMENT, TARGET, Orders
from tests.onewinner.running import Command, wait_for

SPELLED = 'initial = "DRAFT"\nspelling = { DRAFT = 10, SUBMITTED = 20, CANCELLED = 90, PICKING = 30, SHIPPED = 40 }\n'
NUMBERS = {"DRAFT": 10, "SUBMITTED": 20, "CANCELLED": 90, "PICKING": 30, "SHIPPED": 40}
CREATE = TARGET[TARGET.index("[create]") : TARGET.index("[read]")]
WORKFLOW = TARGET[TARGET.index("[workflow]") : TARGET.index("[create]")]
SUBMIT = """
[[advance.edges]]
from = "DRAFT"
to = "SUBMITTED"
request = { method = "POST", path = "/orders/{id}/submit" }
"""
# name -> what to replace in the file, and the beginning of the sentence that names the key.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "wrong route": (
        'path = "/orders/{id}/status"',
        'path = "/orders/{id}/state"',
        "advance.request.path: POST /orders/100/state was answered 404; correct the path",
    ),
    "wrong route to create": (
        'path = "/orders", json',
        'path = "/order", json',
        "create.request.path: POST /order was answered 404",
    ),
    "wrong JMESPath": (
        '"order.status"',
        '"order.state"',
        "read.state: 'order.state' finds no state in the answer; a state stands at 'order.status'",
    ),
    "wrong JMESPath that finds something else": (
        '"order.status"',
        '"order.ref"',
        "read.state: 'order.ref' finds '100', which is no state; a state stands at 'order.status'",
    ),
    "wrong JMESPath of the id": (
        '"order.ref"',
        '"order.id"',
        "create.id: 'order.id' finds no id in the answer; it holds 'order.ref', 'order.status'",
    ),
    "missing token": (
        '{ Authorization = "Bearer ${ACME_TOKEN}" }',
        "{}",
        "tenants.acme.headers: POST /orders was answered 401; write the header that proves this tenant",
    ),
    "409 listed as refused": (
        "conflict = [409]\nrefused = [401, 404, 422]",
        "conflict = [412]\nrefused = [401, 404, 409, 422]",
        "advance.conflict: a request that comes too late was answered 409, which advance.refused lists",
    ),
    "409 listed nowhere": (
        "conflict = [409]\nrefused = [401, 404, 422]",
        "conflict = [412]\nrefused = [401, 404, 422]",
        "advance.conflict: a request that comes too late was answered 409, which is listed nowhere",
    ),
    "wrong initial state": (
        WORKFLOW,
        # A way back, so that the file by itself is in order.
        WORKFLOW.replace('initial = "DRAFT"', 'initial = "SUBMITTED"').replace('["PICKING"', '["DRAFT", "PICKING"'),
        "workflow.initial: a new workflow is in 'DRAFT', not in 'SUBMITTED'; write initial = \"DRAFT\"",
    ),
    "wrong current state": (
        'current_state = "status"',
        'current_state = "order.status"',
        "advance.current_state: 'order.status' finds nothing in the conflict, and the workflow is in SUBMITTED; ",
    ),
    "200 for a create": ("won = [201]", "won = [200]", "create.won: POST /orders was answered 201; add 201"),
    "a tenant that is none": ("${GLOBEX_TOKEN}", "${ACME_TOKEN}", "tenants.globex.headers: globex was answered 200"),
    "a guard that is open too early": (
        'open = ["PICKING"',
        'open = ["SUBMITTED", "PICKING"',
        "guards[0].open: it is closed in SUBMITTED; remove 'SUBMITTED' from open",
    ),
    "a trail elsewhere": (
        'entries = "events"',
        'entries = "rows"',
        "audit.entries: 'rows' finds no list in the answer; 'events'",
    ),
    "other words in the trail": ('from = "old"', 'from = "before"', "audit.from: 'before' finds no state in an entry"),
    "a win that tells another state": (
        'current_state = "status"',
        'current_state = "status"\nwon_state = "previous"',
        "advance.won_state: the win does not tell the state after the move at 'previous'; correct it",
    ),
    "a route of its own that is wrong": (
        "[[guards]]",
        SUBMIT.replace("/submit", "/send") + "[[guards]]",
        "advance.edges[0].request.path: POST /orders/100/send was answered 404",
    ),
}


@pytest.fixture
def orders() -> Iterator[Orders]:
    yield from serve(Orders())


def serve(server: Orders) -> Iterator[Orders]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def consult(text: str, port: int, folder: Path) -> "subprocess.CompletedProcess[str]":
    (folder / "target.toml").write_text(text.replace("PORT", str(port)))
    command = Command(("doctor", "--target", "target.toml"), folder, ENVIRONMENT)
    ended = command.run_here()
    assert command.find_left() == []
    assert "Traceback" not in ended.stderr
    assert "acme-token" not in ended.stdout + ended.stderr
    return ended


def test_a_right_file_needs_no_change(orders: Orders, tmp_path: Path) -> None:
    ended = consult(TARGET + SUBMIT, orders.port, tmp_path)
    assert ended.returncode == 0, ended
    assert "answers look right; next: onewinner gate --target target.toml" in ended.stdout
    for asked in ("create", "read", "illegal advance", "stale advance", "read by globex", "guard", "audit"):
        assert re.search(rf"^ok +{asked}", ended.stdout, re.MULTILINE), asked
    assert ("POST", "/orders/100/submit") in orders.told
    assert ended.stdout.count("not asked: ") == 1
    assert "not asked: effects: the file has no [effects]" in ended.stdout
    for move in ("DRAFT -> CANCELLED", "SUBMITTED -> PICKING", "SUBMITTED -> CANCELLED", "PICKING -> SHIPPED"):
        assert f"advance {move}" in " ".join(ended.stdout.split()), move


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_by_its_key(name: str, orders: Orders, tmp_path: Path) -> None:
    before, after, sentence = MISTAKES[name]
    assert before in TARGET
    ended = consult(TARGET.replace(before, after, 1), orders.port, tmp_path)
    assert ended.returncode == 2, ended
    assert f"onewinner doctor: target.toml: {sentence}" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "wrong" in ended.stdout
    rows = re.findall(r"^(ok|wrong) ", ended.stdout, re.MULTILINE)
    assert max(len(list(group)) for _, group in groupby(rows)) <= 3, "two that led there, and how many others"


def test_every_user_logs_in_first(orders: Orders, tmp_path: Path) -> None:
    """The second one cannot: a gate would ask as that user, too."""
    second = '[[tenants.acme.users]]\nname = "ann"\n[[tenants.acme.users]]\nname = "bob"\n[tenants.acme.users.login]\n'
    second += 'request = { method = "POST", path = "/nowhere" }\nsave = { token = "token" }\n'
    ended = consult(TARGET.replace("[tenants.globex]", f"{second}[tenants.globex]"), orders.port, tmp_path)
    assert ended.returncode == 2, ended
    assert "tenants.acme.users[1].login: POST /nowhere was answered 404" in ended.stderr
    assert not [path for method, path in orders.told if path == "/orders"], "nothing else was asked"


def test_where_a_win_tells_the_state_is_proposed(orders: Orders, tmp_path: Path) -> None:
    ended = consult(TARGET, orders.port, tmp_path)
    assert ended.returncode == 0, ended
    assert 'with won_state = "status" under [advance] it is checked' in " ".join(ended.stdout.split())
    told = TARGET.replace("[[guards]]", 'won_state = "status"\n[[guards]]')
    assert "could be added" not in consult(told, orders.port, tmp_path).stdout


def test_where_a_conflict_tells_the_state_is_proposed(orders: Orders, tmp_path: Path) -> None:
    ended = consult(TARGET.replace('current_state = "status"\n', ""), orders.port, tmp_path)
    assert ended.returncode == 0, ended
    *_, first, second, verdict = [line for line in ended.stdout.splitlines() if line]
    assert first.startswith('could be added: the answer to a win tells the state after the move; with won_state = "')
    assert second == (
        "could be added: the answer to a conflict tells the current state; "
        'with current_state = "status" under [advance] it is checked'
    )
    assert verdict.startswith("all ")


class BusyOrders(Orders):
    """Says that it is busy from the third request on for one move of one order."""

    seen: Counter[tuple[str, str, str]]

    def move(self, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.seen[ref, str(origin), str(to)] += 1
            is_busy = self.seen[ref, str(origin), str(to)] > 2
        return (423, {"error": "busy"}) if is_busy else super().move(ref, origin, to)


@pytest.mark.parametrize("what", ["look into the service's log", "correct the path"])
def test_the_log_of_a_service_that_crashed_is_shown(what: str, tmp_path: Path) -> None:
    """Its folder is removed, unless the message names it."""
    log = tmp_path / "service.log"
    log.write_text("starting\nKeyError: 'total'\n")
    questions = SimpleNamespace(used=None, hints=[])
    examination: Any = SimpleNamespace(questions=questions, wrong=[None], skipped=[])
    with pytest.raises(UsageError) as raised:
        conclude(examination, [f"create.request: {what}"], choose_reference(), log)
    assert ("KeyError: 'total'" in str(raised.value)) == (str(log) in str(raised.value)) == ("log" in what)


@pytest.mark.parametrize("refused", ["[401, 404, 422]", "[401, 404, 422, 423]"])
def test_a_service_that_is_busy_when_asked_by_several_at_once(refused: str, tmp_path: Path) -> None:
    for server in serve(BusyOrders()):
        assert isinstance(server, BusyOrders)
        server.seen = Counter()
        text = TARGET.replace("[401, 404, 422]", refused)
        ended = consult(text, server.port, tmp_path)
        assert ended.returncode == 2, ended
        assert "advance.busy: of 10 requests at once 8 were answered 423; write busy = [423] if that" in ended.stderr
        known = TARGET.replace("[[guards]]", "busy = [423]\n[[guards]]")
        assert consult(known, server.port, tmp_path).returncode == 0


def test_a_state_that_is_spelled_otherwise_is_recognized(tmp_path: Path) -> None:
    for server in serve(Orders(spell=str.lower)):
        ended = consult(TARGET, server.port, tmp_path)
    assert ended.returncode == 2, ended
    assert "workflow.spelling: the service spells DRAFT as 'draft'; add DRAFT = \"draft\"" in ended.stderr


def test_what_would_command_the_terminal_is_shown(tmp_path: Path) -> None:
    for server in serve(Orders(spell="\x1b[2J\x9b31m\r{}".format)):
        ended = consult(TARGET, server.port, tmp_path)
    assert ended.returncode == 2, ended
    for shown in (ended.stdout, ended.stderr):
        assert "DRAFT" in shown
        assert not set(shown) & {*map(chr, range(9)), *map(chr, range(11, 32)), *map(chr, range(127, 160))}


def test_an_empty_variable_is_told_apart(orders: Orders, tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(TARGET.replace("PORT", str(orders.port)))
    ended = Command(("doctor", "--target", "target.toml"), tmp_path, {**ENVIRONMENT, "ACME_TOKEN": ""}).run_here()
    assert (ended.returncode, orders.told) == (2, []), ended
    assert ended.stderr == (
        "onewinner doctor: target.toml: tenants.acme.headers.Authorization: the environment variable ACME_TOKEN is "
        "set, but empty (a CI secret that is missing gives that); give it a value and run again\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1"])
def test_an_output_without_the_characters_gets_escapes(encoding: str, orders: Orders, tmp_path: Path) -> None:
    text = TARGET.replace('name = "orders"', 'name = "注文"').replace('"status"', '"статус"')
    (tmp_path / "注文.toml").write_text(text.replace("PORT", str(orders.port)), encoding="utf-8")
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding}
    ended = Command(("doctor", "--target", "注文.toml"), tmp_path, environment).run()
    assert ended.returncode in (0, 2), ended
    assert "harness" not in ended.stderr
    assert "\\u6ce8\\u6587.toml" in ended.stdout + ended.stderr


def test_states_may_be_numbers(tmp_path: Path) -> None:
    for server in serve(Orders(spell=NUMBERS.__getitem__)):
        ended = consult(TARGET.replace('initial = "DRAFT"\n', SPELLED), server.port, tmp_path)
        assert ended.returncode == 0, ended
        assert {type(event["new"]) for order in server.orders.values() for event in order.events[1:]} == {int}


def test_ids_that_are_there_already(orders: Orders, tmp_path: Path) -> None:
    fresh = [orders.add("acme") for _ in range(2)]
    ended = consult(TARGET.replace(CREATE, f"[create]\nids = {fresh}\n"), orders.port, tmp_path)
    assert ended.returncode == 0, ended
    assert f"the id {fresh[-1]} was used up; take it out of create.ids" in ended.stdout
    assert "not asked: 2 moves: each would use up an id of create.ids" in ended.stdout
    again = consult(TARGET.replace(CREATE, f"[create]\nids = {fresh}\n"), orders.port, tmp_path)
    assert again.returncode == 2, again
    assert f"create.ids: the workflow {fresh[-1]} is in SHIPPED, not in DRAFT" in again.stderr


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("import os; print('made'); print(os.listdir('made')[0]); os.remove('made/' + os.listdir('made')[0])", ""),
        ("raise SystemExit('no luck')", "create.command: 'python' ended with status 1"),
        ("pass", "create.command: 'python' printed nothing; its last line must be the id"),
        ("print('nowhere')", "create.command: the workflow nowhere refused"),
        ("import time; time.sleep(60)", "create.command: 'python' took more than create.timeout_s = 0.5"),
    ],
)
def test_a_command_makes_the_workflow(program: str, sentence: str, orders: Orders, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    for _ in range(9):
        (tmp_path / "made" / orders.add("acme")).touch()
    (tmp_path / "make.py").write_text(program)
    limit = "timeout_s = 0.5\n" if "sleep" in program else ""
    text = TARGET.replace(CREATE, f'[create]\ncommand = ["python", "make.py", "{{tenant}}"]\n{limit}')
    ended = consult(text, orders.port, tmp_path)
    assert ended.returncode == (2 if sentence else 0), ended
    assert sentence in ended.stderr


def test_a_port_that_nothing_listens_on(orders: Orders, tmp_path: Path) -> None:
    ended = consult(TARGET.replace("PORT", "1"), orders.port, tmp_path)
    assert ended.returncode == 2
    assert "base_url: nothing answers at http://127.0.0.1:1" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive)])
def test_it_can_be_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    """The service never gets ready: it is ended with all that it started."""
    (tmp_path / "service.py").write_text("import subprocess\nsubprocess.run(['sleep', '600'])\n")
    service = '[service]\ncommand = ["python", "service.py"]\n[tenants.acme]'
    text = TARGET.replace("PORT", "{port}").replace("[tenants.acme]", service, 1)
    (tmp_path / "target.toml").write_text(text)
    command = Command(("doctor", "--target", "target.toml"), tmp_path, ENVIRONMENT)
    with command.start() as process:
        wait_for(lambda: any("sleep" in line for line in command.find_left()), process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert "interrupted" in errors
    assert command.find_left() == []
