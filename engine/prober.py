"""Asks a database whether it can be used, and says why not. A program of its own: it needs the driver.

Reads a URL from standard input (a command line would show its password) and prints {"problem": words or null}.
"""

import asyncio
import json
import sys

import asyncpg

VERSION_MIN = 14
VERSION_MAX = 18
LOCK_KEY = 7_160_311_908


async def find_problem(url: str, limit_s: float) -> str | None:
    """None when two sessions of a PostgreSQL 14 to 18 really exclude each other; else what is wrong."""
    sessions: list[asyncpg.Connection] = []
    try:
        async with asyncio.timeout(limit_s):
            # Nothing is prepared, and every question is asked in a transaction: so it works behind a pgbouncer too.
            for _ in range(2):
                sessions.append(await asyncpg.connect(url, timeout=limit_s, statement_cache_size=0))
                await sessions[-1].execute("BEGIN")
            return await compare(*sessions)
    except TimeoutError:
        return f"{say_silence(len(sessions))} within {limit_s:.0f} s"
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    finally:
        for session in sessions:
            session.terminate()


async def compare(first: asyncpg.Connection, second: asyncpg.Connection) -> str | None:
    """What is wrong with the server behind two sessions, each in a transaction, or None."""
    version = first.get_server_version()
    if not VERSION_MIN <= version.major <= VERSION_MAX:
        return f"it is PostgreSQL {version.major}, and {VERSION_MIN} to {VERSION_MAX} are supported"
    if await first.fetchval("SELECT pg_is_in_recovery()"):
        return "it is a read-only standby"
    await first.fetchval("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
    if await second.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK_KEY):
        return "two sessions on it do not block each other, so nothing could be learned from races on it"
    return None


def say_silence(opened: int) -> str:
    """What did not come in time, with so many sessions open."""
    return "two sessions could not be at work at once" if opened else "it did not answer"


def main() -> None:
    url = sys.stdin.read().strip()
    problem = asyncio.run(find_problem(url, float(sys.argv[1])))
    print(json.dumps({"problem": problem}))


if __name__ == "__main__":
    main()
