"""Target: how any engine is reached over HTTP. Builds requests, classifies answers; no I/O.

Everything that asks an engine goes through here, and nothing else knows a route. A Target is read from a
TOML file by `engine.target_file`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import jmespath
import jmespath.exceptions
import msgspec

from engine.graph import TransitionGraph

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Request:
    """One HTTP request, ready to be written. `path` includes the query; `headers` are in sending order."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is None when no whole answer came; then `error` says what happened."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""

    def json(self) -> Any:
        """The body as JSON, or None when it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


@dataclass(frozen=True)
class Reading:
    """An answer, classified. `outcome` is won, conflict, ok, refused or unknown.

    `observed` is the state that a read saw, a create began in or a conflict told. `problem` says what in
    the answer is not as the target file specifies it; `message` why an outcome is unknown.
    """

    outcome: str
    status: int | None
    observed: str | None = None
    server_id: str | None = None
    problem: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Template:
    """A request with placeholders: {id}, {expected}, {next}, {marker}, {request_id}."""

    method: str
    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def placeholders(self) -> frozenset[str]:
        parts = json.dumps([self.path, self.json, dict(self.headers), dict(self.query)])
        return frozenset(PLACEHOLDER.findall(parts))

    def fill(self, values: Mapping[str, str], headers: Mapping[str, str]) -> Request:
        """The request with every placeholder replaced; `headers` are the tenant's."""
        sent = {**headers, **{name: substitute(value, values) for name, value in self.headers.items()}}
        body = b""
        if self.json is not None:
            body = msgspec.json.encode(substitute_deep(self.json, values))
            sent.setdefault("Content-Type", "application/json")
        path = substitute(self.path, {name: quote(value, safe="") for name, value in values.items()})
        if self.query:
            query = urlencode({name: substitute(value, values) for name, value in self.query.items()})
            path = f"{path}?{query}"
        return Request(self.method, path, tuple(sent.items()), body)


@dataclass(frozen=True)
class Route:
    """One way to ask for an advance. `sources` and `to` are None on the general route, which serves any edge."""

    name: str
    template: Template
    sources: tuple[str, ...] | None = None
    to: str | None = None

    @property
    def carries_expected(self) -> bool:
        return "expected" in self.template.placeholders


@dataclass(frozen=True)
class Guard:
    """A request that answers only in some states (`open`), and with a status of `closed` in all others.

    In the states of `either` the state alone does not decide, and both answers are right.
    """

    name: str
    template: Template
    open: tuple[str, ...]
    closed: tuple[int, ...] = (409,)
    either: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trail:
    """Where an engine shows a workflow's audit trail; `entries`, `origin` and `to` are JMESPaths."""

    template: Template
    entries: "Query"
    origin: "Query"
    to: "Query"
    request_id: "Query | None" = None


@dataclass(frozen=True)
class Effects:
    """Where an engine shows the markers that left a trace."""

    template: Template
    markers: "Query"


@dataclass(frozen=True)
class Service:
    """How onewinner starts the engine. Placeholders as in the design: {port}, {database_url}, ..."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/"
    cwd: str | None = None
    ready_timeout_s: float = 30.0


class Query:
    """A JMESPath, compiled once. Raises ValueError when it does not parse."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError(f"{text!r} is not a JMESPath: {str(error).splitlines()[0]}") from None

    def find(self, document: Any) -> Any:
        """What the path finds; None when it finds nothing or the document has another shape."""
        try:
            return self._compiled.search(document)
        except jmespath.exceptions.JMESPathError:
            return None

    def find_text(self, document: Any) -> str | None:
        """A string or a number as text; None for anything else."""
        found = self.find(document)
        if isinstance(found, str):
            return found
        return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True)
class Target:
    """An engine as its target file describes it."""

    name: str
    base_url: str
    timeout_s: float
    tenants: Mapping[str, Mapping[str, str]]
    graph: TransitionGraph
    create: Template
    create_id: Query
    create_won: tuple[int, ...]
    read: Template
    read_state: Query
    read_ok: tuple[int, ...]
    general: Route | None
    routes: tuple[Route, ...]
    general_serves_all: bool
    won: tuple[int, ...]
    conflict: tuple[int, ...]
    refused: tuple[int, ...]
    current_state: Query | None = None
    arrived_header: str | None = None
    guards: tuple[Guard, ...] = ()
    trail: Trail | None = None
    effects: Effects | None = None
    service: Service | None = None

    @property
    def owner(self) -> str:
        """The tenant whose workflows are asked about: the first one of the file."""
        return next(iter(self.tenants))

    @property
    def strangers(self) -> tuple[str, ...]:
        """The other tenants; empty when the file has one only."""
        return tuple(self.tenants)[1:]

    def routes_for(self, origin: str, to: str) -> tuple[Route, ...]:
        """The routes that serve origin -> to. An edge's own come first; an illegal pair has the general one at most."""
        own = tuple(route for route in self.routes if route.to == to and origin in (route.sources or ()))
        if self.general is None or (own and not self.general_serves_all):
            return own
        return (*own, self.general)

    def expected_by(self, route: Route, origin: str, to: str) -> str | tuple[str, ...]:
        """Every state in which this very request is due to win: one when it carries {expected}."""
        if route.carries_expected:
            return origin
        sources = route.sources if route.sources is not None else self.graph.sources(to)
        return origin if sources in ((), (origin,)) else tuple(sources)

    def build_create(self, tenant: str, request_id: str, marker: str = "") -> Request:
        return self._fill(self.create, tenant, request_id=request_id, marker=marker)

    def build_read(self, tenant: str, server_id: str, request_id: str) -> Request:
        return self._fill(self.read, tenant, id=server_id, request_id=request_id)

    def build_advance(
        self, route: Route, tenant: str, server_id: str, origin: str, to: str, request_id: str, marker: str = ""
    ) -> Request:
        return self._fill(
            route.template, tenant, id=server_id, expected=origin, next=to, request_id=request_id, marker=marker
        )

    def build_guard(self, guard: Guard, tenant: str, server_id: str, request_id: str) -> Request:
        return self._fill(guard.template, tenant, id=server_id, request_id=request_id)

    def build_trail(self, tenant: str, server_id: str, request_id: str) -> Request | None:
        return self._fill(self.trail.template, tenant, id=server_id, request_id=request_id) if self.trail else None

    def build_effects(self, tenant: str, server_id: str, request_id: str) -> Request | None:
        template = self.effects.template if self.effects else None
        return self._fill(template, tenant, id=server_id, request_id=request_id) if template else None

    def classify_create(self, answer: Answer) -> Reading:
        if answer.status not in self.create_won:
            return self._classify_other(answer)
        server_id = self.create_id.find_text(answer.json())
        if server_id is None:
            return Reading("unknown", answer.status, message=f"no id at create.id = {self.create_id.text!r}")
        return Reading("ok", answer.status, self.graph.initial, server_id)

    def classify_read(self, answer: Answer) -> Reading:
        if answer.status not in self.read_ok:
            return self._classify_other(answer)
        state = self.read_state.find_text(answer.json())
        if state is None:
            return Reading("unknown", answer.status, message=f"no state at read.state = {self.read_state.text!r}")
        return Reading("ok", answer.status, state)

    def classify_advance(self, answer: Answer) -> Reading:
        if answer.status in self.won:
            return Reading("won", answer.status)
        if answer.status in self.conflict:
            return self._classify_conflict(answer)
        return self._classify_other(answer)

    def classify_guard(self, guard: Guard, answer: Answer) -> Reading:
        if answer.status in self.read_ok:
            return Reading("ok", answer.status)
        if answer.status in guard.closed:
            return self._classify_conflict(answer)
        return self._classify_other(answer)

    def read_trail(self, answer: Answer) -> list[dict[str, Any]] | None:
        """The audit entries in order, as {from, to, request_id?}; None when the answer does not show them."""
        if self.trail is None or answer.status not in self.read_ok:
            return None
        found = self.trail.entries.find(answer.json())
        if not isinstance(found, list):
            return None
        return [self._read_entry(self.trail, entry) for entry in found]

    def read_markers(self, answer: Answer) -> list[str] | None:
        """The markers that left a trace; None when the answer does not show them."""
        if self.effects is None or answer.status not in self.read_ok:
            return None
        found = self.effects.markers.find(answer.json())
        return [marker for marker in found if isinstance(marker, str)] if isinstance(found, list) else None

    def arrived_ns(self, answer: Answer) -> int | None:
        """When the request was whole at the server, for engines that tell it in a header."""
        told = answer.headers.get(self.arrived_header.lower(), "") if self.arrived_header else ""
        return int(told) if told.isascii() and told.isdigit() else None

    def _read_entry(self, trail: Trail, entry: Any) -> dict[str, Any]:
        row = {"from": trail.origin.find_text(entry), "to": trail.to.find_text(entry)}
        if trail.request_id is not None:
            row["request_id"] = trail.request_id.find_text(entry)
        return row

    def _classify_conflict(self, answer: Answer) -> Reading:
        if self.current_state is None:
            return Reading("conflict", answer.status)
        told = self.current_state.find_text(answer.json())
        problem = None
        if told is None:
            problem = f"the conflict does not tell the current state at {self.current_state.text!r}"
        return Reading("conflict", answer.status, told, problem=problem)

    def _classify_other(self, answer: Answer) -> Reading:
        if answer.status is not None and answer.status in self.refused:
            return Reading("refused", answer.status)
        message = answer.error or f"status {answer.status} is neither a win, a conflict nor a refusal"
        return Reading("unknown", answer.status, message=message)

    def _fill(self, template: Template, tenant: str, **values: str) -> Request:
        return template.fill(values, self.tenants[tenant])


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text with every {placeholder} that has a value replaced; other braces stay."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def substitute_deep(document: Any, values: Mapping[str, str]) -> Any:
    """The same in every string of a JSON document; keys stay."""
    if isinstance(document, str):
        return substitute(document, values)
    if isinstance(document, list):
        return [substitute_deep(part, values) for part in document]
    if isinstance(document, Mapping):
        return {name: substitute_deep(part, values) for name, part in document.items()}
    return document
