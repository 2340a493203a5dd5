"""Goal: a call of a workflow becomes the right request and the right invoke line, and its answer the right return line.

Method: one call of each kind on a target with guards and several routes, without sockets.
"""

from pathlib import Path

import msgspec
import pytest

from engine.target.call import Call, call_route
from engine.target.classified_answer import ClassifiedAnswer
from engine.target.http_answer import Answer
from engine.target.target import Target
from load.client.ask import Reply, add_problem, bind, build_request, classify, make_invocation, make_return
from load.client.clock import Clock
from load.client.release import Exchange
from reports.history import events
from tests.load.stub import RICH, load_text, make_answer


@pytest.fixture
def rich(tmp_path: Path) -> Target:
    return load_text(tmp_path, RICH)


def invoke(target: Target, call: Call, *, contends: bool = True) -> events.Invoke:
    ask = bind(target, call, "w1", "acme", contends=contends)
    return make_invocation(target, ask, "s.1", "s#0", "fork", None, 7)


def test_each_kind_of_call_has_the_request_of_the_target(rich: Target) -> None:
    guard, route = rich.guards[0], rich.routes_for("A", "B")[-1]
    requests = {
        Call(creates=True): rich.build_create("acme", "s.1", marker="s.1"),
        Call(): rich.build_read("acme", "9", "s.1"),
        Call(guard=guard.name): rich.build_guard(guard, "acme", "9", "s.1"),
        call_route(route, "A", "B"): rich.build_advance(route, "acme", "9", "A", "B", "s.1", marker="s.1"),
    }
    for call, request in requests.items():
        assert build_request(rich, bind(rich, call, "w1", "acme"), "9", "s.1") == request
    assert len(set(requests.values())) == len(requests)


def test_an_invoke_line_has_the_states_in_which_the_request_must_win(rich: Target) -> None:
    route = rich.routes_for("A", "B")[-1]
    advance = invoke(rich, call_route(route, "A", "B"))
    assert (advance.kind, advance.expected, advance.next, advance.invoked_ns) == ("advance", "A", "B", 7)
    assert advance.marker is msgspec.UNSET or route.carries_marker
    guard = invoke(rich, Call(guard=rich.guards[0].name))
    assert (guard.kind, guard.expected, guard.next) == ("read", list(rich.guards[0].open), None)
    read = invoke(rich, Call())
    assert (read.kind, read.expected, read.next) == ("read", None, None)
    assert invoke(rich, Call(creates=True)).kind == "create"


def test_a_guard_never_contends(rich: Target) -> None:
    assert not bind(rich, Call(guard=rich.guards[0].name), "w1", "acme").contends
    assert bind(rich, Call(), "w1", "acme").contends
    assert not bind(rich, Call(), "w1", "acme", contends=False).contends


def test_what_the_target_does_not_have_cannot_be_bound(rich: Target) -> None:
    with pytest.raises(LookupError, match="no route 'fly'"):
        bind(rich, Call(route="fly", origin="A", to="B"), "w1", "acme")
    with pytest.raises(LookupError, match="no guard 'fly'"):
        bind(rich, Call(guard="fly"), "w1", "acme")


def test_a_return_line_is_in_the_time_of_the_run(rich: Target) -> None:
    ask = bind(rich, Call(), "w1", "acme", lambda *_: "the body is wrong")
    exchange = Exchange(100, 200, make_answer(200, state="A"))
    classified = add_problem(rich, ask, exchange.answer, classify(rich, ask, exchange.answer))
    line = make_return(rich, Reply("s.1", ask, exchange, classified), Clock(offset_ns=1_000), 90)
    assert (line.outcome, line.observed, line.invoked_ns, line.returned_ns) == ("ok", "A", 1_100, 1_200)
    detail = msgspec.json.decode(line.detail)
    assert (detail["intended_ns"], detail["problem"], detail["request_id"]) == (1_090, "the body is wrong", "s.1")


def test_a_request_without_an_answer_does_not_return(rich: Target) -> None:
    ask = bind(rich, Call(), "w1", "acme")
    lost = Exchange(100, None, Answer(None, error="no answer within 5 s"))
    line = make_return(rich, Reply("s.1", ask, lost, ClassifiedAnswer("unknown", None)), Clock(), None)
    assert (line.outcome, line.returned_ns) == ("unknown", None)
