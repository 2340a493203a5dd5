"""A test suite of the project: `race` against pytest-django's `live_server`, which has threads."""

from typing import Any

from orders.models import Order

from onewinner.racing import Race, Request


def test_an_order_is_submitted_once(race: Race, live_server: Any) -> None:
    """Ten orders: in a single race the first request may end before the second one begins."""
    for _ in range(10):
        order = Order.objects.create()
        race.post(f"{live_server.url}/orders/{order.pk}/submit").assert_one_winner()
        assert order.event_set.count() == 1


def test_an_approved_order_is_not_cancelled(race: Race, live_server: Any) -> None:
    race.base_url = live_server.url
    for _ in range(10):
        order = Order.objects.create(status="submitted")
        requests = [Request("POST", f"/orders/{order.pk}/{name}") for name in ("approve", "cancel")] * 5
        winner = race(requests).assert_one_winner()
        assert Order.objects.get(pk=order.pk).status == winner.json()["status"]
