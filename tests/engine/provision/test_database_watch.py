"""Goal: the watch notes when a database was away. Method: a real one that crashes, and one that stays."""

import asyncio
import threading
import time

import asyncpg
import pytest

from engine.provision.database import start_embedded
from engine.provision.database_crash import crash
from engine.provision.database_watch import hold, watch_database
from engine.provision.pgbouncer import start_bouncer
from tests.engine.probing import eventually, run_sql

WATCHERS = "SELECT count(*)::int FROM pg_stat_activity WHERE query = 'SELECT 1'"


def test_a_crash_is_a_gap_and_a_quiet_time_is_none() -> None:
    with start_embedded() as database, watch_database(database) as gaps:
        assert eventually(lambda: run_sql(database.url, WATCHERS) == [1])
        assert gaps == []
        began_ns = time.monotonic_ns()
        asyncio.run(crash(database))
        assert eventually(lambda: run_sql(database.url, WATCHERS) == [1])
        ((at_ns, until_ns),) = gaps
        # The last query that it answered was shortly before.
        assert at_ns < until_ns
        assert began_ns < until_ns < time.monotonic_ns()


def test_sessions_that_are_ended_are_a_gap_too() -> None:
    async def end_all(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT 1'")
        await connection.close()

    with start_embedded() as database, watch_database(database) as gaps:
        assert eventually(lambda: run_sql(database.url, WATCHERS) == [1])
        asyncio.run(end_all(database.url))
        assert eventually(lambda: len(gaps) == 1)


def test_a_database_that_does_not_come_back_is_a_gap_to_the_end() -> None:
    with start_embedded() as database:
        watching = watch_database(database)
        gaps = watching.__enter__()
        assert eventually(lambda: run_sql(database.url, WATCHERS) == [1])
    watching.__exit__(None, None, None)
    assert len(gaps) == 1


def test_without_a_database_there_is_nothing_to_watch() -> None:
    with watch_database(None) as gaps:
        assert gaps == []


@pytest.mark.needs("pgbouncer")
def test_behind_a_pgbouncer_a_shared_session_is_no_gap() -> None:
    """Two watches share one session there; a statement that both prepare would exist already."""
    asked: set[object] = set()

    def look() -> bool:
        asked.update(run_sql(database.url, "SELECT max(query_start) FROM pg_stat_activity WHERE query = 'SELECT 1'"))
        return len(asked - {None}) >= 8

    with start_embedded() as database, start_bouncer(database) as bouncer:
        with watch_database(bouncer) as one, watch_database(bouncer) as other:
            assert eventually(look)
        assert (one, other) == ([], [])


@pytest.mark.parametrize("error", [asyncpg.InternalClientError("another operation is in progress"), OSError("reset")])
def test_a_driver_that_is_confused_by_the_end_of_a_session_tells_a_gap(error: Exception) -> None:
    class Ended:
        async def execute(self, query: str) -> None:  # noqa: ARG002 - it has ended
            raise error

    assert asyncio.run(hold(Ended(), threading.Event())) is not None  # type: ignore[arg-type]
