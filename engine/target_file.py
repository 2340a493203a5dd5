"""Reads a target file (TOML) into a Target. A mistake is one clear sentence with the key's path."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec

from engine.graph import TransitionGraph
from engine.target import Effects, Guard, Query, Route, Service, Target, Template, Trail
from engine.target_tables import (
    AdvanceTable,
    AuditTable,
    CreateTable,
    EdgeTable,
    EffectsTable,
    File,
    GuardTable,
    ReadTable,
    RequestTable,
    ServiceTable,
    Table,
    TenantTable,
    WorkflowTable,
)

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class TargetError(Exception):
    """A target file that cannot be used: where, what, and what to do about it, in one sentence."""


@dataclass(frozen=True)
class Reader:
    """Turns the tables into a Target, knowing the file's name for its sentences."""

    file: Path
    environment: Mapping[str, str] | None

    def fail(self, key: str, what: str) -> NoReturn:
        raise TargetError(f"{self.file}: {key}: {what}")

    def path(self, key: str, text: str) -> Query:
        try:
            return Query(text)
        except ValueError as error:
            self.fail(key, str(error))

    def template(self, key: str, table: RequestTable, allowed: Iterable[str], needed: Iterable[str] = ()) -> Template:
        if not table.path.startswith("/"):
            self.fail(f"{key}.path", f"{table.path!r} must begin with / (the host stands in base_url)")
        template = Template(table.method.upper(), table.path, table.json, table.headers, table.query)
        known = {*allowed, "request_id"}
        for name in sorted(template.placeholders - known):
            self.fail(key, f"{{{name}}} means nothing here; what can stand here: {braces(known)}")
        for name in needed:
            if name not in template.placeholders:
                self.fail(
                    key, f"nothing in the request carries {{{name}}}; put it into the path, query, headers or json"
                )
        return template

    def tenants(self, tables: Mapping[str, TenantTable]) -> dict[str, dict[str, str]]:
        return {
            name: {
                header: self.resolve(f"tenants.{name}.headers.{header}", value)
                for header, value in table.headers.items()
            }
            for name, table in (tables or {"default": TenantTable()}).items()
        }

    def resolve(self, key: str, text: str) -> str:
        """The text with every ${NAME} taken from the environment; as it stands when no environment is wanted."""
        if self.environment is None:
            return text
        for name in VARIABLE.findall(text):
            if name not in self.environment:
                self.fail(key, f"the environment variable {name} is not set; export it and run again")
        return VARIABLE.sub(lambda match: (self.environment or {})[match[1]], text)

    def graph(self, table: WorkflowTable) -> TransitionGraph:
        try:
            graph = TransitionGraph.of(table.initial, table.transitions)
        except ValueError as error:
            self.fail("workflow.transitions", f"{error}; write for each state the list of its next states")
        if not graph.successors.get(table.initial):
            close = suggest(table.initial, graph.states[1:])
            self.fail("workflow.initial", f"no transition leaves {table.initial!r}{close}")
        return graph

    def states(self, key: str, names: Sequence[str], graph: TransitionGraph) -> tuple[str, ...]:
        for name in names:
            if name not in graph.states:
                self.fail(key, f"{name!r} is no state of workflow.transitions{suggest(name, graph.states)}")
        return tuple(names)

    def routes(self, tables: Sequence[EdgeTable], graph: TransitionGraph) -> tuple[Route, ...]:
        return tuple(self.route(f"advance.edges[{index}]", table, graph) for index, table in enumerate(tables))

    def route(self, key: str, table: EdgeTable, graph: TransitionGraph) -> Route:
        origins = [table.origin] if isinstance(table.origin, str) else table.origin
        sources = self.states(f"{key}.from", origins, graph)
        self.states(f"{key}.to", [table.to], graph)
        for origin in sources:
            if not graph.allows(origin, table.to):
                self.fail(
                    key, f"{origin} -> {table.to} is not among workflow.transitions; add it there or remove it here"
                )
        template = self.template(f"{key}.request", table.request, ("id", "expected", "next", "marker"), ("id",))
        return Route(table.name or f"{table.request.method} {table.request.path}", template, sources, table.to)

    def general(self, table: AdvanceTable, routes: tuple[Route, ...], graph: TransitionGraph) -> Route | None:
        if table.request is not None:
            template = self.template("advance.request", table.request, ("id", "expected", "next", "marker"), ("id",))
            return Route("advance", template)
        served = {(origin, route.to) for route in routes for origin in route.sources or ()}
        for origin, to in graph.walk_edges():
            if (origin, to) not in served:
                self.fail(
                    "advance", f"no request serves {origin} -> {to}; add [advance] request or an [[advance.edges]]"
                )
        return None

    def guard(self, key: str, table: GuardTable, graph: TransitionGraph) -> Guard:
        template = self.template(f"{key}.request", table.request, ("id",), ("id",))
        opened = self.states(f"{key}.open", table.open, graph)
        either = self.states(f"{key}.either", table.either, graph)
        return Guard(table.name or table.request.path, template, opened, table.closed, either)

    def trail(self, table: AuditTable | None) -> Trail | None:
        if table is None:
            return None
        return Trail(
            self.template("audit.request", table.request, ("id",), ("id",)),
            self.path("audit.entries", table.entries),
            self.path("audit.from", table.origin),
            self.path("audit.to", table.to),
            self.path("audit.request_id", table.request_id) if table.request_id else None,
        )

    def effects(self, table: EffectsTable | None) -> Effects | None:
        if table is None:
            return None
        template = self.template("effects.request", table.request, ("id",), ("id",))
        return Effects(template, self.path("effects.markers", table.markers))

    def base_url(self, text: str, served: bool) -> str:
        if not re.match(r"https?://[^/]", text):
            self.fail("base_url", f"{text!r} must begin with http:// or https:// and name a host")
        if "{port}" in text and not served:
            self.fail(
                "base_url", "{port} needs a [service] that onewinner starts; write the port of the running service"
            )
        return text.rstrip("/")

    def service(self, table: ServiceTable | None) -> Service | None:
        if table is None:
            return None
        if not table.command:
            self.fail("service.command", "must name a program and its arguments")
        if not table.ready.startswith("/"):
            self.fail("service.ready", f"{table.ready!r} must be a path that begins with /")
        cwd = str((self.file.parent / table.cwd).resolve()) if table.cwd else None
        return Service(tuple(table.command), table.env, table.ready, cwd, table.ready_timeout_s)

    def told_ids(self, file: File, routes: tuple[Route, ...], general: Route | None) -> None:
        """A trail's request ids mean something only when every advance carries ours."""
        if file.audit is None or file.audit.request_id is None:
            return
        for route in (*routes, *filter(None, [general])):
            if "request_id" not in route.template.placeholders:
                self.fail(
                    "audit.request_id", f"the request of {route.name!r} does not carry {{request_id}}; add it there"
                )

    def distinct(self, table: AdvanceTable) -> None:
        """No status means two things."""
        named = {"won": table.won, "conflict": table.conflict, "refused": table.refused}
        pairs = [("won", "conflict"), ("won", "refused"), ("conflict", "refused")]
        for first, second in pairs:
            for status in sorted(set(named[first]) & set(named[second])):
                self.fail(f"advance.{second}", f"{status} is also in advance.{first}; a status can mean one thing only")

    def read(self, file: File) -> Target:
        graph = self.graph(file.workflow)
        routes = self.routes(file.advance.edges, graph)
        general = self.general(file.advance, routes, graph)
        self.distinct(file.advance)
        self.told_ids(file, routes, general)
        current_state = file.advance.current_state
        return Target(
            name=file.name,
            base_url=self.base_url(file.base_url, file.service is not None),
            timeout_s=file.timeout_s if file.timeout_s > 0 else self.fail("timeout_s", "must be more than 0 seconds"),
            tenants=self.tenants(file.tenants),
            graph=graph,
            create=self.template("create.request", file.create.request, ("marker",)),
            create_id=self.path("create.id", file.create.id),
            create_won=file.create.won,
            read=self.template("read.request", file.read.request, ("id",), ("id",)),
            read_state=self.path("read.state", file.read.state),
            read_ok=file.read.ok,
            general=general,
            routes=routes,
            general_serves_all=file.advance.serves_every_edge,
            won=file.advance.won,
            conflict=file.advance.conflict,
            refused=file.advance.refused,
            current_state=self.path("advance.current_state", current_state) if current_state else None,
            arrived_header=file.arrived_header,
            guards=tuple(self.guard(f"guards[{index}]", table, graph) for index, table in enumerate(file.guards)),
            trail=self.trail(file.audit),
            effects=self.effects(file.effects),
            service=self.service(file.service),
        )


def load_target(file: Path, environment: Mapping[str, str] | None = os.environ) -> Target:
    """The Target that a file describes. Raises TargetError. With environment=None, ${NAME} stays as it stands."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TargetError(f"{file}: cannot be read: {reason}; name an existing target file with --target") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{file}: is not TOML: {error}") from None
    try:
        tables = msgspec.convert(document, File)
    except msgspec.ValidationError as error:
        raise TargetError(f"{file}: {explain_shape(str(error))}") from None
    return Reader(file, environment).read(tables)


def explain_shape(message: str) -> str:
    """msgspec's sentence, with the key's path in front as it stands in the file."""
    what, _, where = message.partition(" - at `$")
    key = where.rstrip("`").lstrip(".").replace("[...]", "")
    unknown = re.search(r"unknown field `([^`]+)`", what)
    missing = re.search(r"missing required field `([^`]+)`", what)
    if unknown:
        return f"{join(key, unknown[1])}: is no key of a target file{suggest(unknown[1], known_keys(key))}"
    if missing:
        return f"{join(key, missing[1])}: is missing"
    return f"{key or 'the file'}: {what[0].lower()}{what[1:]}"


def join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def known_keys(key: str) -> list[str]:
    """The keys that may stand in the table at `key`; for a table that cannot be found, those of all tables."""
    last = re.sub(r"\[\d*\]", "", key.rsplit(".", 1)[-1])
    tables: dict[str, type[Table]] = {
        "": File, "service": ServiceTable, "workflow": WorkflowTable, "create": CreateTable, "read": ReadTable,
        "advance": AdvanceTable, "edges": EdgeTable, "guards": GuardTable, "audit": AuditTable,
        "effects": EffectsTable, "request": RequestTable,
    }  # fmt: skip
    return [field.encode_name for field in msgspec.structs.fields(tables.get(last, TenantTable))]


def suggest(word: str, known: Iterable[str]) -> str:
    options = list(known)
    close = difflib.get_close_matches(word, options, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(options)}" if options else ""


def braces(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
