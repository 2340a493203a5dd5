"""The reference engine as an ASGI application: reads requests, identifies callers, and sends the answers.

It decides nothing about workflows. It refuses a request with 401, 422, 404 or 409, in this order.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.reference import tokens, variants
from engine.reference.bodies import BODY_BYTES_MAX, Body, ErrorAnswer, HealthAnswer, encode
from engine.reference.error_answers import STATUSES, UNKNOWN_STATUS, refuse
from engine.reference.errors import EngineError, MalformedRequest, Refused, SchemaUnavailable
from engine.reference.keys import make_key
from engine.reference.openapi import PREFIX, describe_api
from engine.reference.part_types import Caller, Engine, Parts
from engine.reference.pool import Pool
from engine.reference.routes import ROUTES, AuthenticatedRequest, Handler, advance, create
from engine.reference.sessions import open_pool, open_session
from engine.reference.settings import Settings
from engine.reference.variant_tables import remove_additions

log = logging.getLogger("onewinner.engine")

REQUEST_ID_LENGTH_MAX = 200
ARRIVED = "onewinner.arrived_ns"
DRAINED_BYTES_MAX = 64 << 20


@dataclass(frozen=True)
class Endpoint:
    """The ASGI application of one path; `handlers` are by HTTP method."""

    handlers: Mapping[str, Handler]
    secret: str
    statuses: Mapping[type[EngineError], int]
    report: Callable[[Refused], Refused]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        # The server notes when the last byte came. Without its note, now is the earliest time that we know.
        arrived_ns: int = scope.get(ARRIVED) or time.monotonic_ns()
        authorization, request_id = read_headers(scope)
        try:
            claims = tokens.read_header(authorization, self.secret)
            if body is None:
                raise MalformedRequest(f"The request's body is larger than {BODY_BYTES_MAX} bytes.")
            caller = Caller(claims.organization_id, claims.actor, request_id)
            request = AuthenticatedRequest(
                scope["state"]["engine"], caller, scope["path_params"], body, read_key(scope)
            )
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            status, answer = await self.answer(self.handlers[method], request)
        except EngineError as error:
            status, answer = self.describe(error)
        except Exception:
            log.exception("request %s failed", request_id)
            status, answer = UNKNOWN_STATUS, ErrorAnswer("Internal error.", "internal_error")
        await reply(send, status, answer, request_id, arrived_ns)

    async def answer(self, handler: Handler, request: AuthenticatedRequest) -> tuple[int, Any]:
        """The handler's answer, or the stored one of the request's idempotency key. Raises EngineError."""
        if request.key is None or handler not in (advance, create):
            return await handler(request)

        async def act(engine: Engine) -> tuple[int, Any]:
            try:
                return await handler(replace(request, engine=engine))
            except Refused as error:
                return self.describe(error)

        engine, asked = request.engine, (request.workflow_id().bytes if request.path else b"", request.body)
        key = make_key(request.caller.organization_id, request.key, *asked)
        return await engine.parts.answer_once(engine, key, act)

    def describe(self, error: EngineError) -> tuple[int, Body]:
        return refuse(self.report(error) if isinstance(error, Refused) else error, self.statuses)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None if it is too large. Then we still read it, so that the client can read the answer."""
    chunks: list[bytes] = []
    size = 0
    while size <= DRAINED_BYTES_MAX:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_BYTES_MAX:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks) if size <= BODY_BYTES_MAX else None


def read_headers(scope: Scope) -> tuple[str | None, str]:
    """The Authorization header, and the id of the request: the caller's, or a new one if that cannot be stored."""
    authorization = request_id = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"x-request-id":
            request_id = value.decode("latin-1")
    usable = (
        request_id and len(request_id) <= REQUEST_ID_LENGTH_MAX and request_id.isascii() and request_id.isprintable()
    )
    return authorization, request_id if request_id and usable else uuid4().hex


def read_key(scope: Scope) -> str | None:
    """The header Idempotency-Key."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"idempotency-key"), None)


async def reply(send: Send, status: int, answer: Any, request_id: str, arrived_ns: int) -> None:
    """Sends the answer. X-Arrived-Ns is the monotonic time at which the whole request had arrived."""
    content = encode(answer)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"x-request-id", request_id.encode()),
        (b"x-arrived-ns", b"%d" % arrived_ns),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def check_health(request: Request) -> Response:
    """Answers 200 if the database answers."""
    try:
        async with open_session(request.state.engine.pool) as session:
            await session.fetchval("SELECT 1")
    except EngineError as error:
        return respond(request, *refuse(error, STATUSES))
    return respond(request, 200, HealthAnswer("ok"))


async def show_document(request: Request) -> Response:
    return respond(request, 200, describe_api())


async def refuse_route(request: Request, error: Exception) -> Response:
    """Answers a request to an unknown route, or with a method that the route does not have."""
    assert isinstance(error, HTTPException)
    answer = ErrorAnswer(f"{error.detail}.", error.detail.lower().replace(" ", "_"))
    return respond(request, error.status_code, answer, error.headers)


def respond(request: Request, status: int, answer: object, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of a route that needs no caller."""
    _, request_id = read_headers(request.scope)
    ours = {"x-request-id": request_id, "x-arrived-ns": str(time.monotonic_ns())}
    return Response(encode(answer), status, {**(headers or {}), **ours}, "application/json")


def create_app(settings: Settings) -> Starlette:
    """The engine as an ASGI application. Its lifespan opens and closes the connections.

    Await `prepare` on the database first. Raises UnknownVariant.
    """
    sink = settings.sink
    parts = variants.choose_parts(settings.defect, settings.control, sends=sink is not None)
    statuses = {**STATUSES, **parts.statuses}

    @contextlib.asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[dict[str, Engine]]:
        url, size = settings.database_url, settings.pool_size
        opened = open_pool(url, settings.isolation, size, pooled=settings.pooled)
        async with opened as pool, send_meanwhile(parts, pool, sink):
            yield {"engine": Engine(parts, pool, sink=sink)}

    routes = [
        Route(PREFIX + path, Endpoint(handlers, settings.secret, statuses, parts.report), methods=list(handlers))
        for path, handlers in ROUTES.items()
    ]
    routes += [Route("/healthz", check_health), Route("/openapi.json", show_document)]
    app = Starlette(
        routes=routes,
        lifespan=live,
        exception_handlers={HTTPException: refuse_route},
        middleware=parts.middleware,
    )
    app.router.redirect_slashes = False
    return app


@contextlib.asynccontextmanager
async def send_meanwhile(parts: Parts, pool: Pool, sink: str | None) -> AsyncIterator[None]:
    """Sends the messages of the outbox, if there is one, until the block is left."""
    if parts.send is None or sink is None:
        yield
        return
    sending = asyncio.create_task(parts.send(pool, sink))
    try:
        yield
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


async def prepare(database_url: str, defect: str | None = None, control: str | None = None) -> None:
    """Creates the tables of this variant that are missing, and removes the additions of other variants.

    Safe to repeat. Raises SchemaUnavailable or UnknownVariant.
    """
    parts = variants.choose_parts(defect, control)
    # Unique names: behind a pgbouncer, another session may have prepared a statement under the default name.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={
            "dsn": database_url,
            "statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"onewinner_{uuid4().hex}",
        },
    )
    try:
        await remove_additions(database_url, but_of=defect or control or "")
        async with engine.begin() as connection:
            await parts.create_tables(connection)
            for addition in parts.additions:
                for statement in addition.list_statements(defect or control or ""):
                    await connection.execute(text(statement))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        problem = " ".join(str(getattr(error, "orig", error)).split())
        raise SchemaUnavailable(f"The tables could not be created: {problem}") from error
    finally:
        await engine.dispose()
