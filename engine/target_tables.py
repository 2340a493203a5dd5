"""The tables of a target file, as they stand in it: names, types, defaults. Shapes only."""

from typing import Any

import msgspec

REFUSED = (400, 401, 403, 404, 422)


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """A table of the file; a key that it does not have is a mistake."""


class RequestTable(Table):
    method: str
    path: str
    json: Any = None
    headers: dict[str, str] = {}
    query: dict[str, str] = {}


class ServiceTable(Table):
    command: list[str]
    env: dict[str, str] = {}
    ready: str = "/"
    cwd: str | None = None
    ready_timeout_s: float = 30.0


class TenantTable(Table):
    headers: dict[str, str] = {}


class WorkflowTable(Table):
    initial: str
    transitions: dict[str, list[str]]


class CreateTable(Table):
    request: RequestTable
    id: str
    won: tuple[int, ...] = (201,)


class ReadTable(Table):
    request: RequestTable
    state: str
    ok: tuple[int, ...] = (200,)


class EdgeTable(Table, rename={"origin": "from"}):
    origin: str | list[str]
    to: str
    request: RequestTable
    name: str | None = None


class AdvanceTable(Table):
    request: RequestTable | None = None
    won: tuple[int, ...] = (200,)
    conflict: tuple[int, ...] = (409,)
    refused: tuple[int, ...] = REFUSED
    current_state: str | None = None
    edges: list[EdgeTable] = []
    serves_every_edge: bool = False


class GuardTable(Table):
    request: RequestTable
    open: list[str]
    closed: tuple[int, ...] = (409,)
    either: list[str] = []
    name: str | None = None


class AuditTable(Table, rename={"origin": "from"}):
    request: RequestTable
    entries: str
    origin: str
    to: str
    request_id: str | None = None


class EffectsTable(Table):
    request: RequestTable
    markers: str


class File(Table):
    """The whole file, as its tables stand in it."""

    name: str
    base_url: str
    workflow: WorkflowTable
    create: CreateTable
    read: ReadTable
    advance: AdvanceTable
    tenants: dict[str, TenantTable] = {}
    timeout_s: float = 5.0
    arrived_header: str | None = None
    service: ServiceTable | None = None
    guards: list[GuardTable] = []
    audit: AuditTable | None = None
    effects: EffectsTable | None = None
