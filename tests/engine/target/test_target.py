"""Goal: requests are built as the file says. Method: the requests of a small target."""

import json
from pathlib import Path

from engine.target.target import Target
from engine.target.target_file import load_target
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS


def test_an_advance_carries_what_the_route_wants(orders: Target) -> None:
    general = orders.routes_for("DRAFT", "SUBMITTED")[0]
    request = orders.build_advance(general, "acme", "7", "DRAFT", "SUBMITTED", "r1")
    assert (request.method, request.path) == ("POST", "/orders/7/status")
    assert json.loads(request.body) == {"from": "DRAFT", "to": "SUBMITTED"}
    assert ("Authorization", "Bearer secret") in request.headers


def test_states_are_sent_as_the_service_spells_them(spelled: Target) -> None:
    general = spelled.routes_for("DRAFT", "SUBMITTED")[0]
    request = spelled.build_advance(general, "acme", "7", "DRAFT", "SUBMITTED", "r1")
    assert json.loads(request.body) == {"from": 1, "to": "sent!"}
    pick = spelled.routes_for("SUBMITTED", "PICKING")[0]
    assert spelled.build_advance(pick, "acme", "7", "SUBMITTED", "PICKING", "r").path == "/orders/7/pick?s=sent%21"
    assert spelled.expected_by(general, "DRAFT", "SUBMITTED") == ("DRAFT",)


def test_what_is_refused_leaves_out_what_means_something_else(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text(ORDERS.replace("conflict = [409]\ncurrent", "conflict = [404, 422]\ncurrent"))
    assert str(load_target(file, ENVIRONMENT).meanings.refused) == "400, 401, 403"
