"""Target: an engine as its target file describes it; builds every request to it. Pure.

`engine.target.target_file` reads a Target from a TOML file; `engine.target.classified_answer` classifies the answers.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from uuid import uuid4

from engine.target.adapter import Adapter, AdapterError, Context
from engine.target.answer_rules import Meanings, Statuses
from engine.target.capacity import UNITS, Capacity
from engine.target.cookies import COOKIES
from engine.target.file_tables import ServiceTable
from engine.target.graph import TransitionGraph
from engine.target.idempotency import KEY, Idempotency, name_key
from engine.target.login_and_setup_steps import Saved, Step
from engine.target.placeholders import is_of_some_states
from engine.target.poll import Poll
from engine.target.routes import Effects, Guard, Route, Trail, Write
from engine.target.same_request import IdentifiedMove, Identity, find_ambiguous, find_sources, identify
from engine.target.savings import Saving
from engine.target.sinks import Sink, name_values
from engine.target.state_spelling import Spelling
from engine.target.template import NO_VALUES, Request, Template, Value, Values
from engine.target.tenants import USER, Tenant
from engine.target.value_checks import is_header_value
from engine.target.value_places import Place
from engine.target.workflow_source import CreateCommand, IdPool, Queue

# The usual name of the value that says which version a request is meant for.
VERSION = "version"
VERSION_WORDS = {VERSION, "etag", "revision", "rev"}
# Longer waits for what happens without a request would take up the time of a run.
WAIT_MAX_S = 3.0


class NotBuiltError(Exception):
    """A request that cannot be built, in one sentence: a value that no answer has shown yet, or that cannot be sent.

    `value` is the name of one that only some states show, or the answer to a move: there may be nothing to ask for.
    """

    def __init__(self, sentence: str, value: str | None = None) -> None:
        super().__init__(sentence)
        self.value = value


@dataclass(frozen=True)
class Target:
    """An engine as its target file describes it. `meanings` are those of [advance]; a route may have its own.

    `givers` are the names of the saved values, each with the key that gives it. `variables` are the ${NAME}s of the
    file that the environment had. `saved` is what the set-up saved; None while it was not sent.
    """

    name: str
    base_url: str
    timeout_s: float
    tenants: Mapping[str, Tenant]
    graph: TransitionGraph
    create: Template | CreateCommand | IdPool | Queue
    create_id: Place | None
    create_won: Statuses
    read: Template | None
    read_state: Place | None
    read_states: Mapping[str, Statuses]
    read_ok: Statuses
    general: Route | None
    routes: tuple[Route, ...]
    general_serves_all: bool
    meanings: Meanings
    current_state: Place | None = None
    spelling: Spelling = field(default_factory=Spelling)
    arrived_header: str | None = None
    guards: tuple[Guard, ...] = ()
    writes: tuple[Write, ...] = ()
    trail: Trail | None = None
    effects: Effects | None = None
    service: ServiceTable | None = None
    create_savings: tuple[Saving, ...] = ()
    read_savings: tuple[Saving, ...] = ()
    idempotency: Idempotency | None = None
    givers: Mapping[str, str] = field(default_factory=dict)
    adapter: Adapter | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    setup: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    saved: Saved | None = None
    sinks: tuple[Sink, ...] = ()
    sink_urls: Mapping[str, str] = field(default_factory=dict)
    capacity: Capacity | None = None

    @property
    def needs_steps(self) -> bool:
        """Whether any request must be sent before others."""
        return bool(self.setup or self.before) or any(each.login for each in self.clients)

    @property
    def clients(self) -> tuple[Tenant, ...]:
        """What proves each tenant, and each of its users."""
        return tuple(each for tenant in self.tenants.values() for each in (tenant, *tenant.users.values()))

    @cached_property
    def proofs(self) -> frozenset[str]:
        """The names of the values that prove a tenant: what logins save, and what stands in the tenants' headers."""
        logins = [each.login for each in self.clients if each.login is not None]
        told = {saving.name for login in logins for step in login.steps for saving in step.savings}
        return frozenset(told).union(*(each.placeholders for each in self.clients))

    def name_user(self, tenant: str, route: Route | None, number: int) -> str:
        """Who of the tenant sends a request: the user whom the route names, if any, else the one with this number."""
        return route.user if route is not None and route.user else self.tenants[tenant].name_user(number)

    @property
    def shares_session(self) -> bool:
        """Whether all contenders of the owner have the same cookies."""
        clients = list(self.tenants[self.owner].users.values()) or [self.tenants[self.owner]]
        return len(clients) == 1 and clients[0].keeps_cookies

    @property
    def has_workflow(self) -> bool:
        """Whether there are states; else there are only units."""
        return bool(self.graph.successors)

    @property
    def can_read(self) -> bool:
        """Whether the state of a workflow, or what is left of a resource, can be read."""
        return self.read is not None

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
        if self.capacity is not None and self.capacity.is_shared:
            return (self.owner,)
        return tuple(self.tenants)

    @property
    def creates_by_request(self) -> bool:
        """Whether a request creates each workflow: one that is released as others are, and tells when it began."""
        return isinstance(self.create, Template)

    @property
    def creates_with_key(self) -> bool:
        """Whether the request that creates a workflow carries an idempotency key that the service knows again."""
        return self.idempotency is not None and isinstance(self.create, Template) and KEY in self.create.placeholders

    @cached_property
    def walked(self) -> TransitionGraph:
        """The graph in which ways are looked for: a read can wait for moves that no request makes, where they come soon
        and lead to states to which requests alone do not.
        """
        return self.graph.wait_for(WAIT_MAX_S) if self.can_read else self.graph

    def routes_for(self, origin: str, to: str) -> tuple[Route, ...]:
        """The routes that serve origin -> to, the edge's own ones first. An illegal pair has only the general one, and
        none if that request asks for another move: one without {next} means the move that is legal.
        """
        own = tuple(route for route in self.routes if route.to == to and origin in (route.sources or ()))
        if self.general is None or (own and not self.general_serves_all):
            return own
        return (*own, self.general) if self.graph.allows(origin, to) or self._can_mean(origin, to) else own

    def _can_mean(self, origin: str, to: str) -> bool:
        """Whether the general request for origin -> to is not the one for a legal move to another state."""
        assert self.general is not None
        if "next" in self.general.template.placeholders:
            return True
        identity, _, _ = self._identify(self.general, origin, to)
        ends = {end for served, end in self._sources if served == identity}
        return not ends or to in ends

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
        """Two edges into different states that the same request of one user serves; None if there are none."""
        served = (move for move in self._walk_served() if move[0] in self.routes_for(*move[1:]))
        return find_ambiguous((move[0].user, self._identify(*move)) for move in served)

    @cached_property
    def _scoping(self) -> tuple[str, ...]:
        """The values of a create, or of what comes before it, that stand in the path of each read and move."""
        moves = [route.template for route in (*self.routes, *([self.general] if self.general is not None else []))]
        paths = [template.in_path for template in (*moves, *([self.read] if self.read is not None else []))]
        given = {name for name, key in self.givers.items() if key.startswith("create")}
        return tuple(sorted(given.intersection(*paths))) if paths else ()

    def find_scope(self, values: Values) -> str:
        """Within what the id of a workflow is unique, such as the shop whose orders are numbered; empty if it is so by
        itself. Another text for other values, which it does not tell.
        """
        told = "\n".join(str(values[name]) for name in self._scoping if name in values)
        return hashlib.sha256(told.encode()).hexdigest()[:8] if told else ""

    @cached_property
    def version(self) -> str | None:
        """The name of the value that says which version of a workflow a request is meant for; None without versions.

        The read saves it, and a move or a write carries it. Any saved value can be one; the file says so by the name
        `version`, or by an answer that means that the value is not current any more (`stale`). Of several it is the one
        in If-Match, or in the ETag of the read, or called like one.
        """
        moves = [*self.routes, *([self.general] if self.general is not None else [])]
        templates = [*(route.template for route in moves), *(write.template for write in self.writes)]
        carried = {name for template in templates for name in template.placeholders}
        compared = {name for template in templates for name in template.compared}
        saved = {saving.name: saving.place.header for saving in self.read_savings if saving.name in carried}
        if VERSION in saved:
            return VERSION
        if not self.meanings.stale and not any(route.meanings.stale for route in moves):
            return None
        by_place = [name for name in saved if name in compared] + [name for name in saved if saved[name] == "etag"]
        by_name = [name for name in saved if VERSION_WORDS & {*name.split("_")}]
        return next(iter([*by_place, *by_name, *saved]), None)

    @cached_property
    def read_anew(self) -> frozenset[str]:
        """The names of the values that each request carries from a read of its own: all that the read saves, but for
        the version. A service may use such a value up, as it does with the token of a form.
        """
        return frozenset(saving.name for saving in self.read_savings) - {self.version}

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
        saved = {name: f"{{{name}}}" for name in self.givers}
        own = {"id": "{id}", "expected": self.spelling.spell(origin), "next": self.spelling.spell(to)}
        own |= {"request_id": "{request_id}", "marker": "{marker}", "key": "{key}"}
        return identify(self._fill(route.template, self.owner, saved, own)), origin, to

    def build_create(
        self, tenant: str, request_id: str, marker: str = "", values: Values = NO_VALUES, units: int = 0, key: str = ""
    ) -> Request:
        """Of a resource with `units` units. Only for targets in which a request creates workflows. Without `key` a key
        that it carries is its own. All of these raise NotBuiltError.
        """
        template = self.create.request if isinstance(self.create, Queue) else self.create
        assert isinstance(template, Template)
        values = {**values, UNITS: units} if units else values
        key = key or (str(uuid4()) if KEY in template.placeholders else "")
        return self._build("create", template, tenant, "", request_id, values, marker=marker, key=key)

    def build_put(self, tenant: str, server_id: str, request_id: str, values: Values = NO_VALUES) -> Request:
        """Puts one unit in. Only for targets with a queue."""
        assert isinstance(self.create, Queue)
        return self._build("put", self.create.put, tenant, server_id, request_id, values, marker=request_id)

    def build_take(self, tenant: str, server_id: str, request_id: str, values: Values = NO_VALUES) -> Request:
        """Only for targets with units; so is the next."""
        assert self.capacity is not None
        return self._build("take", self.capacity.take, tenant, server_id, request_id, values, marker=request_id)

    def build_give_back(
        self, tenant: str, server_id: str, request_id: str, held: Values, values: Values = NO_VALUES
    ) -> Request:
        """Gives back what a take got; `held` are the values that its answer gave."""
        assert self.capacity is not None
        assert self.capacity.give_back is not None
        template, values = self.capacity.give_back, {**values, **held}
        return self._build("give_back", template, tenant, server_id, request_id, values, marker=request_id)

    def build_read(self, tenant: str, server_id: str, request_id: str, values: Values = NO_VALUES) -> Request:
        """Only for targets of which a workflow can be read."""
        assert self.read is not None
        return self._build("read", self.read, tenant, server_id, request_id, values)

    def build_advance(
        self,
        route: Route,
        tenant: str,
        server_id: str,
        origin: str,
        to: str,
        request_id: str,
        marker: str = "",
        values: Values = NO_VALUES,
        omitted: str = "",
        key: str = "",
        variant: str = "",
        poll: Poll | None = None,
    ) -> Request:
        """Of this variant, without what carries the saved value `omitted`. Without `key` a key that it carries is its
        own. With `poll` the request that asks what came of it; `values` hold those of the answer that accepted.
        """
        template = route.find_template(variant) if poll is None else poll.template
        return self._build(
            "advance" if poll is None else "poll",
            template.without(omitted) if omitted else template,
            tenant,
            server_id,
            request_id,
            values,
            name=route.name,
            expected=self.spelling.spell(origin),
            next=self.spelling.spell(to),
            marker=marker,
            key=key or name_key(server_id, request_id),
        )

    def build_guard(
        self, guard: Guard, tenant: str, server_id: str, request_id: str, values: Values = NO_VALUES
    ) -> Request:
        return self._build("guard", guard.template, tenant, server_id, request_id, values, name=guard.name)

    def build_write(
        self, write: Write, tenant: str, server_id: str, request_id: str, marker: str = "", values: Values = NO_VALUES
    ) -> Request:
        name, template = write.name, write.template
        return self._build("write", template, tenant, server_id, request_id, values, name=name, marker=marker)

    def writes_in(self, state: str) -> tuple[Write, ...]:
        """The writes that are sent in a state."""
        return tuple(write for write in self.writes if state in write.states)

    def build_trail(self, tenant: str, server_id: str, request_id: str, values: Values = NO_VALUES) -> Request | None:
        if self.trail is None:
            return None
        return self._build("audit", self.trail.template, tenant, server_id, request_id, values)

    def build_effects(self, tenant: str, server_id: str, request_id: str, values: Values = NO_VALUES) -> Request | None:
        if self.effects is None:
            return None
        return self._build("effects", self.effects.template, tenant, server_id, request_id, values)

    def _build(
        self,
        kind: str,
        template: Template,
        tenant: str,
        server_id: str,
        request_id: str,
        values: Values,
        *,
        name: str = "",
        has_proof: bool = True,
        **own: Value,
    ) -> Request:
        """The request as the adapter wants it, if there is one."""
        own |= {"id": server_id, "request_id": request_id}
        request = self._fill(template, tenant, values, own, has_proof=has_proof)
        if self.adapter is not None:
            told = {key: own[key] for key in ("id", "expected", "next", "request_id") if key in own}
            context = Context(kind, name, tenant=tenant, values=values, **told)  # type: ignore[arg-type]
            try:
                request = self.adapter.prepare(request, context)
            except AdapterError as error:
                raise NotBuiltError(str(error)) from None
        return replace(request, carried=own)

    def build_step(self, step: Step, tenant: str, request_id: str, values: Values) -> Request:
        """A request that others need. One without proof goes without the tenant's headers that need a login."""
        name, has_proof = step.key, step.has_proof
        return self._build(
            "step", step.template, tenant, "", request_id, values, name=name, has_proof=has_proof, marker=request_id
        )

    def _fill(self, template: Template, tenant: str, values: Values, own: Values, *, has_proof: bool = True) -> Request:
        """Raises NotBuiltError when a value is not saved yet, or cannot stand in a header."""
        proof, what = self.tenants[tenant].find_user(str(values.get(USER, ""))), f"{template.method} {template.path}"
        headers = proof.headers if has_proof else proof.plain_headers
        needed = (template.placeholders | (proof.placeholders if has_proof else set())) & self.givers.keys()
        for name in sorted(needed - values.keys()):
            sentence = f"{what} needs {{{name}}}, which {self.givers[name]} gives; no answer has shown it yet"
            raise NotBuiltError(sentence, name if is_of_some_states(self.givers[name]) else None)
        if proof.keeps_cookies and COOKIES in values:
            headers = {**headers, "Cookie": str(values[COOKIES])}
        known = {**values, **own} if values else own
        request = template.fill({**known, **name_values(self.sink_urls)} if self.sink_urls else known, headers)
        for name, value in request.headers if needed or proof.keeps_cookies else ():
            if not is_header_value(value):
                raise NotBuiltError(
                    f"{what} cannot be sent: a saved value in its header {name} has characters that no header may have"
                )
        return request
