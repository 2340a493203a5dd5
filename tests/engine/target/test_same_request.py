"""Goal: a request is due in each state in which it wins, however it is spelled. Method: targets with equal requests."""

from pathlib import Path

from engine.target.target import Target
from engine.target.target_file import load_target
from tests.engine.target.conftest import load
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS


def test_expected_is_every_state_in_which_this_very_request_wins(reference: Target) -> None:
    by_name = {route.name: route for route in reference.routes}
    claim, cancel = by_name["icp-generate"], by_name["cancel"]
    assert reference.general is not None
    assert reference.expected_by(reference.general, "ICP_PENDING", "ICP_PROCESSING") == ("ICP_PENDING",)
    assert reference.expected_by(claim, "ICP_PENDING", "ICP_PROCESSING") == ("ICP_PENDING", "ICP_FAILED")
    assert len(reference.expected_by(cancel, "CREATED", "CANCELLED")) == 33
    assert [route.name for route in reference.routes_for("CREATED", "CANCELLED")] == [
        "advance-with-key",
        "cancel",
        "advance",
    ]


def test_a_body_that_carries_only_the_next_state_is_due_in_every_state_that_leads_there(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    text = ORDERS.replace('json = { from = "{expected}", to = "{next}" }', 'json = { to = "{next}" }')
    file.write_text(
        text.replace('SUBMITTED = ["PICKING", "CANCELLED"]', 'SUBMITTED = ["PICKING", "CANCELLED", "DRAFT"]')
    )
    target = load_target(file, ENVIRONMENT)
    general = target.routes_for("DRAFT", "CANCELLED")[0]
    assert target.expected_by(general, "DRAFT", "CANCELLED") == ("DRAFT", "SUBMITTED")
    assert target.expected_by(general, "SUBMITTED", "DRAFT") == ("SUBMITTED",)


CANCEL = """
[[advance.edges]]
from = "DRAFT"
to = "CANCELLED"
request = { method = "POST", path = "/orders/{id}/cancel", json = { a = 1, b = "x" }, query = { p = "1", q = "2" } }
[[advance.edges]]
name = "cancel"
from = "SUBMITTED"
to = "CANCELLED"
request = { method = "post", path = "/orders/{id}/cancel?q=2", json = { b = "x", a = 1 }, query = { p = "1" } }
[[guards]]
"""


def expect_both(target: Target) -> None:
    """A cancel over either edge is due from both states."""
    for origin in ("DRAFT", "SUBMITTED"):
        for route in target.routes_for(origin, "CANCELLED"):
            assert target.expected_by(route, origin, "CANCELLED") == ("DRAFT", "SUBMITTED")


def test_edges_with_one_request_are_one_route(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", CANCEL, 1))
    assert [(route.sources, route.to, route.index) for route in target.routes] == [
        (("SUBMITTED",), "PICKING", 0),
        (("DRAFT", "SUBMITTED"), "CANCELLED", 1),
    ]
    expect_both(target)


def test_a_request_that_differs_in_its_body_is_another(tmp_path: Path) -> None:
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", CANCEL.replace("a = 1 }", "a = 2 }"), 1))
    assert [
        target.expected_by(route, route.sources[0], "CANCELLED") for route in target.routes[1:] if route.sources
    ] == [("DRAFT",), ("SUBMITTED",)]


def test_a_request_that_carries_expected_is_due_in_that_state_alone(tmp_path: Path) -> None:
    text = CANCEL.replace("/cancel", "/cancel/{expected}")
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", text, 1))
    for origin in ("DRAFT", "SUBMITTED"):
        for route in target.routes_for(origin, "CANCELLED"):
            assert target.expected_by(route, origin, "CANCELLED") == (origin,)


def test_a_route_that_writes_out_what_the_general_request_fills_in_is_the_same_request(tmp_path: Path) -> None:
    """The general request carries the next state alone and is due from both; the edge names one of them."""
    text = ORDERS.replace('json = { from = "{expected}", to = "{next}" }', 'json = { to = "{next}" }')
    own = CANCEL[: CANCEL.index("[[advance.edges]]\nname")]
    own = own[: own.index("request")] + (
        'request = { method = "POST", path = "/orders/{id}/status", json = { to = "CANCELLED" } }\n[[guards]]\n'
    )
    expect_both(load(tmp_path, text.replace("[[guards]]\n", own, 1)))


def test_own_routes_that_write_the_states_out_are_told_from_each_other(tmp_path: Path) -> None:
    text = CANCEL.replace("/cancel", "/from/DRAFT/cancel", 1).replace("{id}/cancel", "{id}/from/SUBMITTED/cancel")
    target = load(tmp_path, ORDERS.replace("[[guards]]\n", text, 1))
    for origin in ("DRAFT", "SUBMITTED"):
        assert target.expected_by(target.routes_for(origin, "CANCELLED")[0], origin, "CANCELLED") == (origin,)


def test_a_general_request_that_names_no_state_serves_what_no_other_serves(tmp_path: Path) -> None:
    """POST /submit leads DRAFT on; out of RETURNED a route of its own leads there, which is another request."""
    text = ORDERS.replace(
        'path = "/orders/{id}/status", json = { from = "{expected}", to = "{next}" }', 'path = "/orders/{id}/submit"'
    )
    text = text.replace('DRAFT = ["SUBMITTED", "CANCELLED"]', 'DRAFT = ["SUBMITTED"]')
    text = text.replace('SUBMITTED = ["PICKING", "CANCELLED"]', 'SUBMITTED = ["PICKING"]\nPICKING = ["SUBMITTED"]')
    again = '[[advance.edges]]\nfrom = "PICKING"\nto = "SUBMITTED"\n'
    again += 'request = { method = "POST", path = "/orders/{id}/again" }\n[[guards]]\n'
    target = load(tmp_path, text.replace("[[guards]]\n", again, 1))
    assert target.general is not None
    assert target.expected_by(target.general, "DRAFT", "SUBMITTED") == ("DRAFT",)
