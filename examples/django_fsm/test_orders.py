"""A test suite of the project's own, with `race` and pytest-django's `live_server`, which handles requests in threads."""

from typing import Any

from orders.models import Order

from onewinner.racing import Race, Request


def test_an_order_is_submitted_once(race: Race, live_server: Any) -> None:
    order = Order.objects.create()
    race.post(f"{live_server.url}/orders/{order.pk}/submit").assert_one_winner()
    assert order.event_set.count() == 1


def test_an_approved_order_is_not_cancelled(race: Race, live_server: Any) -> None:
    order = Order.objects.create(status="submitted")
    race.base_url = live_server.url
    requests = [Request("POST", f"/orders/{order.pk}/{name}") for name in ("approve", "cancel")] * 5
    winner = race(requests).assert_one_winner()
    assert Order.objects.get(pk=order.pk).status == winner.json()["status"]
