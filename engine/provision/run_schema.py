"""Gives a run a schema of its own in a database that belongs to the user, and drops it at the end."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from engine.provision.database_address import Database
from engine.provision.errors import DatabaseUnavailable
from engine.provision.processes import hold_signals
from engine.target.notices import say

PREFIX = "onewinner_"
# The keeper gives up before.
END_LIMIT_S = 60.0

Keeper = subprocess.Popen[str]


@contextmanager
def open_schema(provided: AbstractContextManager[Database]) -> Iterator[Database]:
    """The same database, with a new schema as its search path. Raises DatabaseUnavailable.

    Everything that is created there without a schema's name is in this schema, and is dropped with it when the block is
    left. A process of its own does that, also when this one is killed.
    """
    with provided as database:
        name = f"{PREFIX}{secrets.token_hex(8)}"
        with hold_signals():
            keeper, problem = start_keeper(database.url, name)
        if problem is not None:
            end_keeper(keeper)
            raise DatabaseUnavailable(
                f"In the database {database.public_url} no schema could be created for this run: {problem}; "
                "grant the user CREATE on the database, and name the server itself, no pgbouncer; "
                "or pass --database embedded."
            )
        try:
            yield database.within(name)
        finally:
            with hold_signals():
                problem = end_keeper(keeper)
            if problem is not None:
                say(
                    f"onewinner: the schema of this run was not dropped ({problem}); "
                    f"drop it: DROP SCHEMA {name} CASCADE"
                )


def start_keeper(url: str, name: str) -> tuple[Keeper, str | None]:
    """The keeper of the schema, and why it could not create it. The URL is no argument: it may have a password."""
    keeper = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("schema_keeper.py")), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Ctrl-C in a terminal must not end it.
        start_new_session=True,
    )
    assert keeper.stdin is not None
    with suppress(OSError):
        keeper.stdin.write(f"{url}\n")
        keeper.stdin.flush()
    return keeper, read_problem(keeper)


def end_keeper(keeper: Keeper) -> str | None:
    """Lets the keeper drop the schema. Returns why it did not."""
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with suppress(OSError):
        keeper.stdin.close()
    problem = read_problem(keeper)
    try:
        keeper.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
    keeper.stdout.close()
    return problem


def read_problem(keeper: Keeper) -> str | None:
    assert keeper.stdout is not None
    line = keeper.stdout.readline()
    problem: str | None = json.loads(line)["problem"] if line else "the process that keeps it has ended"
    return problem
