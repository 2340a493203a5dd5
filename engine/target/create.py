"""Reads [create] of a target file: a request, a command, or ids that are there already."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.target.tables import CreateTable
from engine.target.template import JmesPath, Template, braces, find_placeholders
from engine.target.workflow_factory import CreateCommand, IdPool

if TYPE_CHECKING:
    from engine.target.file import Reader

WAYS = ("request", "command", "ids")
# What a [service] is started with, and what a command may want to know of it.
SERVICE_VALUES = (
    "port", "database_url", "database_host", "database_port", "database_user", "database_password", "database_name",
)  # fmt: skip


def read_create(
    reader: "Reader", table: CreateTable, tenants: Mapping[str, object], *, served: bool
) -> Template | CreateCommand | IdPool:
    """The one way that the table names; any other number of ways is a mistake."""
    given = [way for way in WAYS if getattr(table, way) is not None]
    if not given:
        reader.fail("create", "says no way to a workflow; add request = ... with id = ..., or else command or ids")
    if len(given) > 1:
        reader.fail(
            f"create.{given[1]}", f"stands beside create.{given[0]}; a workflow comes from one of them, keep one"
        )
    if table.request is not None:
        if table.id is None:
            reader.fail("create.id", "is missing; add the JMESPath of the id in the answer to create.request")
        return reader.template("create.request", table.request, ("marker",))
    if table.id is not None:
        reader.fail("create.id", f"goes with create.request only; create.{given[0]} tells the ids itself, remove it")
    return read_command(reader, table, served=served) if table.command is not None else read_ids(reader, table, tenants)


def read_create_id(reader: "Reader", table: CreateTable) -> JmesPath | None:
    return reader.path("create.id", table.id) if table.id is not None else None


def read_command(reader: "Reader", table: CreateTable, *, served: bool) -> CreateCommand:
    words = tuple(table.command or ())
    if not words:
        reader.fail("create.command", "must name a program and its arguments")
    known = ("tenant", "request_id", "marker", *(SERVICE_VALUES if served else ()))
    for name in sorted(find_placeholders(words) - set(known)):
        reader.fail("create.command", f"{{{name}}} means nothing here; what can stand here: {braces(known)}")
    words = tuple(reader.resolve(f"create.command[{number}]", word) for number, word in enumerate(words))
    if not 0 < table.timeout_s < float("inf"):
        reader.fail("create.timeout_s", "must be more than 0 seconds")
    cwd = (reader.file.parent / table.cwd).resolve() if table.cwd else None
    return CreateCommand(words, str(cwd or Path.cwd()), table.timeout_s)


def read_ids(reader: "Reader", table: CreateTable, tenants: Mapping[str, object]) -> IdPool:
    owner = next(iter(tenants))
    told = table.ids if isinstance(table.ids, dict) else {owner: table.ids or []}
    pool = {tenant: tuple(str(each) for each in ids) for tenant, ids in told.items()}
    for tenant, ids in pool.items():
        key = f"create.ids.{tenant}" if isinstance(table.ids, dict) else "create.ids"
        if tenant not in tenants:
            reader.fail(key, f"there is no [tenants.{tenant}]; there are: {', '.join(tenants)}")
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            reader.fail(key, f"{twice[0]!r} stands there more than once; each id is used once, remove the second")
    if not pool.get(owner):
        reader.fail("create.ids", f"there is no id of {owner}, whose workflows are asked about; add at least one")
    return IdPool(pool)
