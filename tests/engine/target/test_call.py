"""Goal: a call names exactly one route or guard of its target. Method: target files that give one name twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.target.call import Call, call_route, expect, find_guard, find_route
from tests.engine.target.conftest import load
from tests.engine.target.test_target_file import ORDERS

EDGE = '[[advance.edges]]\nfrom = "DRAFT"\nto = "CANCELLED"\nrequest = { method = "POST", path = "/orders/{id}/end", '
GUARD = '[[guards]]\nname = "label"\nopen = ["SUBMITTED"]\nrequest = { method = "GET", path = "/orders/{id}/l?a=%d" }\n'
EDGES = EDGE + "json = { a = 1 } }\n" + EDGE + 'json = { a = 2 } }\nname = "advance"\n' + EDGE + "json = { a = 3 } }\n"


def test_every_route_is_found_by_its_name_and_next_state(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", EDGES + "[[guards]]\n", 1))
    assert [route.name for route in target.routes[1:]] == [
        "POST /orders/{id}/end",
        "advance (2)",
        "POST /orders/{id}/end (2)",
    ]
    for origin, to in target.graph.walk_edges():
        for route in target.routes_for(origin, to):
            call = call_route(route, origin, to)
            assert find_route(target, call) is route
            assert expect(target, call) == target.expected_by(route, origin, to)


def test_guards_of_one_name_are_told_apart(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS + GUARD % 1 + GUARD % 2)
    assert [guard.name for guard in target.guards][-2:] == ["label", "label (2)"]
    assert [find_guard(target, Call(guard=guard.name)) for guard in target.guards] == list(target.guards)


def test_a_name_that_the_target_does_not_have_is_refused(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS)
    with pytest.raises(LookupError, match="has no route 'fly' to SUBMITTED"):
        find_route(target, Call(route="fly", origin="DRAFT", to="SUBMITTED"))
    with pytest.raises(LookupError, match="has no route 'advance'"):
        find_route(replace(target, general=None, routes=()), Call(route="advance"))
    with pytest.raises(LookupError, match="has no guard 'fly'"):
        find_guard(target, Call(guard="fly"))


def test_the_kind_of_a_call() -> None:
    kinds = {call.kind: call.changes for call in (Call(), Call(guard="g"), Call(route="r"), Call(creates=True))}
    assert kinds == {"read": False, "advance": True, "create": True}
