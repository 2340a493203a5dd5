"""Orders over HTTP. A change carries If-Match; its answer has the new ETag."""

from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, Response
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from orders import problems
from orders.changes import change, find, tag
from orders.models import Move, Order, User, Vendor, engine
from orders.problems import Problem
from orders.tokens import LIFETIME_S, Caller, is_password_of, issue_token, read_token

app = FastAPI(title="Orders")
problems.install(app)


class NewVendor(BaseModel):
    name: str


class NewOrder(BaseModel):
    vendor_id: int


class Change(BaseModel):
    model_config = ConfigDict(extra="forbid")
    status: Literal["draft", "submitted", "approved", "shipped", "cancelled"] | None = None
    note: str | None = None


def identify(token: Annotated[str, Depends(OAuth2PasswordBearer("/auth/token"))]) -> Caller:
    if caller := read_token(token):
        return caller
    raise Problem(401, "the token is expired or not ours")


Calling = Annotated[Caller, Depends(identify)]
IfMatch = Annotated[str | None, Header()]


def show(order: Order, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = tag(order)
    return {"id": order.id, "vendor_id": order.vendor_id, "status": order.status, "note": order.note}


@app.get("/healthz")
def check_health() -> dict[str, str]:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return {"status": "ok"}


@app.post("/auth/token")
def log_in(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, str | float]:
    with Session(engine) as session:
        user = session.get(User, form.username)
    if user is None or not is_password_of(user, form.password):
        raise Problem(401, "the name or the password is wrong")
    return {"access_token": issue_token(user), "token_type": "bearer", "expires_in": LIFETIME_S}


@app.post("/vendors", status_code=201)
def add_vendor(caller: Calling, asked: NewVendor) -> dict[str, Any]:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add(vendor := Vendor(organization=caller.organization, name=asked.name))
    return {"id": vendor.id, "name": vendor.name}


@app.post("/orders", status_code=201)
def place_order(caller: Calling, asked: NewOrder, response: Response) -> dict[str, Any]:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        vendor = session.get(Vendor, asked.vendor_id)
        if vendor is None or vendor.organization != caller.organization:
            raise Problem(422, "there is no such vendor")
        session.add(order := Order(organization=caller.organization, vendor_id=vendor.id))
    response.headers["Location"] = f"/orders/{order.id}"
    return show(order, response)


@app.get("/orders/{number}")
def read_order(caller: Calling, number: int, response: Response) -> dict[str, Any]:
    with Session(engine) as session:
        return show(find(session, caller, number), response)


@app.patch("/orders/{number}")
def change_order(
    caller: Calling, number: int, asked: Change, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        order = change(session, caller, number, if_match, **asked.model_dump(exclude_none=True))
    return show(order, response)


@app.post("/orders/{number}/cancellation")
def cancel_order(caller: Calling, number: int, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        order = change(session, caller, number, if_match, status="cancelled")
    return show(order, response)


@app.get("/orders/{number}/history")
def list_moves(caller: Calling, number: int) -> dict[str, Any]:
    with Session(engine) as session:
        find(session, caller, number)
        moves = session.scalars(select(Move).where(Move.order_id == number).order_by(Move.id))
        return {"moves": [describe(move) for move in moves]}


def describe(move: Move) -> dict[str, Any]:
    return {"from": move.origin, "to": move.status, "by": move.moved_by, "at": move.moved_at}
