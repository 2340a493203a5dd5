"""Target: an engine as its target file describes it; builds every request to it. Pure.

`engine.target.file` reads a Target from a TOML file; `engine.target.answer` classifies the answers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.target.create import CreateCommand, IdPool
from engine.target.graph import TransitionGraph
from engine.target.paths import JmesPath
from engine.target.routes import Effects, Guard, Route, Trail
from engine.target.same_request import IdentifiedMove, Identity, find_ambiguous, find_sources, identify
from engine.target.spelling import Spelling
from engine.target.template import Request, Template


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
            identity, _, _ = self._identify(route, origin, to)
            due = self._sources.get((identity, to), frozenset())
            sources = tuple(state for state in self.graph.states if state in due)
            # The cache keeps the route alive, so that no other route gets its id.
            self._expected[key] = route, sources or (origin,)
        return self._expected[key][1]

    def find_ambiguous(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """Two edges into different states that the same request serves; None if there are none."""
        served = (move for move in self._walk_served() if move[0] in self.routes_for(*move[1:]))
        return find_ambiguous(self._identify(*move) for move in served)

    @cached_property
    def _expected(self) -> dict[tuple[int, str, str], tuple[Route, tuple[str, ...]]]:
        """The cache of `expected_by`."""
        return {}

    @cached_property
    def _sources(self) -> Mapping[tuple[Identity, str], frozenset[str]]:
        return find_sources(self._identify(*move) for move in self._walk_served())

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

    def _identify(self, route: Route, origin: str, to: str) -> IdentifiedMove:
        """A move by the identity of its request, for any workflow and any operation."""
        request = self.build_advance(route, self.owner, "{id}", origin, to, "{request_id}", "{marker}")
        return identify(request), origin, to

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

    def _fill(self, template: Template, tenant: str, **values: str | int) -> Request:
        return template.fill(values, self.tenants[tenant])
