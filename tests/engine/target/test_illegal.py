"""Goal: each request is listed for each state in which a correct engine refuses it. Method: explicit targets."""

from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.target.illegal import list_illegal
from engine.target.target import Target
from engine.target.target_file import load_target
from tests.engine.target.test_target_file import ENVIRONMENT, ORDERS

EDGES = """
[[advance.edges]]
name = "submit"
from = "DRAFT"
to = "SUBMITTED"
request = { method = "POST", path = "/orders/{id}/submit" }
[[advance.edges]]
name = "cancel"
from = ["DRAFT", "SUBMITTED"]
to = "CANCELLED"
request = { method = "POST", path = "/orders/{id}/cancel" }
[[guards]]
"""

# The service knows the next state by itself.
LINEAR = """
name = "linear"
base_url = "http://127.0.0.1:1"
[tenants.owner]
[workflow]
initial = "DRAFT"
transitions = {{ {transitions} }}
[create]
request = {{ method = "POST", path = "/orders" }}
id = "id"
[advance]
request = {{ method = "POST", path = "/orders/{{id}}/advance", json = {body} }}
"""


def write(folder: Path, text: str) -> Target:
    (folder / "target.toml").write_text(text)
    return load_target(folder / "target.toml", ENVIRONMENT)


def name_all(target: Target) -> set[tuple[str, str, str]]:
    return {(state, each.route.name, each.to) for state in target.graph.states for each in list_illegal(target, state)}


def test_routes_of_edges_are_asked_in_all_states_but_their_own(tmp_path: Path) -> None:
    general = ORDERS[ORDERS.index('request = { method = "POST", path = "/orders/{id}/status"') :].splitlines()[0]
    target = write(tmp_path, ORDERS.replace(general + "\n", "").replace("[[guards]]\n", EDGES, 1))
    assert target.general is None
    assert name_all(target) == {
        *((state, "pick", "PICKING") for state in ("DRAFT", "PICKING", "CANCELLED")),
        *((state, "submit", "SUBMITTED") for state in ("SUBMITTED", "PICKING", "CANCELLED")),
        *((state, "cancel", "CANCELLED") for state in ("PICKING", "CANCELLED")),
    }


def test_the_general_request_asks_for_every_move_that_the_graph_lacks(tmp_path: Path) -> None:
    target = write(tmp_path, ORDERS)
    general = {(state, to) for state, name, to in name_all(target) if name == "advance"}
    states = target.graph.states
    assert general == {(state, to) for state in states for to in states} - target.graph.edges


def test_the_reference_engine_has_all_pairs_and_all_routes() -> None:
    target = load_target(REFERENCE, None)
    asked = name_all(target)
    assert sum(name == "advance" for _, name, _ in asked) == 1152
    assert {name for _, name, _ in asked} == {"advance", *(route.name for route in target.routes)}


@pytest.mark.parametrize(
    ("transitions", "body"),
    [
        ('DRAFT = ["PAID"], PAID = ["SENT"]', '{ from = "{expected}" }'),
        ('DRAFT = ["SENT"]', "{ }"),
    ],
)
def test_a_request_that_names_no_next_state_is_legal_in_each_state_with_a_move(
    transitions: str, body: str, tmp_path: Path
) -> None:
    target = write(tmp_path, LINEAR.format(transitions=transitions, body=body))
    assert {state for state, _, _ in name_all(target)} == {"SENT"}
    assert not target.routes_for("DRAFT", "DRAFT")
    assert target.routes_for(*next(target.graph.walk_edges())) == (target.general,)
