"""Goal: doctor asks with an old version and without one, and proposes the keys under which a service answers those.

Method: the small service of tests/onewinner/orders.py, whose moves must carry a version; one key is missing at a time.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.onewinner.doctor.test_examination import RIGHT, examine
from tests.onewinner.orders import ENVIRONMENT, Handler, Order, Orders

SAVED = 'state = "order.status"\nsave = { version = "order.version" }\n'
TOLD = "stale = [412]\nprecondition_required = [428]\n"
VERSIONED = (
    RIGHT.replace('state = "order.status"\n', SAVED)
    .replace(
        'path = "/orders/{id}/status", json', 'path = "/orders/{id}/status", headers = { If-Match = "{version}" }, json'
    )
    .replace("conflict = [409]\n", f"conflict = [409]\n{TOLD}")
)
OWN = """
[[advance.edges]]
from = "SUBMITTED"
to = "CANCELLED"
stale = [410]
[advance.edges.request]
method = "POST"
path = "/orders/{id}/status"
headers = { If-Match = "{version}" }
json = { from = "{expected}", to = "{next}" }
"""


class VersionedHandler(Handler):
    """The version is the number of events; `server.old` and `server.none` are the answers to what is no version."""

    def ask(self, ref: str, order: Order, what: str, body: Any) -> tuple[int, Any]:
        carried, server = self.headers.get("If-Match"), self.server
        assert isinstance(server, Versioned)
        if what == "/status" and body.get("to") in server.states:
            if carried is None and server.none:
                return server.none, {"error": "If-Match is missing"}
            if carried not in (None, str(len(order.events))) and server.old:
                return server.old, {"error": "another version"}
        status, told = super().ask(ref, order, what, body)
        if "order" in told:
            told["order"]["version"] = len(order.events)
        return status, told


class Versioned(Orders):
    old, none = 412, 428

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = VersionedHandler


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Versioned]:
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    with Versioned() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_right_file_is_asked_both(orders: Versioned, tmp_path: Path) -> None:
    examination, advice = examine(VERSIONED, orders.port, tmp_path)
    assert advice == []
    asked = [(each.probe.what, each.probe.classified.outcome) for each in examination.done]
    [old] = [each for each in asked if each[0].endswith("with an old version")]
    [none] = [each for each in asked if each[0].endswith("without a version")]
    assert (old[1], none[1]) == ("stale", "refused")


# name -> what to replace, the answers to an old version and to none, the beginning of the sentence and its trial.
MISSING: dict[str, tuple[str, str, int, int, str, str]] = {
    "stale": ("stale = [412]\n", "", 412, 428, "advance.stale: ", "with advance.stale = [412] this"),
    "stale of another status": ("", "", 410, 428, "advance.stale: ", "with advance.stale = [412, 410] this"),
    "stale is refused": (
        "stale = [412]\nprecondition_required = [428]\nrefused = [401",
        "precondition_required = [428]\nrefused = [412, 401",
        *(412, 428),
        *("advance.stale: ", "with advance.stale = [412] and advance.refused = [401, 404, 422] this"),
    ),
    "the name says nothing": (
        *("stale = [412]\n", "", 412, 428, "advance.stale: ", "with advance.stale = [412] this"),
    ),
    "precondition_required": (
        *("precondition_required = [428]\n", "", 412, 428),
        *("advance.precondition_required: ", "with advance.precondition_required = [428] this"),
    ),
    "precondition_required of another status": (
        *("", "", 412, 400),
        *("advance.precondition_required: ", "with advance.precondition_required = [428, 400] this"),
    ),
    "no version is needed": (
        *("", "", 412, 0),
        *("advance.precondition_required: a move without a version was answered 200, which it does not list, or", ""),
    ),
    "an old version is a conflict": ("", "", 409, 428, "advance.stale: ", ""),
    "an old version wins": ("", "", 0, 428, "advance.request: ", ""),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_key_is_proposed(name: str, orders: Versioned, tmp_path: Path) -> None:
    before, after, orders.old, orders.none, finding, trial = MISSING[name]
    assert before in VERSIONED
    text = VERSIONED.replace(before, after, 1)
    if name == "the name says nothing":
        text = text.replace("{version}", "{etag}").replace("version =", "etag =")
    _, advice = examine(text, orders.port, tmp_path)
    assert advice[0].startswith(finding), advice
    assert trial in advice[0], advice
    assert ("tried on a new workflow" in advice[0]) == bool(trial)
    assert len(advice) == 1, advice


def test_both_keys_are_proposed_at_once(orders: Versioned, tmp_path: Path) -> None:
    """The trial of the second has the first one's change: without it, that answer would be wrong again."""
    _, advice = examine(VERSIONED.replace(TOLD, ""), orders.port, tmp_path)
    assert [each.rpartition("; ")[2] for each in advice] == [
        "tried on a new workflow: with advance.stale = [412] this answer is right",
        "tried on a new workflow: with advance.precondition_required = [428] this answer is right",
    ]


def test_a_route_with_its_own_answers_is_asked_too(orders: Versioned, tmp_path: Path) -> None:
    _, advice = examine(VERSIONED + OWN, orders.port, tmp_path)
    assert advice[0].startswith("advance.edges[0].stale: "), advice
    assert "with advance.edges[0].stale = [410, 412] this answer is right" in advice[0]


def test_a_saved_value_that_is_no_version_needs_no_key(orders: Versioned, tmp_path: Path) -> None:
    """It changes with each move, and any of its values will do."""
    orders.old = orders.none = 0
    text = VERSIONED.replace(TOLD, "").replace("{version}", "{etag}").replace("version =", "etag =")
    _, advice = examine(text, orders.port, tmp_path)
    assert advice == []
