"""Goal: the racing process sends what it was told, tells what a server is, and never outlives whom it works for.

Method: small servers of the standard library, in threads and without; owners that are killed.
"""

import contextlib
import http.server
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvicorn

from onewinner.pytest_plugin import racer
from onewinner.pytest_plugin.helper import Helper, RaceError
from onewinner.racing import NotOneWinnerError, Race, Request, UndecidedError

ROOT = Path(__file__).parents[3]
# Starts a racer, forks a child that keeps every pipe open, says who they are, and waits to be killed.
FORKING_OWNER = """
import os, time
from onewinner.pytest_plugin.helper import Helper
helper = Helper()
helper.ask({"explain": {"kind": "apart", "numbers": [], "lost": [], "picture": None, "records": [
    {"id": "#0", "what": "GET /", "outcome": "won", "status": 200, "invoked_ns": 0, "returned_ns": 1}]}}, 60)
fork = os.fork()
if fork == 0:
    time.sleep(600)
print(helper._process.pid, fork, flush=True)
time.sleep(600)
"""


class Shop(http.server.BaseHTTPRequestHandler):
    """POST /once: the first one wins. POST /always: everybody does. POST /STATUS answers that. Never reads a body."""

    lock = threading.Lock()
    seen: list[tuple[str, str | None, str | None]]
    sold: set[str]

    def do_POST(self) -> None:
        with self.lock:
            self.seen.append((self.path, self.headers["Host"], self.headers["X-Who"]))
            first = self.path not in self.sold
            self.sold.add(self.path)
        if self.path == "/never":
            return
        status = {"/always": 200, "/once": 200 if first else 409}.get(self.path) or int(self.path[1:4])
        self.send_response(status)
        self.send_header("Location", "/login")
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path, "you": self.headers["Authorization"]}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Says nothing."""


@contextlib.contextmanager
def serve(kind: type[http.server.HTTPServer]) -> Iterator[tuple[str, type[Shop]]]:
    handler = type("Shop", (Shop,), {"seen": [], "sold": set()})
    with kind(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    helper = Helper()
    yield helper
    helper.close()


@pytest.fixture
def shop(helper: Helper) -> Iterator[tuple[Race, type[Shop]]]:
    with serve(http.server.ThreadingHTTPServer) as (url, handler):
        yield Race(helper, url), handler


def test_one_winner_is_told_with_everything_that_came_back(shop: tuple[Race, type[Shop]]) -> None:
    race, handler = shop
    result = race.post("/once", headers={"X-Who": "me", "Host": "shop.example"}, json={"a": 1})
    winner = result.assert_one_winner()
    assert sorted(result.statuses, key=str) == [200, *[409] * 9]
    assert handler.seen == [("/once", "shop.example", "me")] * 10
    assert (winner.json(), winner.headers["location"], winner.request.method) == (
        {"path": "/once", "you": None},
        "/login",
        "POST",
    )
    assert result.overlapped == 10
    assert result.spread_us > 0
    assert all(each.returned_ns is not None and each.invoked_ns < each.returned_ns for each in result.answers)
    assert result.one_at_a_time is False


def test_an_answer_that_comes_later_is_asked_for(shop: tuple[Race, type[Shop]]) -> None:
    race, handler = shop
    result = race.post("/202", poll=lambda answer: Request("POST", "/once") if answer.status == 202 else None)
    assert result.assert_one_winner().request.url == "/202"
    assert sorted(path for path, _, _ in handler.seen) == [*["/202"] * 10, *["/once"] * 10]
    assert result.overlapped == 10
    told = [each.returned_ns for each in result.answers if each.returned_ns is not None]
    assert len(told) == 10
    assert max(each.invoked_ns for each in result.answers) < min(told), "each lasts to the end of its poll"


def test_an_outcome_that_no_poll_tells_is_undecided(shop: tuple[Race, type[Shop]]) -> None:
    race, _ = shop
    with pytest.raises(UndecidedError, match="may have taken effect"):
        race.post("/202", count=2, timeout_s=0.05, poll=lambda _: Request("POST", "/202")).assert_one_winner()


def test_requests_may_differ(shop: tuple[Race, type[Shop]]) -> None:
    race, handler = shop
    result = race([Request("POST", "/once"), Request("POST", "/409"), Request("POST", "/409")])
    assert result.assert_one_winner().number == 0
    assert sorted(path for path, _, _ in handler.seen) == ["/409", "/409", "/once"]


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("/always", NotOneWinnerError, "all 4 won: they overlapped by"),
        ("/409", NotOneWinnerError, "No request won: 4 conflicts among 4 requests."),
        ("/403", NotOneWinnerError, "the token against cross-site request forgery"),
        ("/500", UndecidedError, "may have taken effect; the answer does not say."),
        ("/302", UndecidedError, "#0 (to /login): "),
        ("/202", UndecidedError, "may have taken effect; the answer does not say."),
        ("/never", UndecidedError, "(POST /never, not answered) may have taken effect"),
    ],
)
def test_what_is_wrong_is_told_in_words_and_lanes(
    path: str, error: type[AssertionError], words: str, shop: tuple[Race, type[Shop]]
) -> None:
    race, _ = shop
    with pytest.raises(error) as told:
        race.post(path, count=4, timeout_s=5).assert_one_winner()
    text = str(told.value)
    assert words in text
    assert f"POST {path}, 4 at once, released within " in text
    assert sum(line.startswith(f"#{number}  ") for line in text.splitlines() for number in range(4)) == 4


@pytest.mark.parametrize("path", ["/403", "/500"])
def test_a_credential_of_a_request_is_not_shown(path: str, helper: Helper, tmp_path: Path) -> None:
    picture, asked = tmp_path / "race.svg", f"{path}?token=sesame-7f3a"
    headers = {"Authorization": "Bearer sesame-7f3a"}
    with serve(http.server.ThreadingHTTPServer) as (url, _), pytest.raises(AssertionError) as told:
        Race(helper, url, picture).post(asked, headers=headers, count=2).assert_one_winner()
    assert "sesame-7f3a" not in str(told.value) + picture.read_text()
    assert "Bearer [secret]" in str(told.value)


def test_a_picture_is_written(helper: Helper, tmp_path: Path) -> None:
    picture = tmp_path / "race.svg"
    with serve(http.server.ThreadingHTTPServer) as (url, _), pytest.raises(NotOneWinnerError, match=str(picture)):
        Race(helper, url, picture).post("/always").assert_one_winner()
    assert picture.read_text().startswith("<svg ")


async def sell_once(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app: the first request wins."""
    status = 409 if SOLD else 200
    SOLD.append(status)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


SOLD: list[int] = []


@pytest.mark.parametrize("parser", ["h11", "httptools"])
def test_a_race_writes_nothing_into_the_log_of_the_server(
    parser: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In this process, so that a busy machine has time to answer."""
    monkeypatch.setattr(racer, "BESIDE_LIMIT_S", 60.0)
    SOLD.clear()
    config = uvicorn.Config(sell_once, port=0, http=parser, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    listening.listen()
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    request = {"method": "POST", "path": "/once", "headers": [], "body": ""}
    told = racer.race(f"http://127.0.0.1:{listening.getsockname()[1]}", 60.0, [request] * 3)
    server.should_exit = True
    thread.join()
    assert sorted(each["status"] for each in told["exchanges"]) == [200, 409, 409]
    assert told["one_at_a_time"] is False
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_server_that_handles_one_connection_at_a_time_proves_nothing(helper: Helper) -> None:
    with serve(http.server.HTTPServer) as (url, handler):
        handler.timeout = 30
        result = Race(helper, url).post("/once", count=3)
        with pytest.raises(UndecidedError, match=r"This was no race: the server handles one connection at a time"):
            result.assert_one_winner()
    assert result.one_at_a_time is True
    assert len(handler.seen) == 3, "nothing is sent twice, and the probe reaches no application"


def test_a_server_that_is_not_there_is_named(helper: Helper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(RaceError, match=rf"http://127.0.0.1:{port} cannot be reached: Connection refused"):
        Race(helper, f"http://127.0.0.1:{port}").post("/once")


def test_several_servers_and_too_few_requests_are_named(helper: Helper) -> None:
    race = Race(helper)
    with pytest.raises(ValueError, match="go to one server, not to http://a and http://b"):
        race([Request("GET", "http://a/"), Request("GET", "http://b/")])
    with pytest.raises(ValueError, match="a race has from 2 to 200 requests, not 1"):
        race.post("http://a/", count=1)


def test_a_racer_that_was_killed_is_told_and_replaced(shop: tuple[Race, type[Shop]]) -> None:
    race, _ = shop
    helper = race._helper
    race.post("/409", count=2)
    assert helper._process is not None
    helper._process.kill()
    helper._process.wait()
    with pytest.raises(RaceError, match="the process that races broke off"):
        race.post("/409", count=2)
    assert race.post("/409", count=2).statuses == [409, 409]


def test_a_racer_ends_with_its_owner_though_a_fork_holds_the_pipe() -> None:
    owner = subprocess.Popen([sys.executable, "-c", FORKING_OWNER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with owner:
        assert owner.stdout is not None
        racer, fork = map(int, owner.stdout.readline().split())
        process = psutil.Process(racer)
        owner.kill()
        try:
            process.wait(30)
        finally:
            os.kill(fork, signal.SIGKILL)


def test_a_racer_imports_its_own_rooms_and_none_of_its_owner(tmp_path: Path) -> None:
    for name in ("load", "reports", "engine"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not ours')\n")
    told = json.dumps({"explain": {"kind": "nonsense", "numbers": [], "records": [], "lost": [], "picture": None}})
    program = [sys.executable, "-P", str(ROOT / "onewinner" / "pytest_plugin" / "racer.py")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        program,
        input=told + "\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=60,
    )
    assert "KeyError: 'nonsense'" in json.loads(ended.stdout)["error"]
