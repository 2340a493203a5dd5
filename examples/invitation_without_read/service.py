"""Invitations to teams: a code that is accepted or declined once, and that no request reads.

One statement uses a code: `UPDATE ... WHERE code AND used_at IS NULL`. Its row count decides which request did it.
"""

import os
import secrets

from flask import Flask, Response, jsonify, make_response, request
from sqlalchemy import Connection, create_engine, text

# The only difference between target.toml and target_looked_up.toml.
GUARDED = os.environ.get("INVITATIONS_GUARDED", "yes") == "yes"

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"], pool_size=16)
with engine.begin() as opened:
    opened.execute(text("CREATE TABLE IF NOT EXISTS teams (id serial PRIMARY KEY)"))
    opened.execute(
        text("CREATE TABLE IF NOT EXISTS invitations (code text PRIMARY KEY, team int, used_at timestamptz)")
    )
    opened.execute(text("CREATE TABLE IF NOT EXISTS members (id serial PRIMARY KEY, team int, name text)"))
    opened.execute(text("CREATE INDEX IF NOT EXISTS members_of_team ON members (team)"))
# gunicorn --preload runs this once, in its master; the workers must not share the master's connections.
engine.dispose()


def answer(code: int, /, **body: object) -> Response:
    return make_response(jsonify(body), code)


@app.get("/healthz")
def check_health() -> Response:
    return answer(200)


@app.post("/teams")
def found_team() -> Response:
    with engine.begin() as connection:
        return answer(201, id=connection.scalar(text("INSERT INTO teams DEFAULT VALUES RETURNING id")))


@app.post("/teams/<int:team>/invitations")
def invite(team: int) -> Response:
    code = secrets.token_urlsafe()
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO invitations VALUES (:code, :team)"), {"code": code, "team": team})
    return make_response("", 201, {"Location": f"/invitations/{code}"})


@app.get("/teams/<int:team>/members")
def list_members(team: int) -> Response:
    with engine.connect() as connection:
        names = connection.scalars(text("SELECT name FROM members WHERE team = :team ORDER BY id"), {"team": team})
        return answer(200, members=[{"name": name} for name in names])


def use(connection: Connection, code: str) -> int | None:
    """The code's team, if this request uses the code; None if it is used already."""
    update, unused = "UPDATE invitations SET used_at = now() WHERE code = :code", "AND used_at IS NULL"
    if GUARDED:
        used: int | None = connection.scalar(text(f"{update} {unused} RETURNING team"), {"code": code})
        return used
    found = text(f"SELECT team FROM invitations WHERE code = :code {unused}")  # noqa: S608
    team: int | None = connection.scalar(found, {"code": code})
    if team is not None:
        connection.execute(text(update), {"code": code})
    return team


@app.post("/invitations/<code>/accept")
def accept(code: str) -> Response:
    name = request.get_json()["name"]
    with engine.begin() as connection:
        if (team := use(connection, code)) is None:
            return answer(410)
        connection.execute(text("INSERT INTO members (team, name) VALUES (:team, :name)"), {"team": team, "name": name})
    return answer(200, team=team, name=name)


@app.post("/invitations/<code>/decline")
def decline(code: str) -> Response:
    with engine.begin() as connection:
        used = use(connection, code) is not None
    return answer(204 if used else 410)
