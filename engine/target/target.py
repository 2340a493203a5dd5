"""Target: builds the requests to an engine and classifies its answers, as a target file describes them. Pure.

All clients build their requests here. `engine.target.file` reads a Target from a TOML file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.target.answer import Answer, ClassifiedAnswer, describe_missing, describe_status, find_list
from engine.target.checks import SERVER_ERROR
from engine.target.create import CreateCommand, IdPool
from engine.target.graph import TransitionGraph
from engine.target.identity import Identity, identify
from engine.target.routes import Effects, Guard, Route, Trail
from engine.target.template import JmesPath, Request, Spelling, Template, substitute

__all__ = [
    "SERVER_ERROR",
    "Answer",
    "ClassifiedAnswer",
    "CreateCommand",
    "Effects",
    "Guard",
    "IdPool",
    "JmesPath",
    "Request",
    "Route",
    "Service",
    "Spelling",
    "Target",
    "Template",
    "Trail",
    "substitute",
]


@dataclass(frozen=True)
class Service:
    """How onewinner starts the engine.

    Placeholders: {port}, {database_url} and its parts, {workers}, {isolation}, {pooled}. `restart`: onewinner starts it
    again if it ends after an injected fault.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/"
    cwd: str | None = None
    ready_timeout_s: float = 30.0
    restart: bool = True


@dataclass(frozen=True)
class Target:
    """An engine as its target file describes it."""

    name: str
    base_url: str
    timeout_s: float
    tenants: Mapping[str, Mapping[str, str]]
    graph: TransitionGraph
    create: Template | CreateCommand | IdPool
    create_id: JmesPath | None
    create_won: tuple[int, ...]
    read: Template
    read_state: JmesPath
    read_ok: tuple[int, ...]
    general: Route | None
    routes: tuple[Route, ...]
    general_serves_all: bool
    won: tuple[int, ...]
    conflict: tuple[int, ...]
    refused: tuple[int, ...]
    busy: tuple[int, ...] = ()
    current_state: JmesPath | None = None
    spelling: Spelling = field(default_factory=Spelling)
    arrived_header: str | None = None
    guards: tuple[Guard, ...] = ()
    trail: Trail | None = None
    effects: Effects | None = None
    service: Service | None = None

    @property
    def owner(self) -> str:
        """The tenant that owns the workflows of a run: the first one of the file."""
        return next(iter(self.tenants))

    @property
    def strangers(self) -> tuple[str, ...]:
        """The other tenants."""
        return tuple(self.tenants)[1:]

    @property
    def creators(self) -> tuple[str, ...]:
        """The tenants that can have workflows, including the owner."""
        if isinstance(self.create, IdPool):
            return tuple(tenant for tenant in self.tenants if self.create.ids.get(tenant))
        if isinstance(self.create, CreateCommand) and not self.create.serves_tenants:
            return (self.owner,)
        return tuple(self.tenants)

    def routes_for(self, origin: str, to: str) -> tuple[Route, ...]:
        """The routes that serve origin -> to, the edge's own ones first. An illegal pair has only the general one."""
        own = tuple(route for route in self.routes if route.to == to and origin in (route.sources or ()))
        if self.general is None or (own and not self.general_serves_all):
            return own
        return (*own, self.general)

    def expected_by(self, route: Route, origin: str, to: str) -> tuple[str, ...]:
        """All states in which this request must win. Other routes of the file may spell the same request."""
        key = (id(route), origin, to)
        if key not in self._expected:
            due = self._sources.get((self._identify(route, origin, to), to), frozenset())
            sources = tuple(state for state in self.graph.states if state in due)
            # The cache keeps the route alive, so that no other route gets its id.
            self._expected[key] = route, sources or (origin,)
        return self._expected[key][1]

    def find_ambiguous(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """Two edges into different states that the same request serves; None if there are none."""
        seen: dict[Identity, tuple[str, str]] = {}
        for route, origin, to in self._walk_served():
            if route in self.routes_for(origin, to):
                first = seen.setdefault(self._identify(route, origin, to), (origin, to))
                if first[1] != to:
                    return first, (origin, to)
        return None

    @cached_property
    def _expected(self) -> dict[tuple[int, str, str], tuple[Route, tuple[str, ...]]]:
        """The cache of `expected_by`."""
        return {}

    @cached_property
    def _sources(self) -> Mapping[tuple[Identity, str], frozenset[str]]:
        """The states in which a request wins, by request and next state."""
        found: dict[tuple[Identity, str], set[str]] = {}
        for route, origin, to in self._walk_served():
            found.setdefault((self._identify(route, origin, to), to), set()).add(origin)
        return {key: frozenset(sources) for key, sources in found.items()}

    def _walk_served(self) -> Iterator[tuple[Route, str, str]]:
        """All edges, each with every route that makes the move."""
        for route in self.routes:
            yield from ((route, origin, route.to or "") for origin in route.sources or ())
        if (general := self.general) is None:
            return
        for origin, to in self.graph.walk_edges():
            # A request that carries the next state makes the move, also if the file names another route for the edge.
            if "next" in general.template.placeholders or general in self.routes_for(origin, to):
                yield general, origin, to

    def _identify(self, route: Route, origin: str, to: str) -> Identity:
        """The identity of a request, for any workflow and any operation."""
        return identify(self.build_advance(route, self.owner, "{id}", origin, to, "{request_id}", "{marker}"))

    def build_create(self, tenant: str, request_id: str, marker: str = "") -> Request:
        """Only for targets in which a request creates workflows."""
        assert isinstance(self.create, Template)
        return self._fill(self.create, tenant, request_id=request_id, marker=marker)

    def build_read(self, tenant: str, server_id: str, request_id: str) -> Request:
        return self._fill(self.read, tenant, id=server_id, request_id=request_id)

    def build_advance(
        self, route: Route, tenant: str, server_id: str, origin: str, to: str, request_id: str, marker: str = ""
    ) -> Request:
        expected, next_state = self.spelling.spell(origin), self.spelling.spell(to)
        return self._fill(
            route.template,
            tenant,
            id=server_id,
            expected=expected,
            next=next_state,
            request_id=request_id,
            marker=marker,
        )

    def build_guard(self, guard: Guard, tenant: str, server_id: str, request_id: str) -> Request:
        return self._fill(guard.template, tenant, id=server_id, request_id=request_id)

    def build_trail(self, tenant: str, server_id: str, request_id: str) -> Request | None:
        return self._fill(self.trail.template, tenant, id=server_id, request_id=request_id) if self.trail else None

    def build_effects(self, tenant: str, server_id: str, request_id: str) -> Request | None:
        template = self.effects.template if self.effects else None
        return self._fill(template, tenant, id=server_id, request_id=request_id) if template else None

    def classify_create(self, answer: Answer) -> ClassifiedAnswer:
        if answer.status not in self.create_won:
            return self._classify_other(answer)
        server_id = self.create_id.find_text(answer.json()) if self.create_id is not None else None
        if server_id is None:
            return ClassifiedAnswer(
                "unknown", answer.status, message=describe_missing("id", "create.id", self.create_id, answer)
            )
        return ClassifiedAnswer("ok", answer.status, self.graph.initial, server_id)

    def classify_read(self, answer: Answer) -> ClassifiedAnswer:
        if answer.status not in self.read_ok:
            return self._classify_other(answer)
        state = self._find_state(self.read_state, answer.json())
        if state is None:
            return ClassifiedAnswer(
                "unknown", answer.status, message=describe_missing("state", "read.state", self.read_state, answer)
            )
        return ClassifiedAnswer("ok", answer.status, state)

    def classify_advance(self, answer: Answer, route: Route, to: str) -> ClassifiedAnswer:
        if answer.status in self.won:
            return self._classify_with_state("won", answer, route.won_state, "the win", "the state after the move", to)
        if answer.status in self.conflict:
            return self._classify_conflict(answer)
        return self._classify_other(answer)

    def classify_guard(self, guard: Guard, answer: Answer) -> ClassifiedAnswer:
        if answer.status in self.read_ok:
            return ClassifiedAnswer("ok", answer.status)
        if answer.status in guard.closed:
            return self._classify_conflict(answer)
        return self._classify_other(answer)

    def is_busy(self, answer: Answer) -> bool:
        """Whether it means: nothing happened, try again. A server error means it only with Retry-After."""
        if answer.status not in self.busy:
            return False
        return answer.status < SERVER_ERROR or "retry-after" in answer.headers

    def read_trail(self, answer: Answer) -> list[dict[str, Any]] | None:
        """The audit entries in order, as {from, to, request_id?}; None if the answer does not have them.

        In an entry that is no transition, such as a comment, `to` is None.
        """
        if self.trail is None or answer.status not in self.read_ok:
            return None
        found = find_list(self.trail.entries, answer)
        return None if found is None else [self._read_entry(self.trail, entry) for entry in found]

    def read_markers(self, answer: Answer) -> list[str] | None:
        """The markers that left a trace, duplicates included; None if the answer does not have them."""
        if self.effects is None or answer.status not in self.read_ok:
            return None
        found = find_list(self.effects.markers, answer)
        return None if found is None else [marker for marker in found if isinstance(marker, str)]

    def arrived_ns(self, answer: Answer) -> int | None:
        """When the whole request had arrived, for engines that send a header with that time."""
        text = answer.headers.get(self.arrived_header.lower(), "") if self.arrived_header else ""
        return int(text) if text.isascii() and text.isdigit() else None

    def _read_entry(self, trail: Trail, entry: Any) -> dict[str, Any]:
        row = {"from": self._find_state(trail.origin, entry), "to": self._find_state(trail.to, entry)}
        if trail.request_id is not None:
            row["request_id"] = trail.request_id.find_text(entry)
        return row

    def _classify_conflict(self, answer: Answer) -> ClassifiedAnswer:
        return self._classify_with_state("conflict", answer, self.current_state, "the conflict", "the current state")

    def _classify_with_state(
        self, outcome: str, answer: Answer, path: JmesPath | None, subject: str, what: str, to: str | None = None
    ) -> ClassifiedAnswer:
        """An answer with a state at `path`, if there is a path. No state, or another one than `to`, is a problem."""
        if path is None:
            return ClassifiedAnswer(outcome, answer.status)
        observed, problem = self._find_state(path, answer.json()), None
        if observed is None:
            problem = f"{subject} does not tell {what} at {path.text!r}"
        elif to not in (None, observed):
            problem = f"the answer tells {observed}, the move leads to {to}"
        return ClassifiedAnswer(outcome, answer.status, observed, problem=problem)

    def _classify_other(self, answer: Answer) -> ClassifiedAnswer:
        if self.is_busy(answer):
            return ClassifiedAnswer("busy", answer.status)
        if answer.status is not None and answer.status in self.refused:
            return ClassifiedAnswer("refused", answer.status)
        return ClassifiedAnswer("unknown", answer.status, message=answer.error or describe_status(answer))

    def _find_state(self, query: JmesPath, document: Any) -> str | None:
        return self.spelling.read(query.find_text(document))

    def _fill(self, template: Template, tenant: str, **values: str | int) -> Request:
        return template.fill(values, self.tenants[tenant])
