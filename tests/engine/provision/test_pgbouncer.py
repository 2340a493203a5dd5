"""Goal: behind a pgbouncer in transaction mode the engine is as correct as without one.

Method: a real pgbouncer with more clients than server connections, so that a setting which a session keeps would reach
another client.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator

import asyncpg
import pytest

from engine.provision.database import Database, provide_database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.pgbouncer import SERVER_CONNECTIONS, start_bouncer
from engine.reference import workflows
from engine.reference.api import prepare
from engine.reference.errors import TransitionConflict
from engine.reference.part_types import Engine, Transition
from engine.reference.pool import Isolation
from engine.reference.sessions import open_pool, open_session, open_transaction
from engine.reference.variants import choose_parts
from tests.engine.probing import run_sql, spoil
from tests.engine.within import ANN, race

CLIENTS = 3 * SERVER_CONNECTIONS
LEVEL = "SHOW transaction_isolation"


@pytest.fixture(scope="module")
def bouncer(database: Database) -> Iterator[Database]:
    with start_bouncer(database) as reached:
        yield reached


@pytest.mark.needs("pgbouncer")
def test_it_asks_for_the_same_password(bouncer: Database, database: Database) -> None:
    assert (bouncer.host, bouncer.pooled) == ("127.0.0.1", True)
    assert bouncer.port != database.port
    assert run_sql(bouncer.url, "SELECT 1") == [1]
    with pytest.raises(asyncpg.PostgresError):
        run_sql(spoil(bouncer).url, "SELECT 1")


@pytest.mark.needs("pgbouncer")
def test_a_password_with_every_kind_of_quote(database: Database) -> None:
    password = 'it\'s "so" \\ %23;#'
    run_sql(database.url, f"""CREATE ROLE quoted LOGIN PASSWORD '{password.replace("'", "''")}'""")
    login = Database(database.host, database.port, "quoted", password, database.name)
    with start_bouncer(login) as reached:
        assert run_sql(reached.url, "SELECT current_user::text") == ["quoted"]


@pytest.mark.needs("pgbouncer")
def test_the_url_of_one_passes_the_test_with_two_sessions(bouncer: Database) -> None:
    with provide_database(bouncer.url) as given:
        assert given == Database(bouncer.host, bouncer.port, bouncer.user, bouncer.password, bouncer.name)


@pytest.mark.needs("pgbouncer")
def test_the_search_path_of_a_url_holds_behind_it(database: Database) -> None:
    with start_bouncer(database.within('it\'s, "so"')) as reached:
        assert run_sql(reached.url, "SHOW search_path") == ['it\'s, "so"']


@pytest.mark.needs("pgbouncer")
def test_no_level_leaks_to_those_who_share_a_connection(bouncer: Database) -> None:
    """Three pools at three levels, statement by statement and in transactions; afterwards all is as it was."""

    async def ask(level: Isolation) -> None:
        async with open_pool(bouncer.url, level, CLIENTS // 3, pooled=True) as pool:

            async def alone() -> str:
                async with open_session(pool) as session:
                    return str(await session.fetchval(LEVEL))

            async def together() -> str:
                async with open_transaction(pool) as session:
                    (row,) = await session.fetch(LEVEL)
                    assert await session.fetchval("SELECT $1::int", 1) == 1
                    return str(row[0])

            told = await asyncio.gather(*(question() for _ in range(60) for question in (alone, together)))
        assert set(told) == {level.value.lower()}

    async def run() -> set[object]:
        await asyncio.gather(*(ask(level) for level in Isolation))
        sessions = [await asyncpg.connect(bouncer.url, statement_cache_size=0) for _ in range(SERVER_CONNECTIONS)]
        try:
            settings = ("default_transaction_isolation", "statement_timeout")
            return {await session.fetchval(f"SHOW {name}") for session in sessions for name in settings}
        finally:
            for session in sessions:
                await session.close()

    assert asyncio.run(run()) == {"read committed", "0"}


@pytest.mark.needs("pgbouncer")
@pytest.mark.parametrize("level", Isolation)
def test_one_wins_at_every_level(bouncer: Database, database: Database, level: Isolation) -> None:
    async def run() -> Counter[type]:
        # Four at once, so that they would meet statements that another one prepared.
        await asyncio.gather(*(prepare(bouncer.url) for _ in range(4)))
        async with open_pool(bouncer.url, level, CLIENTS, pooled=True) as pool:
            engine = Engine(choose_parts(None), pool)
            made = [await workflows.create(engine, ANN) for _ in range(8)]
            races = [await race(engine, workflow.id, "CREATED", "ICP_PENDING", CLIENTS) for workflow in made]
        return Counter(type(answer) for answers in races for answer in answers)

    assert asyncio.run(run()) == {Transition: 8, TransitionConflict: 8 * (CLIENTS - 1)}


@pytest.mark.needs("pgbouncer")
def test_its_clients_share_fewer_connections(bouncer: Database) -> None:
    async def run() -> set[int]:
        async with open_pool(bouncer.url, Isolation.READ_COMMITTED, CLIENTS, pooled=True) as pool:

            async def ask() -> int:
                async with open_session(pool) as session:
                    return int(await session.fetchval("SELECT pg_backend_pid()"))

            return set(await asyncio.gather(*(ask() for _ in range(CLIENTS))))

    assert len(asyncio.run(run())) <= SERVER_CONNECTIONS


def test_a_program_that_is_missing_is_one_sentence(database: Database) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="apt-get install pgbouncer"),
        start_bouncer(database, "no-such-program"),
    ):
        raise AssertionError("unreachable")


def test_options_of_a_url_that_it_cannot_pass_on_are_named() -> None:
    database = Database("h", 1, "u", "p", "n", "sslmode=require&target_session_attrs=primary")
    with (
        pytest.raises(DatabaseUnavailable, match="the options target_session_attrs of"),
        start_bouncer(database, "true"),
    ):
        raise AssertionError("unreachable")


def test_a_program_that_is_no_pgbouncer_is_one_sentence(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="pgbouncer did not start"), start_bouncer(database, "true"):
        raise AssertionError("unreachable")
