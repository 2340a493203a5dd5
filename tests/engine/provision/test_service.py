"""Goal: a service is started, waited for and ended as its target file says; a start that fails says why, with its log.

Method: small programs as services, and the real command where the run as a whole matters.
"""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from engine.provision import service
from engine.provision.ports import find_free_port
from engine.provision.service import ServiceError, find_problem, reach_engine, run_service
from engine.target.file_tables import ServiceTable
from reports.history import events
from reports.history.journal import Journal
from tests.engine.probing import is_running
from tests.onewinner.orders import ENVIRONMENT, TARGET
from tests.onewinner.running import Command

ORDERS = Path(__file__).parents[2] / "onewinner" / "orders.py"
# Forks a child that ignores SIGTERM, writes both ids, and answers every GET.
FORKING = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
print("the service begins", flush=True)
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()
with open(sys.argv[2], "w") as note:
    note.write(f"{os.getpid()} {child}")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextlib.contextmanager
def start(
    folder: Path, *arguments: str, program: str = FORKING, ready: str = "/ready", ready_timeout_s: float = 30.0
) -> Iterator[int]:
    """Runs a program as a service. Yields the id of its leash."""
    (folder / "service.py").write_text(program)
    port = find_free_port()
    command = [sys.executable, "service.py", "{port}", *arguments]
    service = ServiceTable(command, {}, ready, str(folder), ready_timeout_s)
    with run_service(service, f"http://127.0.0.1:{port}", {"port": str(port)}, folder / "service.log") as process:
        yield process.pid


def test_the_whole_group_is_ended_with_what_it_forked(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with start(tmp_path, str(note)):
        pids = [int(pid) for pid in note.read_text().split()]
        assert all(is_running(pid) for pid in pids)
    assert not [pid for pid in pids if is_running(pid)]
    assert "the service begins" in (tmp_path / "service.log").read_text()


def test_a_setting_may_be_empty_and_must_be_set(tmp_path: Path) -> None:
    program = "import os\nprint(repr(os.environ['MODE']), flush=True)\nraise SystemExit(1)"
    (tmp_path / "service.py").write_text(program)
    service = ServiceTable([sys.executable, "service.py"], {"MODE": "${THE_MODE}"}, "/ready", str(tmp_path), 30.0)
    for environment, told in (({"THE_MODE": ""}, "''"), ({}, "THE_MODE is not set")):
        place = f"http://127.0.0.1:{find_free_port()}"
        with (
            pytest.raises(ServiceError, match=told),
            run_service(service, place, {}, tmp_path / "service.log", environment={**os.environ, **environment}),
        ):
            pass


def test_who_reaches_an_engine_hides_its_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a run does: for Locust and pytest, which onewinner did not start."""
    (tmp_path / "orders.toml").write_text(TARGET.replace("PORT", "1"))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with reach_engine(tmp_path / "orders.toml", None), Journal(tmp_path / "a.jsonl") as journal:
        journal.write(events.Broken(what="Bearer acme-token"))
    assert "Bearer [secret]" in (tmp_path / "a.jsonl").read_text()


def test_one_that_ends_before_it_is_ready_shows_its_log(tmp_path: Path) -> None:
    program = "print('reading the settings', flush=True)\nraise SystemExit('there is no DATABASE_URL')"
    with pytest.raises(ServiceError) as caught, start(tmp_path, program=program):
        pass
    told = str(caught.value)
    assert told.startswith("service.command: it ended with status 1 before it was ready. The last lines of its log")
    assert told.endswith("reading the settings\nthere is no DATABASE_URL")


@pytest.mark.parametrize(
    ("ready", "program", "seen"),
    [
        ("/healthz", FORKING, "the answer was 404"),
        ("/ready", "import signal; signal.pause()", "nothing listens on its port; does service.command use {port}?"),
    ],
)
def test_one_that_never_gets_ready_says_what_was_seen(ready: str, program: str, seen: str, tmp_path: Path) -> None:
    arguments = {"program": program, "ready": ready}
    with (
        pytest.raises(ServiceError) as caught,
        start(tmp_path, str(tmp_path / "pids"), ready_timeout_s=1.0, **arguments),
    ):
        pass
    assert f"{ready} was not answered 2xx within service.ready_timeout_s = 1: {seen}" in str(caught.value)
    assert str(caught.value).startswith("service.ready: GET http://127.0.0.1:")


def test_an_answer_says_more_than_a_question_that_is_cut_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    problems = iter(["nothing listens", "the answer was 503"])
    monkeypatch.setattr(service, "find_problem", lambda *_: next(problems, service.NO_ANSWER))
    told = pytest.raises(ServiceError, match=r"ready_timeout_s = 0\.2: the answer was 503")
    with told, start(tmp_path, program="import signal; signal.pause()", ready_timeout_s=0.2):
        pass


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
# Answers every connection with interim answers, without an end.
ENDLESS = """
import socket, sys, threading
def answer(connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\\r\\n\\r\\n")
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
"""


@contextlib.contextmanager
def answer_with(parts: Iterable[bytes]) -> Iterator[str]:
    """A server that answers one connection with these parts. Yields its base URL."""

    def answer(server: socket.socket) -> None:
        connection = server.accept()[0]
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_service_that_answers_without_an_end_does_not_get_ready(tmp_path: Path) -> None:
    with (
        pytest.raises(ServiceError, match="was not answered 2xx within"),
        start(tmp_path, program=ENDLESS, ready_timeout_s=1.0),
    ):
        pass


@pytest.mark.parametrize("part", [b"H", CONTINUE, EARLY_HINTS])
def test_an_answer_without_an_end_is_given_up_at_the_deadline(part: bytes) -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            threading.Event().wait(0.05)
            yield part

    with answer_with(trickle()) as base_url:
        assert find_problem(base_url, "/", 0.5) == "it did not answer in time"


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ([CONTINUE, EARLY_HINTS, b"HTTP/1.1 ", b"204 \r\n\r\n"], None),
        ([b"HTTP/1.0 200 OK\n\n"], None),
        ([EARLY_HINTS + b"HTTP/1.1 503 No\r\n\r\n"], "the answer was 503"),
        ([b"SSH-2.0\r\n\r\n"], "its answer is not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nlong: ", bytes(99_999)], "the head of its answer is too long"),
        ([b"HTTP/1.1 200 OK\r\n"], "it closed the connection before it answered"),
        ([EARLY_HINTS], "it closed the connection before it answered"),
    ],
)
def test_an_interim_answer_is_not_the_answer(parts: list[bytes], seen: str | None) -> None:
    with answer_with(parts) as base_url:
        assert find_problem(base_url, "/", 30) == seen


@pytest.mark.parametrize("command", ["doctor", pytest.param("serve", marks=pytest.mark.exhaustive)])
def test_the_log_of_one_that_did_not_start_is_kept(command: str, tmp_path: Path) -> None:
    write_target(tmp_path, "no number")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**ENVIRONMENT, "TMPDIR": str(temporary)}
    ended = Command((command, "--target", "target.toml"), tmp_path, environment).run()
    assert ended.returncode == 2, ended
    [log] = temporary.glob("onewinner-*/service.log")
    assert f"The last lines of its log ({log}):" in ended.stderr
    assert "no number" in log.read_text()


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        (ServiceTable(["no-such-program-at-all"]), "service.command: there is no program 'no-such-program-at-all'"),
        (ServiceTable(["./start"], cwd="."), "service.command: there is no program './start'"),
        (ServiceTable(["python"], cwd="/no/such/folder"), "service.cwd: /no/such/folder is not a folder"),
        (
            ServiceTable(["python"], {"A": "${NO_SUCH_NAME}"}),
            "service.env.A: the environment variable NO_SUCH_NAME is not",
        ),
    ],
)
def test_one_that_cannot_be_started_names_the_key(service: ServiceTable, sentence: str, tmp_path: Path) -> None:
    base_url = f"http://127.0.0.1:{find_free_port()}"
    with pytest.raises(ServiceError) as caught, run_service(service, base_url, {}, tmp_path / "service.log"):
        pass
    assert str(caught.value).startswith(sentence)


def test_a_stranger_on_its_port_is_not_taken_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = ServiceTable(["python", "-c", "pass"])
        with (
            pytest.raises(ServiceError, match=rf"base_url: {port} is in use on 127.0.0.1"),
            run_service(service, f"http://127.0.0.1:{port}", {}, tmp_path / "service.log"),
        ):
            pass


# Asks the service for an order, in the name of a tenant, and prints its number behind other words.
MAKE = """
import json, sys, urllib.request
head = {"Authorization": f"Bearer {sys.argv[2]}-token"}
made = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/orders", b"{}", head)
print("made:", json.load(urllib.request.urlopen(made))["order"]["ref"], sep="\\n")
"""


def write_target(folder: Path, *arguments: str) -> None:
    command = [sys.executable, str(ORDERS), "{port}", *arguments]
    service = f'[service]\ncommand = {command}\nready = "/healthz"\n[tenants.acme]'
    (folder / "target.toml").write_text(TARGET.replace("PORT", "{port}").replace("[tenants.acme]", service, 1))


@pytest.mark.exhaustive
def test_one_that_ends_in_the_middle_is_not_started_again(tmp_path: Path) -> None:
    write_target(tmp_path, "60")
    command = Command(("gate", "--target", "target.toml", "--races", "20", "--out", "run"), tmp_path, ENVIRONMENT)
    ended = command.run_here()
    assert ended.returncode == 3, ended
    assert "the service ended by itself with status 7; see run/logs/service.log" in ended.stderr
    assert "orders: that was enough" in ended.stderr
    assert "the service ended by itself with status 7" in " ".join(ended.stdout.split())
    assert (tmp_path / "run" / "logs" / "service.log").read_text().count("that was enough") == 1
    assert command.find_left() == []


# Whole gates; `make test` runs one level of them.
LEVELS = pytest.mark.parametrize(
    "levels",
    [("--level", "race"), pytest.param((), marks=pytest.mark.exhaustive)],
    ids=("race", "all levels"),
)
SMALL = ("--batches", "1", "--plans", "5", "--races", "10", "--out", "run")


@LEVELS
def test_a_target_with_a_service_of_its_own_is_judged(levels: tuple[str, ...], tmp_path: Path) -> None:
    write_target(tmp_path)
    options = ("--target", "target.toml", *levels, *SMALL)
    ended = Command(("gate", *options), tmp_path, ENVIRONMENT).run_here()
    assert ended.returncode == 0, ended


@pytest.mark.exhaustive
@LEVELS
def test_a_command_may_make_its_workflows(levels: tuple[str, ...], tmp_path: Path) -> None:
    """The command's folder is relative to the target file, from any working folder."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "tools", elsewhere):
        folder.mkdir(parents=True)
    write_target(home)
    (home / "tools" / "make.py").write_text(MAKE)
    text = (home / "target.toml").read_text()
    create = text[text.index("[create]") : text.index("[read]")]
    command = '[create]\ncommand = ["python", "make.py", "{port}", "{tenant}"]\ncwd = "tools"\n'
    (home / "target.toml").write_text(text.replace(create, command))
    options = ("--target", str(home / "target.toml"), *levels, *SMALL)
    ended = Command(("gate", *options), elsewhere, ENVIRONMENT).run_here()
    assert ended.returncode == 0, ended
