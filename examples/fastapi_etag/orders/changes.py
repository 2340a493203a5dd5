"""One change of an order: the statement that decides which of several requests makes it.

The comparison in Python only saves work: between it and the UPDATE another request may change the order. The row count
of `UPDATE ... WHERE id AND version` decides.
"""

import os

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from orders.models import EDGES, Move, Order
from orders.problems import Problem
from orders.tokens import Caller

# The only difference between target.toml and target_compared_in_python.toml.
GUARDED = os.environ.get("ORDERS_COMPARE", "statement") == "statement"


def find(session: Session, caller: Caller, number: int) -> Order:
    """The order, if it belongs to the organization of the caller."""
    mine = Order.organization == caller.organization
    if order := session.scalar(select(Order).where(Order.id == number, mine)):
        return order
    raise Problem(404, "there is no such order")


def tag(order: Order) -> str:
    return f'"{order.version}"'


def change(session: Session, caller: Caller, number: int, if_match: str | None, **changes: str) -> Order:
    """The order after the change. Raises Problem: 404, 428, 412, 409, in this order."""
    order = find(session, caller, number)
    if if_match is None:
        raise Problem(428, "a change needs If-Match with the ETag of the order")
    if if_match != tag(order):
        raise Problem(412, "the order was changed since")
    if "status" in changes and changes["status"] not in EDGES.get(order.status, ()):
        raise Problem(409, f"an order that is {order.status} does not become that", order_status=order.status)
    write = update(Order).where(Order.id == number).values(version=order.version + 1, **changes)
    if GUARDED:
        write = write.where(Order.version == order.version)
    origin = order.status
    changed = session.scalar(
        write.returning(Order).execution_options(synchronize_session=False, populate_existing=True)
    )
    if changed is None:
        raise Problem(412, "the order was changed since")
    if "status" in changes:
        session.add(Move(order_id=number, origin=origin, status=changes["status"], moved_by=caller.name))
    return changed
