"""Creates a schema, waits for the end of standard input, and drops the schema. A program: the driver needs a loop.

Reads a URL from the first line of standard input, because a command line would show its password. Its one argument is
the schema's name. Prints {"problem": one sentence or null} once after each of the two. If its owner is killed, its
standard input ends, too.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine

import asyncpg

LIMIT_S = 10.0
# Another session may still use the tables: a service whose owner was killed ends some seconds later.
ATTEMPTS_MAX = 4


async def execute(url: str, statement: str) -> None:
    async with asyncio.timeout(LIMIT_S + 2):
        # Through a pgbouncer, too: no prepared statement, and no setting that outlives the transaction.
        session = await asyncpg.connect(url, timeout=LIMIT_S, statement_cache_size=0)
        try:
            async with session.transaction():
                await session.execute(f"SET LOCAL lock_timeout = '{LIMIT_S:.0f}s'")
                await session.execute(statement)
        finally:
            session.terminate()


async def create(url: str, name: str) -> None:
    await execute(url, f"CREATE SCHEMA {name}")
    async with asyncio.timeout(LIMIT_S + 2):
        settings = {"search_path": name}
        session = await asyncpg.connect(url, timeout=LIMIT_S, statement_cache_size=0, server_settings=settings)
        try:
            if await session.fetchval("SELECT current_schema()") != name:
                raise ValueError("a session does not keep the search_path with which it begins")
        finally:
            session.terminate()


async def drop(url: str, name: str) -> None:
    await execute(url, f"DROP SCHEMA IF EXISTS {name} CASCADE")


def find_problem(change: Coroutine[None, None, None]) -> str | None:
    """Why the change failed; None if it did not."""
    try:
        asyncio.run(change)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return None


def tell(problem: str | None) -> None:
    # The owner may be gone.
    with contextlib.suppress(OSError):
        os.write(1, f"{json.dumps({'problem': problem})}\n".encode())


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    name = sys.argv[1]
    url = sys.stdin.readline().strip()
    tell(find_problem(create(url, name)))
    sys.stdin.read()
    problem = None
    for _ in range(ATTEMPTS_MAX):
        problem = find_problem(drop(url, name))
        if problem is None:
            break
    tell(problem)


if __name__ == "__main__":
    main()
