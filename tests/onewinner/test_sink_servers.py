"""Goal: a sink answers what the file says, meets its faults in turn, and each call is in the history before its answer.

Method: the servers in this process, called with the standard library; a history written beside them.
"""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.target.sinks import Sink
from engine.target.target_file import load_target
from onewinner.sink_servers import SinkServers, serve_sinks
from reports.history import awaited_calls, events
from reports.history.awaited_calls import await_calls
from reports.history.history import read_history
from reports.history.journal import Journal
from tests.engine.target.test_target_file import ORDERS
from tests.onewinner.calling_engine import TARGET
from tests.onewinner.running import Command

SINK = """
[[sinks]]
name = "pay"
per = ["PICKING"]
answer = { status = 201, json = { ok = true } }
"""


def load_sinks(folder: Path, more: str) -> tuple[Sink, ...]:
    text = ORDERS.replace('to = "{next}" }', 'to = "{next}", note = "{marker}" }')
    assert "{marker}" in text
    (folder / "target.toml").write_text(text + SINK + more)
    return load_target(folder / "target.toml", None).sinks


@pytest.fixture
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SinkServers]:
    with serve_sinks(load_sinks(tmp_path, getattr(request, "param", 'marker = "reference"\n'))) as found:
        found.record(tmp_path / "h")
        yield found


def call(servers: SinkServers, path: str = "/", body: Any = None, **headers: str) -> tuple[int, Any] | None:
    connection = http.client.HTTPConnection(urlsplit(servers.urls["pay"]).netloc)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except http.client.RemoteDisconnected:
        return None
    finally:
        connection.close()


def list_calls(folder: Path) -> list[events.Call]:
    return read_history(folder / "h" / "sinks.jsonl").having(events.Call)


def test_it_answers_and_records(servers: SinkServers, tmp_path: Path) -> None:
    assert call(servers, "/charge", {"reference": "m1"}) == (201, {"ok": True})
    assert call(servers, "/charge", "no object") == (201, {"ok": True})
    first, second = list_calls(tmp_path)
    assert (first.sink, first.subject, first.status, first.taken) == ("pay", "m1", 201, True)
    assert (first.request, second.subject) == ("POST /charge", None)
    [rule] = read_history(tmp_path / "h" / "sinks.jsonl").having(events.Sink)
    assert (rule.per, rule.times, rule.by) == (["PICKING"], "exactly once", "marker")


@pytest.mark.parametrize(
    ("servers", "path", "headers"),
    [
        ('marker = "header:X-Ref"\n', "/", {"x-ref": "m1"}),
        ('marker = "path"\n', "/charges/m1?dry=0", {}),
        ('workflow = { from = "path", match = "ref=(.+)" }\n', "/charges?ref=m1", {}),
    ],
    indirect=["servers"],
)
def test_a_call_tells_by_a_header_or_its_path(
    servers: SinkServers, path: str, headers: dict[str, str], tmp_path: Path
) -> None:
    call(servers, path, **headers)
    assert [each.subject for each in list_calls(tmp_path)] == ["m1"]


@pytest.mark.parametrize(
    "servers",
    ['marker = "reference"\nkey = "header:Key"\nfaults = ["refused", "answer lost", "slow"]\nslow_s = 0\n'],
    indirect=True,
)
def test_every_fourth_call_meets_a_fault(servers: SinkServers, tmp_path: Path) -> None:
    answers = [call(servers, "/", {"reference": str(number)}, Key="k") for number in range(12)]
    assert [answers[number] and answers[number][0] for number in (3, 7, 11)] == [503, None, 201]  # type: ignore[index]
    faults = [(each.fault, each.taken, each.status) for each in list_calls(tmp_path) if each.fault]
    assert faults == [("refused", False, 503), ("answer lost", True, None), ("slow", True, 201)]
    assert {each.key for each in list_calls(tmp_path)} == {"k"}


def test_without_a_history_calls_are_answered(tmp_path: Path) -> None:
    with serve_sinks(load_sinks(tmp_path, 'marker = "reference"\n')) as servers:
        assert call(servers) == (201, {"ok": True})


def test_calls_go_into_the_history_of_the_cell_that_is_asked(tmp_path: Path) -> None:
    with serve_sinks(load_sinks(tmp_path, 'marker = "reference"\n')) as servers:
        for name in ("first", "second"):
            with servers.record_while(tmp_path / name):
                call(servers, "/", {"reference": name})
            call(servers, "/", {"reference": "between"})
    for name in ("first", "second"):
        history = read_history(tmp_path / name / "sinks.jsonl")
        assert [each.subject for each in history.having(events.Call)] == [name]
        assert len(history.having(events.Sink)) == 1


def write_wins(folder: Path, source: str, markers: list[str]) -> None:
    with Journal(folder / "h" / f"{source}.jsonl") as journal:
        for marker in markers:
            invoke = events.Invoke(
                id=marker,
                process="p",
                workflow="w",
                kind="advance",
                invoked_ns=1,
                next="PICKING",
                marker=marker,
                expected="SUBMITTED",
            )
            journal.write(invoke, events.Return(id=marker, outcome="won", returned_ns=2))


@pytest.mark.parametrize("servers", ['marker = "reference"\nwithin_s = 600\n'], indirect=True)
def test_the_due_calls_are_waited_for_and_no_longer(servers: SinkServers, tmp_path: Path) -> None:
    write_wins(tmp_path, "race-0", ["m1"])
    call(servers, "/", {"reference": "m1"})
    servers.await_due(tmp_path / "h", ["race-0"])  # it would take ten minutes otherwise
    [awaited] = read_history(tmp_path / "h" / "sinks.jsonl").having(events.CallsAwaited)
    assert awaited.sources == ["race-0"]


@pytest.mark.parametrize("servers", ['marker = "reference"\nwithin_s = 0.01\n'], indirect=True)
def test_a_call_that_does_not_come_is_waited_for_as_long_as_the_file_says(servers: SinkServers, tmp_path: Path) -> None:
    write_wins(tmp_path, "race-0", ["m1"])
    servers.await_due(tmp_path / "h", ["race-0"])
    assert len(read_history(tmp_path / "h" / "sinks.jsonl").having(events.CallsAwaited)) == 1


class SlowService:
    """A clock, and a service that calls for one of its wins in each of its seconds."""

    def __init__(self, servers: SinkServers, calls: list[str]) -> None:
        self.servers, self.calls, self.now = servers, calls, 0.0

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    def sleep(self, _: float) -> None:
        self.now += 1.0
        if self.calls:
            call(self.servers, "/", {"reference": self.calls.pop(0)})


@pytest.mark.parametrize("servers", ['marker = "reference"\nwithin_s = 3\n'], indirect=True)
@pytest.mark.parametrize(
    ("calls", "limit_s", "still_came", "left"),
    [
        (["m0", "m1", "m2", "m3", "m4", "m5"], 300, False, 0),
        # Those for another source come first.
        (["o0", "o1", "o2", "o3", "o4", "m0", "m1", "m2", "m3", "m4", "m5"], 300, False, 0),
        # One is missing, and silence follows.
        (["m0", "m1", "m2", "m3", "m4"], 300, False, 0),
        (["m0", "m1", "m2", "m3", "m4", "m5"], 4, True, 2),
        # Calls for no win tell nothing of what is due.
        (["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"], 300, False, 5),
    ],
)
def test_a_service_that_calls_slowly_is_waited_for_while_due_calls_come(
    servers: SinkServers,
    calls: list[str],
    limit_s: float,
    still_came: bool,
    left: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_wins(tmp_path, "race-0", [f"m{number}" for number in range(6)])
    write_wins(tmp_path, "parallel-0", [f"o{number}" for number in range(5)])
    service = SlowService(servers, calls)
    monkeypatch.setattr(awaited_calls, "time", service)
    told: list[str] = []
    awaited = await_calls(tmp_path / "h", ["race-0"], limit_s, told.append)
    assert awaited is not None
    assert (awaited.still_came, len(service.calls), len(told)) == (still_came, left, service.now > 3)


def test_without_a_sink_nothing_is_waited_for(tmp_path: Path) -> None:
    assert await_calls(tmp_path, ["race-0"]) is None


def test_a_request_of_a_load_run_tells_where_the_sink_is(tmp_path: Path) -> None:
    (tmp_path / "calling.toml").write_text(TARGET)
    ended = Command(("race", "--target", "calling.toml", "--races", "3", "--out", "run"), tmp_path).run()
    assert ended.returncode == 0, ended
    calls = read_history(tmp_path / "run" / "history").having(events.Call)
    assert len({call.subject for call in calls}) == len(calls) > 3
