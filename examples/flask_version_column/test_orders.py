"""A test suite of the service, with `race`: ten requests at once, one winner."""

import threading
from collections.abc import Iterator

import pytest
from service import app
from werkzeug.serving import make_server

from onewinner.racing import Race

ACME = {"X-Organization": "acme"}


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """A real server: a test client would handle one request after the other."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_order_is_submitted_once(race: Race, url: str) -> None:
    """Ten orders: in a single race the first request may end before the second one begins."""
    client = app.test_client()
    move = {"from": "DRAFT", "to": "SUBMITTED"}
    for _ in range(10):
        number = client.post("/orders", headers=ACME).json["id"]
        race.post(f"{url}/orders/{number}/status", json=move, headers=ACME).assert_one_winner()
        trail = client.get(f"/orders/{number}/events", headers=ACME).json["events"]
        assert trail == [{"old": "DRAFT", "new": "SUBMITTED"}]
