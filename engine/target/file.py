"""Reads a target file (TOML) into a Target. A mistake is one clear sentence with the key's path."""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import msgspec

from engine.target import checks
from engine.target.create import read_create, read_create_id
from engine.target.graph import TransitionGraph
from engine.target.shape import explain_shape, suggest
from engine.target.tables import (
    REFUSED,
    WINNERS,
    AdvanceTable,
    AuditTable,
    EdgeTable,
    EffectsTable,
    File,
    GuardTable,
    RequestTable,
    ServiceTable,
    TenantTable,
    WorkflowTable,
)
from engine.target.target import Effects, Guard, JmesPath, Route, Service, Spelling, Target, Template, Trail
from engine.target.template import braces

# The name of the route that serves any edge.
GENERAL = "advance"
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

    def path(self, key: str, text: str) -> JmesPath:
        try:
            return JmesPath(text)
        except ValueError as error:
            self.fail(key, str(error))

    def template(self, key: str, table: RequestTable, allowed: Iterable[str], needed: Iterable[str] = ()) -> Template:
        if found := checks.check_request(table):
            name, _, what = found.partition(": ")
            self.fail(f"{key}.{name}", what)
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
        tenants = {}
        for name, table in (tables or {"default": TenantTable()}).items():
            key = f"tenants.{name}.headers"
            headers = {header: self.resolve(f"{key}.{header}", value) for header, value in table.headers.items()}
            if found := checks.check_headers(headers):
                header, _, what = found.partition(": ")
                self.fail(f"{key}.{header}", what)
            tenants[name] = headers
        return tenants

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
        if found := checks.check_graph(graph):
            self.fail(f"workflow.{found[0]}", found[1])
        return graph

    def spelling(self, table: WorkflowTable, graph: TransitionGraph) -> Spelling:
        if found := checks.check_spelling(table.spelling, graph):
            self.fail(f"workflow.spelling.{found[0]}", found[1])
        return Spelling(table.spelling)

    def states(self, key: str, names: Sequence[str], graph: TransitionGraph) -> tuple[str, ...]:
        for name in names:
            if name not in graph.states:
                self.fail(key, f"{name!r} is no state of workflow.transitions{suggest(name, graph.states)}")
        return tuple(names)

    def routes(self, tables: Sequence[EdgeTable], table: AdvanceTable, graph: TransitionGraph) -> tuple[Route, ...]:
        """The routes of edges. Those that are one request into one state are one route, out of all of their sources."""
        merged: dict[object, Route] = {}
        for index, edge in enumerate(tables):
            route = self.route(index, edge, table, graph)
            first = merged.setdefault(route.identity, route)
            sources = dict.fromkeys([*(first.sources or ()), *(route.sources or ())])
            merged[route.identity] = replace(first, sources=tuple(sources))
        names = name_apart((route.name, route.to or "") for route in merged.values())
        return tuple(replace(route, name=name) for route, name in zip(merged.values(), names, strict=True))

    def route(self, index: int, table: EdgeTable, advance: AdvanceTable, graph: TransitionGraph) -> Route:
        key = f"advance.edges[{index}]"
        origins = [table.origin] if isinstance(table.origin, str) else table.origin
        sources = self.states(f"{key}.from", origins, graph)
        self.states(f"{key}.to", [table.to], graph)
        for origin in sources:
            if not graph.allows(origin, table.to):
                self.fail(
                    key, f"{origin} -> {table.to} is not among workflow.transitions; add it there or remove it here"
                )
        template = self.template(f"{key}.request", table.request, ("id", "expected", "next", "marker"), ("id",))
        name = table.name or f"{table.request.method} {table.request.path}"
        told = self.told(f"{key}.won_state", table.won_state) or self.told("advance.won_state", advance.won_state)
        return Route(name, template, sources, table.to, told, index)

    def told(self, key: str, text: str | None) -> JmesPath | None:
        """Where an answer tells a state, if it does."""
        return None if text is None else self.path(key, text)

    def general(self, table: AdvanceTable, routes: tuple[Route, ...], graph: TransitionGraph) -> Route | None:
        if table.request is not None:
            template = self.template("advance.request", table.request, ("id", "expected", "next", "marker"), ("id",))
            return Route(GENERAL, template, won_state=self.told("advance.won_state", table.won_state))
        served = {(origin, route.to or "") for route in routes for origin in route.sources or ()}
        if found := checks.check_edges(table, served, graph):
            self.fail("advance", found)
        return None

    def guards(self, tables: Sequence[GuardTable], graph: TransitionGraph) -> tuple[Guard, ...]:
        guards = [self.guard(f"guards[{index}]", table, graph) for index, table in enumerate(tables)]
        names = name_apart((guard.name, "") for guard in guards)
        return tuple(replace(guard, name=name) for guard, name in zip(guards, names, strict=True))

    def guard(self, key: str, table: GuardTable, graph: TransitionGraph) -> Guard:
        template = self.template(f"{key}.request", table.request, ("id",), ("id",))
        opened = self.states(f"{key}.open", table.open, graph)
        either = self.states(f"{key}.either", table.either, graph)
        self.statuses(key, closed=table.closed)
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
        if table.winners not in WINNERS:
            self.fail("effects.winners", f'must be "once" or "any", not {table.winners!r}')
        template = self.template("effects.request", table.request, ("id",), ("id",))
        return Effects(template, self.path("effects.markers", table.markers), table.winners)

    def base_url(self, text: str, *, served: bool) -> str:
        if found := checks.check_base_url(text, served=served):
            self.fail("base_url", found)
        return text.rstrip("/")

    def service(self, table: ServiceTable | None) -> Service | None:
        if table is None:
            return None
        if not table.command:
            self.fail("service.command", "must name a program and its arguments")
        if not table.ready.startswith("/"):
            self.fail("service.ready", f"{table.ready!r} must be a path that begins with /")
        self.seconds("service.ready_timeout_s", table.ready_timeout_s)
        cwd = str((self.file.parent / table.cwd).resolve()) if table.cwd else None
        return Service(tuple(table.command), table.env, table.ready, cwd, table.ready_timeout_s, table.restart)

    def told_ids(self, file: File, routes: tuple[Route, ...], general: Route | None) -> None:
        """A trail's request ids mean something only when every advance carries ours."""
        if file.audit is None or file.audit.request_id is None:
            return
        for route in (*routes, *filter(None, [general])):
            if "request_id" not in route.template.placeholders:
                self.fail(
                    "audit.request_id", f"the request of {route.name!r} does not carry {{request_id}}; add it there"
                )

    def seconds(self, key: str, value: float) -> float:
        return value if 0 < value < float("inf") else self.fail(key, "must be more than 0 seconds")

    def statuses(self, key: str, **named: Sequence[int]) -> None:
        """Each is a status, and none means two things."""
        if found := checks.check_statuses(named):
            self.fail(f"{key}.{found[0]}", found[1])

    def refused(self, table: AdvanceTable) -> tuple[int, ...]:
        """What is refused; where the file does not say it, the usual statuses that mean nothing else in it."""
        taken = (*table.won, *table.conflict, *table.busy)
        refused = tuple(status for status in REFUSED if status not in taken) if table.refused is None else table.refused
        self.statuses("advance", won=table.won, conflict=table.conflict, refused=refused, busy=table.busy)
        return refused

    def busy(self, file: File) -> tuple[int, ...]:
        """What says "try again". It says so in every answer, so it may have no other meaning anywhere."""
        others = {"create.won": file.create.won, "read.ok": file.read.ok}
        others |= {f"guards[{index}].closed": table.closed for index, table in enumerate(file.guards)}
        for key, statuses in others.items():
            for status in sorted(set(statuses) & set(file.advance.busy)):
                self.fail(key, f"{status} is also in advance.busy; a status can mean one thing only")
        return file.advance.busy

    def check_requests(self, target: Target) -> None:
        if found := target.find_ambiguous():
            ways = " and from ".join(f"{origin} to {to}" for origin, to in found)
            self.fail(
                "advance",
                f"the same request leads from {ways}, so a win does not tell which move it made; put {{next}} or "
                "{expected} into it, or give each move a request of its own",
            )

    def read(self, file: File) -> Target:
        graph = self.graph(file.workflow)
        routes = self.routes(file.advance.edges, file.advance, graph)
        general = self.general(file.advance, routes, graph)
        self.told_ids(file, routes, general)
        self.statuses("create", won=file.create.won)
        self.statuses("read", ok=file.read.ok)
        tenants = self.tenants(file.tenants)
        target = Target(
            name=file.name,
            base_url=self.base_url(file.base_url, served=file.service is not None),
            timeout_s=self.seconds("timeout_s", file.timeout_s),
            tenants=tenants,
            graph=graph,
            create=read_create(self, file.create, tenants, served=file.service is not None),
            create_id=read_create_id(self, file.create),
            create_won=file.create.won,
            read=self.template("read.request", file.read.request, ("id",), ("id",)),
            read_state=self.path("read.state", file.read.state),
            read_ok=file.read.ok,
            general=general,
            routes=routes,
            general_serves_all=file.advance.serves_every_edge,
            won=file.advance.won,
            conflict=file.advance.conflict,
            refused=self.refused(file.advance),
            busy=self.busy(file),
            current_state=self.told("advance.current_state", file.advance.current_state),
            spelling=self.spelling(file.workflow, graph),
            arrived_header=file.arrived_header,
            guards=self.guards(file.guards, graph),
            trail=self.trail(file.audit),
            effects=self.effects(file.effects),
            service=self.service(file.service),
        )
        self.check_requests(target)
        return target


def name_apart(keys: Iterable[tuple[str, str]]) -> list[str]:
    """The names of (name, next state), with a number behind all but the first of those that are equal."""
    keys = list(keys)
    used = Counter((GENERAL, to) for to in {to for _, to in keys})
    names = []
    for name, to in keys:
        used[name, to] += 1
        names.append(name if used[name, to] == 1 else f"{name} ({used[name, to]})")
    return names


def load_target(file: Path, environment: Mapping[str, str] | None = os.environ) -> Target:
    """The Target that a file describes. Raises TargetError. With environment=None, ${NAME} stays as it stands."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TargetError(f"{file}: cannot be read: {reason}; name an existing target file with --target") from None
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{file}: is not TOML: {error}; text stands in quotes, and a key once in a table") from None
    try:
        tables = msgspec.convert(document, File)
    except msgspec.ValidationError as error:
        raise TargetError(f"{file}: {explain_shape(str(error), document)}") from None
    return Reader(file, environment).read(tables)


def fill_credentials(file: Path, target: Target, environment: Mapping[str, str]) -> Target:
    """A target that was loaded without an environment, with its tenants' ${NAME}s filled in. Raises TargetError."""
    tables = {name: TenantTable(headers=dict(headers)) for name, headers in target.tenants.items()}
    return replace(target, tenants=Reader(file, environment).tenants(tables))
