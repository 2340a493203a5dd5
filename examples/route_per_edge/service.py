"""Parcels in Starlette and asyncpg: each move has a route of its own, and no request carries the expected state.

Each route has its sources and its next state; the row count of one guarded UPDATE decides.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]
MOVES = {
    "pack": (["ACCEPTED"], "PACKED"),
    "unpack": (["PACKED"], "ACCEPTED"),
    "ship": (["PACKED"], "SHIPPED"),
    "cancel": (["ACCEPTED", "PACKED"], "CANCELLED"),
}
# Both workers may start at once: the lock, held to the end of the transaction, lets one of them create the table.
SCHEMA = """
    SELECT pg_advisory_xact_lock(1);
    CREATE TABLE IF NOT EXISTS parcels (id serial PRIMARY KEY, state text NOT NULL DEFAULT 'ACCEPTED')
"""


@contextlib.asynccontextmanager
async def connect(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=16) as pool:
        await pool.execute(SCHEMA)
        app.state.pool = pool
        yield


async def check_health(request: Request) -> Response:  # noqa: ARG001 - how endpoints are called
    return Response(status_code=204)


async def create(request: Request) -> Response:
    number = await request.app.state.pool.fetchval("INSERT INTO parcels DEFAULT VALUES RETURNING id")
    return JSONResponse({"parcel": {"number": number}}, status_code=201)


async def find_state(request: Request) -> str | None:
    query = "SELECT state FROM parcels WHERE id = $1"
    state: str | None = await request.app.state.pool.fetchval(query, request.path_params["number"])
    return state


async def read(request: Request) -> Response:
    state = await find_state(request)
    return Response(status_code=404) if state is None else JSONResponse({"parcel": {"state": state}})


async def print_label(request: Request) -> Response:
    """A guard: only a packed or a shipped parcel has a label."""
    state = await find_state(request)
    if state is None:
        return Response(status_code=404)
    return Response("a label") if state in ("PACKED", "SHIPPED") else Response(status_code=409)


def make_move(sources: list[str], to: str) -> Endpoint:
    async def move(request: Request) -> Response:
        query = "UPDATE parcels SET state = $2 WHERE id = $1 AND state = ANY($3)"
        done = await request.app.state.pool.execute(query, request.path_params["number"], to, sources)
        if done == "UPDATE 1":
            return Response(status_code=204)
        return Response(status_code=404 if await find_state(request) is None else 409)

    return move


app = Starlette(
    lifespan=connect,
    routes=[
        Route("/healthz", check_health),
        Route("/parcels", create, methods=["POST"]),
        Route("/parcels/{number:int}", read),
        Route("/parcels/{number:int}/label", print_label),
        *(
            Route(f"/parcels/{{number:int}}/{name}", make_move(*move), methods=["POST"], name=name)
            for name, move in MOVES.items()
        ),
    ],
)
