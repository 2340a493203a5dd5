"""Tests whether a database can be used. A program: the driver needs an event loop.

Reads a URL from standard input, because a command line would show its password. Prints
{"problem": one sentence or null, "connections": the number that can be opened}.
"""

import asyncio
import json
import sys

import asyncpg

VERSION_MIN = 14
VERSION_MAX = 18
LOCK_KEY = 7_160_311_908
FREE = """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')"""


async def probe(url: str, limit_s: float) -> tuple[str | None, int]:
    """The problem, or None if two sessions on a PostgreSQL 14 to 18 block each other; and the number of connections."""
    sessions: list[asyncpg.Connection] = []
    try:
        async with asyncio.timeout(limit_s):
            # No prepared statements, and each query in a transaction: so it works behind a pgbouncer too.
            for _ in range(2):
                sessions.append(await asyncpg.connect(url, timeout=limit_s, statement_cache_size=0))
                await sessions[-1].execute("BEGIN")
            problem = await compare(*sessions)
            return problem, 0 if problem is not None else len(sessions) + await sessions[0].fetchval(FREE)
    except TimeoutError:
        what = "two sessions could not run at the same time" if sessions else "it did not answer"
        return f"{what} within {limit_s:.0f} s", 0
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError) as error:
        return " ".join(str(error).split()) or type(error).__name__, 0
    finally:
        for session in sessions:
            session.terminate()


async def compare(first: asyncpg.Connection, second: asyncpg.Connection) -> str | None:
    """Why the server of two sessions, each in a transaction, cannot be used, or None."""
    version = first.get_server_version()
    if not VERSION_MIN <= version.major <= VERSION_MAX:
        return f"it is PostgreSQL {version.major}, and {VERSION_MIN} to {VERSION_MAX} are supported"
    if await first.fetchval("SELECT pg_is_in_recovery()"):
        return "it is a read-only standby"
    await first.fetchval("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
    if await second.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK_KEY):
        return "two sessions on it do not block each other, so a race on it would prove nothing"
    return None


def main() -> None:
    url = sys.stdin.read().strip()
    problem, connections = asyncio.run(probe(url, float(sys.argv[1])))
    print(json.dumps({"problem": problem, "connections": connections}))


if __name__ == "__main__":
    main()
