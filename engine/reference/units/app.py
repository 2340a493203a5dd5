"""The engine of units as an ASGI application: the routes of vouchers and jobs. It decides nothing itself."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, TypeVar
from uuid import UUID, uuid4

import asyncpg
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from engine.reference.api import Endpoint, check_health, refuse_route
from engine.reference.bodies import Body, parse, parse_nothing
from engine.reference.error_answers import STATUSES
from engine.reference.errors import EngineError, SchemaUnavailable
from engine.reference.part_types import report_fully
from engine.reference.pool import Pool
from engine.reference.retries import retry
from engine.reference.routes import AuthenticatedRequest
from engine.reference.sessions import open_pool, open_session
from engine.reference.settings import Settings
from engine.reference.units import jobs, vouchers
from engine.reference.units.parts import UnitEngine, UnitParts
from engine.reference.units.schema import create_tables
from engine.reference.variant_tables import LIMIT_S, remove_additions
from engine.reference.variants import choose_unit_parts

PREFIX = "/api/units"
T = TypeVar("T")


class NotFoundError(EngineError):
    """There is no such thing in this organization."""

    reason = "not_found"


class UsedUpError(EngineError):
    """None is left."""

    reason = "used_up"


class VoucherRequest(Body, frozen=True):
    """How many uses a new voucher is to have."""

    uses: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Voucher(Body, frozen=True):
    """A voucher as it is now."""

    id: UUID
    uses: int
    left: int


class Redemption(Body, frozen=True):
    """One use of a voucher."""

    id: UUID
    voucher: UUID


class Job(Body, frozen=True):
    """A job of the queue."""

    id: int


class NothingLeft(Body, frozen=True):
    """An answer without content."""


decode_voucher = msgspec.json.Decoder(VoucherRequest).decode


async def create_voucher(request: AuthenticatedRequest) -> tuple[int, Body]:
    asked = parse(decode_voucher, request.body)
    voucher = Voucher(uuid4(), asked.uses, asked.uses)
    await ask(request, lambda pool: fetch(pool, vouchers.CREATE, voucher.id, organization(request), asked.uses))
    return 201, voucher


async def read_voucher(request: AuthenticatedRequest) -> tuple[int, Body]:
    return 200, await find_voucher(request, read_id(request))


async def redeem(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    voucher, redemption = read_id(request), uuid4()
    engine = find_engine(request)
    if not await ask(request, lambda pool: engine.parts.redeem(pool, voucher, organization(request), redemption)):
        await find_voucher(request, voucher)
        raise UsedUpError
    return 201, Redemption(redemption, voucher)


async def restore(request: AuthenticatedRequest) -> tuple[int, Body]:
    engine, redemption = find_engine(request), read_id(request)
    if not await ask(request, lambda pool: engine.parts.restore(pool, redemption, organization(request))):
        raise NotFoundError
    return 200, NothingLeft()


async def put_job(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    job = await ask(request, lambda pool: fetch(pool, jobs.PUT, organization(request)))
    return 201, Job(job or 0)


async def claim_job(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    engine = find_engine(request)
    job = await ask(request, lambda pool: engine.parts.claim(pool, organization(request)))
    if job is None:
        raise UsedUpError
    return 200, Job(job)


async def give_up_job(request: AuthenticatedRequest) -> tuple[int, Body]:
    parse_nothing(request.body)
    text = request.path["id"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    found = await ask(request, lambda pool: fetch(pool, jobs.GIVE_UP, number, organization(request)))
    if found is None:
        raise NotFoundError
    return 200, Job(found)


ROUTES: Mapping[str, Mapping[str, Callable[[AuthenticatedRequest], Awaitable[tuple[int, Body]]]]] = {
    "/vouchers": {"POST": create_voucher},
    "/vouchers/{id}": {"GET": read_voucher},
    "/vouchers/{id}/redemptions": {"POST": redeem},
    "/redemptions/{id}": {"DELETE": restore},
    "/jobs": {"POST": put_job},
    "/jobs/claim": {"POST": claim_job},
    "/jobs/{id}/release": {"POST": give_up_job},
}


def find_engine(request: AuthenticatedRequest) -> UnitEngine:
    engine: object = request.engine
    assert isinstance(engine, UnitEngine)
    return engine


def organization(request: AuthenticatedRequest) -> str:
    return request.caller.organization_id


def read_id(request: AuthenticatedRequest) -> UUID:
    """The id in the path. Raises NotFoundError, also for text that is no id."""
    try:
        return UUID(request.path["id"])
    except ValueError:
        raise NotFoundError from None


async def find_voucher(request: AuthenticatedRequest, voucher: UUID) -> Voucher:
    """Raises NotFoundError, also for another organization's."""
    sql = vouchers.READ.format(left=find_engine(request).parts.left)

    async def read(pool: Pool) -> Voucher:
        async with open_session(pool) as session:
            row = await session.fetchrow(sql, voucher, organization(request))
        if row is None:
            raise NotFoundError
        return Voucher(*row)

    return await ask(request, read)


async def ask(request: AuthenticatedRequest, question: Callable[[Pool], Awaitable[T]]) -> T:
    """Asks the database, and again where it rolled the transaction back."""
    engine = find_engine(request)
    return await retry(lambda: question(engine.pool), engine.attempts_max)


async def fetch(pool: Pool, sql: str, *values: object) -> int | None:
    async with open_session(pool) as session:
        found: int | None = await session.fetchval(sql, *values)
        return found


def create_app(settings: Settings) -> Starlette:
    """The engine as an ASGI application. Await `prepare` on the database first. Raises UnknownVariant."""
    parts: UnitParts = choose_unit_parts(settings.defect, settings.control)
    statuses = {**STATUSES, NotFoundError: 404, UsedUpError: 409}

    @contextlib.asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[dict[str, UnitEngine]]:
        async with open_pool(
            settings.database_url, settings.isolation, settings.pool_size, pooled=settings.pooled
        ) as pool:
            yield {"engine": UnitEngine(parts, pool)}

    routes = [
        Route(PREFIX + path, Endpoint(handlers, settings.secret, statuses, report_fully), methods=list(handlers))
        for path, handlers in ROUTES.items()
    ]
    return Starlette(
        routes=[*routes, Route("/healthz", check_health)],
        lifespan=live,
        exception_handlers={HTTPException: refuse_route},
    )


async def prepare(database_url: str, defect: str | None = None, control: str | None = None) -> None:
    """Creates the tables that are missing, and removes the additions of other variants. Safe to repeat.

    Raises SchemaUnavailable or UnknownVariant.
    """
    name, parts = defect or control or "", choose_unit_parts(defect, control)
    try:
        await remove_additions(database_url, but_of=name)
        session = await asyncpg.connect(database_url, timeout=LIMIT_S, statement_cache_size=0)
        try:
            await create_tables(session)
            for addition in parts.additions:
                for statement in addition.list_statements(name):
                    await session.execute(statement)
        finally:
            await session.close(timeout=LIMIT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SchemaUnavailable(f"The tables could not be created: {error}") from error
