"""Tickets in Strawberry and Flask: every answer is 200, and its body says what happened.

The check before the move only saves work. The row count of `UPDATE ... WHERE id AND state` decides.
"""

import os
from enum import Enum
from typing import Annotated

import strawberry
from flask import Flask, request
from sqlalchemy import Connection, create_engine, text
from strawberry.flask.views import GraphQLView

# The only difference between target.toml and target_unguarded.toml.
GUARD = "AND state = :origin" if os.environ.get("TICKETS_GUARDED", "yes") == "yes" else ""
EDGES = {"OPEN": {"ASSIGNED", "CLOSED"}, "ASSIGNED": {"OPEN", "SOLVED"}, "SOLVED": {"CLOSED"}}

engine = create_engine(os.environ["DATABASE_URL"], pool_size=16)
with engine.begin() as opened:
    opened.execute(text("CREATE TABLE IF NOT EXISTS tickets (id serial PRIMARY KEY, team text, state text)"))
    opened.execute(
        text("CREATE TABLE IF NOT EXISTS steps (id serial PRIMARY KEY, ticket int, origin text, state text)")
    )
    opened.execute(text("CREATE INDEX IF NOT EXISTS steps_of_ticket ON steps (ticket, id)"))
# gunicorn --preload runs this once, in its master; the workers must not share the master's connections.
engine.dispose()


@strawberry.enum
class State(Enum):
    OPEN = "OPEN"
    ASSIGNED = "ASSIGNED"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"


@strawberry.enum
class Reason(Enum):
    CONFLICT = "CONFLICT"
    NOT_FOUND = "NOT_FOUND"


@strawberry.type
class Step:
    origin: State
    state: State


@strawberry.type
class Ticket:
    id: strawberry.ID
    state: State

    @strawberry.field
    def steps(self) -> list[Step]:
        with engine.connect() as connection:
            rows = connection.execute(
                text("SELECT origin, state FROM steps WHERE ticket = :id ORDER BY id"), {"id": int(self.id)}
            )
            return [Step(origin=State(row.origin), state=State(row.state)) for row in rows]


@strawberry.type
class TicketMoved:
    ticket: Ticket


@strawberry.type
class TicketNotMoved:
    reason: Reason
    state: State | None = None


def find(connection: Connection, number: strawberry.ID) -> str | None:
    """The ticket's state, if it belongs to the team of the request."""
    mine = {"id": int(number), "team": request.headers["X-Team"]}
    return connection.scalar(text("SELECT state FROM tickets WHERE id = :id AND team = :team"), mine)


@strawberry.type
class Query:
    @strawberry.field
    def ticket(self, id: strawberry.ID) -> Ticket | None:  # noqa: A002
        with engine.connect() as connection:
            state = find(connection, id)
        return None if state is None else Ticket(id=id, state=State(state))


@strawberry.type
class Mutation:
    @strawberry.mutation
    def open_ticket(self) -> Ticket:
        insert = text("INSERT INTO tickets (team, state) VALUES (:team, 'OPEN') RETURNING id")
        with engine.begin() as connection:
            number = connection.scalar(insert, {"team": request.headers["X-Team"]})
        return Ticket(id=strawberry.ID(str(number)), state=State.OPEN)

    @strawberry.mutation
    def move_ticket(
        self,
        id: strawberry.ID,  # noqa: A002
        origin: State,
        state: State,
    ) -> Annotated[TicketMoved | TicketNotMoved, strawberry.union("MoveTicketResult")]:
        with engine.begin() as connection:
            seen = find(connection, id)
            if seen is None:
                return TicketNotMoved(reason=Reason.NOT_FOUND)
            move = {"id": int(id), "origin": origin.value, "state": state.value}
            if seen != origin.value or state.value not in EDGES.get(seen, ()):
                return TicketNotMoved(reason=Reason.CONFLICT, state=State(seen))
            update = text(f"UPDATE tickets SET state = :state WHERE id = :id {GUARD}")  # noqa: S608
            if not connection.execute(update, move).rowcount:
                return TicketNotMoved(reason=Reason.CONFLICT, state=State(find(connection, id)))
            connection.execute(text("INSERT INTO steps (ticket, origin, state) VALUES (:id, :origin, :state)"), move)
        return TicketMoved(ticket=Ticket(id=id, state=state))


app = Flask(__name__)
schema = strawberry.Schema(query=Query, mutation=Mutation)
app.add_url_rule("/graphql", view_func=GraphQLView.as_view("graphql", schema=schema))


@app.get("/healthz")
def check_health() -> str:
    return "ok"
