"""Orders in Flask and SQLAlchemy's ORM: a version column decides which of several requests moves an order.

The check before the move only saves work. The row count of `UPDATE ... WHERE id AND version` decides, which the ORM
sends for a mapper with a `version_id_col`. If it changes no row, it raises StaleDataError, which becomes the 409.
"""

import os

from flask import Flask, Response, jsonify, make_response, request
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import StaleDataError

EDGES = {"DRAFT": {"SUBMITTED", "CANCELLED"}, "SUBMITTED": {"APPROVED", "CANCELLED"}, "APPROVED": {"SHIPPED"}}
GUARDED = os.environ.get("ORDERS_VERSION_COLUMN", "yes") == "yes"


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    organization: Mapped[str]
    status: Mapped[str] = mapped_column(default="DRAFT")
    version: Mapped[int] = mapped_column(default=1)
    # The only difference between target.toml and target_without_version.toml.
    __mapper_args__ = {"version_id_col": version} if GUARDED else {}


class Event(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    old: Mapped[str]
    new: Mapped[str]


app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"], pool_size=16)
# gunicorn --preload runs this once, in its master; the workers must not share the master's connections.
Base.metadata.create_all(engine)
engine.dispose()


def find(session: Session, number: int) -> Order | None:
    """The order, if it belongs to the organization of the request."""
    mine = Order.organization == request.headers["X-Organization"]
    return session.scalar(select(Order).where(Order.id == number, mine))


def answer(code: int, /, **body: object) -> Response:
    return make_response(jsonify(body), code)


@app.get("/healthz")
def check_health() -> Response:
    return answer(200)


@app.post("/orders")
def create() -> Response:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        order = Order(organization=request.headers["X-Organization"])
        session.add(order)
    return answer(201, id=order.id, status=order.status)


@app.get("/orders/<int:number>")
def read(number: int) -> Response:
    with Session(engine) as session:
        order = find(session, number)
        return answer(404) if order is None else answer(200, id=order.id, status=order.status)


@app.post("/orders/<int:number>/status")
def move(number: int) -> Response:
    wanted = request.get_json()
    try:
        with Session(engine) as session, session.begin():
            order = find(session, number)
            if order is None:
                return answer(404)
            if order.status != wanted["from"] or wanted["to"] not in EDGES.get(order.status, ()):
                return answer(409, status=order.status)
            session.add(Event(order_id=order.id, old=order.status, new=wanted["to"]))
            order.status = wanted["to"]
    except StaleDataError:
        with Session(engine) as session:
            return answer(409, status=session.get_one(Order, number).status)
    return answer(200, id=number, status=wanted["to"])


@app.get("/orders/<int:number>/events")
def list_events(number: int) -> Response:
    with Session(engine) as session:
        if find(session, number) is None:
            return answer(404)
        events = session.scalars(select(Event).where(Event.order_id == number).order_by(Event.id))
        return answer(200, events=[{"old": event.old, "new": event.new} for event in events])
