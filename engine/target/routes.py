"""Routes, guards, writes, trail and effects: requests, and JMESPaths into their answers, as a target file has them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.target.answer_rules import (
    Meanings,
    Statuses,
    read_meanings,
    read_optional_statuses,
    read_statuses,
    refuse_second_meaning,
)
from engine.target.file_tables import (
    WINNERS,
    AdvanceTable,
    AuditTable,
    EdgeTable,
    EffectsTable,
    GuardTable,
    RequestTable,
    VariantTable,
    WriteTable,
)
from engine.target.graph import TransitionGraph
from engine.target.jmes_path import JmesPath
from engine.target.poll import Poll, read_poll
from engine.target.same_request import Identity, identify
from engine.target.savings import Saving, merge_savings, read_savings
from engine.target.template import Template
from engine.target.value_checks import BODIES, Mistake, check_headers, check_request, check_states
from engine.target.value_places import Place, read_optional_place, read_path

# The name of the route that serves any edge.
GENERAL = "advance"
DELAY_MAX_S = 60


@dataclass(frozen=True)
class Route:
    """A request for an advance. `sources` and `to` are None on the general route, which serves any edge.

    `meanings` are those of its answers; `poll` tells the outcome of a request that was accepted. `won_state` is the
    path of the state after the move in the answer to a win, if the answer has it. `index` is the place among the edges
    of the file; of several edges with one request, the first. `savings` are taken out of the answer to a win, or of one
    that accepts. `repeats`: in the next state the request is answered as a win, too, and changes nothing. `user`: who
    sends it; empty: any user of the tenant.
    """

    name: str
    template: Template
    meanings: Meanings
    sources: tuple[str, ...] | None = None
    to: str | None = None
    won_state: Place | None = None
    repeats: bool = False
    index: int | None = field(default=None, compare=False)
    savings: tuple[Saving, ...] = ()
    variants: Mapping[str, Template] = field(default_factory=dict, compare=False)
    poll: Poll | None = None
    user: str = ""

    def find_template(self, variant: str = "") -> Template:
        """The request of this variant; of the first one where none is named. Raises LookupError."""
        if not self.variants:
            return self.template
        return self.variants[variant or next(iter(self.variants))]

    @property
    def identity(self) -> tuple[Identity, str | None, Place | None, Meanings, tuple[Saving, ...], object, str]:
        """Equal for routes with the same request and the same next state, from any sources."""
        names = sorted(self.template.placeholders)
        request = self.template.fill({name: f"{{{name}}}" for name in names}, {})
        poll = None if self.poll is None else self.poll.identity
        return identify(request), self.to, self.won_state, self.meanings, self.savings, poll, self.user

    @property
    def carries_expected(self) -> bool:
        return "expected" in self.template.placeholders

    @property
    def carries_key(self) -> bool:
        return "key" in self.template.placeholders

    @property
    def carries_marker(self) -> bool:
        return "marker" in self.template.placeholders


def check_one_body(key: str, table: VariantTable, template: Template) -> None:
    """Whether the variant's body is of the kind of the request's. A request without a body may get either."""
    has = next((kind for kind in BODIES if getattr(template, kind) is not None), None)
    given = [kind for kind in ("json", "form") if getattr(table, kind)]
    wrong = next((kind for kind in given if kind != (has or given[0])), None)
    if wrong is not None:
        raise Mistake(
            f"{key}.{wrong}", f"stands beside {has or given[0]}, and a request has one body; keep one of them"
        )


def add_variants(route: Route, tables: Iterable[VariantTable]) -> Route:
    """The route with each variant of its request. None may replace what the request needs."""
    variants: dict[str, Template] = {}
    for index, table in enumerate(tables):
        key, name = f"advance.variants[{index}]", table.name or str(index + 1)
        check_headers(f"{key}.headers", table.headers)
        check_one_body(key, table, route.template)
        if name in variants:
            raise Mistake(f"{key}.name", f"{name!r} is the name of another variant, too; give each a name of its own")
        variants[name] = route.template.merge(table.json, table.form, table.headers, table.query)
        for lost in sorted(route.template.placeholders - variants[name].placeholders):
            raise Mistake(key, f"replaces {{{lost}}}, which the request of {route.name!r} carries; leave that as it is")
    return replace(route, variants=variants)


@dataclass(frozen=True)
class Guard:
    """A request that answers, as `ok` says, only in the states of `open`, and as `closed` says in all others.

    In the states of `either` both answers are right.
    """

    name: str
    template: Template
    ok: Statuses
    open: tuple[str, ...]
    closed: Statuses
    either: tuple[str, ...] = ()


@dataclass(frozen=True)
class Write:
    """A request that must not move the workflow. It is sent in `states`; `ok`: it was carried out."""

    name: str
    template: Template
    ok: Statuses
    states: tuple[str, ...]
    savings: tuple[Saving, ...] = ()


@dataclass(frozen=True)
class Trail:
    """The request that shows the audit trail of a workflow: `entries`, with the paths of two states in each. Without
    them the entries are the states. A move may be missing for `within_s` seconds after its answer.
    """

    template: Template
    ok: Statuses
    entries: JmesPath
    origin: JmesPath | None = None
    to: JmesPath | None = None
    request_id: JmesPath | None = None
    within_s: float = 0.0


@dataclass(frozen=True)
class Effects:
    """The request that shows the markers that left a trace. `winners` tells how often a win leaves its own, and
    `within_s` how many seconds after the answer at the latest.
    """

    template: Template
    ok: Statuses
    markers: JmesPath
    winners: str = "once"
    within_s: float = 0.0


def read_template(key: str, table: RequestTable, *, needed: str = "", instead: Collection[str] = ()) -> Template:
    """The request, in which the placeholder `needed` must stand, or one of `instead`.
    `engine.target.placeholders` checks all placeholders.
    """
    check_request(key, table)
    template = Template(
        table.method.upper(), table.path, table.json, table.headers, table.query, table.form, table.text, table.xml
    )
    if needed and template.placeholders.isdisjoint((needed, *instead)):
        raise Mistake(key, f"nothing in the request carries {{{needed}}}; put it into the path, query, headers or body")
    return template


def read_request_of_workflow(key: str, table: RequestTable, instead: Collection[str] = ()) -> Template:
    return read_template(key, table, needed="id", instead=instead)


def read_routes(table: AdvanceTable, graph: TransitionGraph, told: Collection[str] = ()) -> tuple[Route, ...]:
    """The routes of edges. Edges with the same request and next state become one route from all of their sources.
    `told` are the names of values that the create or a move gave: one may stand in the place of {id}.
    """
    merged: dict[object, Route] = {}
    for index, edge in enumerate(table.edges):
        route = read_route(index, edge, table, graph, told)
        first = merged.setdefault(route.identity, route)
        sources = dict.fromkeys([*(first.sources or ()), *(route.sources or ())])
        merged[route.identity] = replace(first, sources=tuple(sources))
    names = name_apart((route.name, route.to or "") for route in merged.values())
    named = (replace(route, name=name) for route, name in zip(merged.values(), names, strict=True))
    return tuple(add_variants(route, table.variants) for route in named)


def read_route(
    index: int, table: EdgeTable, advance: AdvanceTable, graph: TransitionGraph, told: Collection[str]
) -> Route:
    key = f"advance.edges[{index}]"
    sources = (table.origin,) if isinstance(table.origin, str) else tuple(table.origin)
    check_states(f"{key}.from", sources, graph)
    check_states(f"{key}.to", [table.to], graph)
    for origin in sources:
        if not graph.allows(origin, table.to):
            raise Mistake(
                key, f"{origin} -> {table.to} is not among workflow.transitions; add it there or remove it here"
            )
    template = read_request_of_workflow(f"{key}.request", table.request, told)
    name = table.name or f"{table.request.method} {table.request.path}"
    own_state = read_optional_place(f"{key}.won_state", table.won_state)
    won_state = own_state or read_optional_place("advance.won_state", advance.won_state)
    savings = merge_savings(read_savings("advance.save", advance.save), read_savings(f"{key}.save", table.save))
    meanings = read_meanings(advance, table, index)
    repeats = advance.repeats if table.repeats is None else table.repeats
    poll = read_route_poll(advance, table, index, meanings, savings)
    user = table.user or ""
    return Route(name, template, meanings, sources, table.to, won_state, repeats, index, savings, poll=poll, user=user)


def read_route_poll(
    advance: AdvanceTable, edge: EdgeTable | None, index: int, meanings: Meanings, savings: tuple[Saving, ...]
) -> Poll | None:
    """How the outcome of an accepted request is told: as the edge says, else as [advance] does."""
    own = edge.poll if edge is not None else None
    key, table = (f"advance.edges[{index}].poll", own) if own is not None else ("advance.poll", advance.poll)
    if table is None or not meanings.accepted:
        if table is not None and (own is not None or not has_accepted(advance)):
            raise Mistake(key, "is never asked, for no answer accepts a request; add accepted = [202] beside it")
        if meanings.accepted:
            raise Mistake(meanings.accepted.key, "needs a poll beside it, which tells the outcome; add poll = { ... }")
        return None
    return read_poll(key, table, read_template(f"{key}.request", table.request), savings)


def has_accepted(advance: AdvanceTable) -> bool:
    return bool(advance.accepted) or any(edge.accepted for edge in advance.edges)


def check_users(routes: Iterable[Route], users: Mapping[str, Collection[str]]) -> None:
    """Each tenant has the user who makes a move; `users` are the names, by tenant."""
    for route in routes:
        for tenant, names in users.items():
            if route.user and route.user not in names:
                known = f"it has {', '.join(names)}" if names else "it has none"
                raise Mistake(
                    f"advance.edges[{route.index}].user",
                    f"the tenant {tenant} has no user {route.user!r} ({known}); add one to each tenant",
                )


def read_general(
    table: AdvanceTable, routes: Iterable[Route], graph: TransitionGraph, told: Collection[str] = ()
) -> Route | None:
    """The route that serves any edge; without it, the routes of edges must serve all of them."""
    if table.request is None:
        check_edges(routes, graph)
        return None
    template = read_request_of_workflow("advance.request", table.request, told)
    won_state = read_optional_place("advance.won_state", table.won_state)
    savings = read_savings("advance.save", table.save)
    meanings = read_meanings(table)
    poll = read_route_poll(table, None, 0, meanings, savings)
    route = Route(GENERAL, template, meanings, won_state=won_state, repeats=table.repeats, savings=savings, poll=poll)
    return add_variants(route, table.variants)


def check_edges(routes: Iterable[Route], graph: TransitionGraph) -> None:
    served = {(origin, route.to) for route in routes for origin in route.sources or ()}
    for origin, to in graph.walk_edges():
        if (origin, to) not in served:
            raise Mistake(
                "advance", f"no request serves {origin} -> {to}; add [advance] request or an [[advance.edges]]"
            )


def read_guards(tables: Iterable[GuardTable], graph: TransitionGraph, ok: Statuses) -> tuple[Guard, ...]:
    """`ok` are the answers that show something, for tables that do not say it themselves."""
    guards = [read_guard(f"guards[{index}]", table, graph, ok) for index, table in enumerate(tables)]
    names = name_apart((guard.name, "") for guard in guards)
    return tuple(replace(guard, name=name) for guard, name in zip(guards, names, strict=True))


def read_guard(key: str, table: GuardTable, graph: TransitionGraph, ok: Statuses) -> Guard:
    check_states(f"{key}.open", table.open, graph)
    check_states(f"{key}.either", table.either, graph)
    ok, closed = read_optional_statuses(f"{key}.ok", table.ok, ok), read_statuses(f"{key}.closed", table.closed)
    refuse_second_meaning(closed, ok)
    template = read_request_of_workflow(f"{key}.request", table.request)
    return Guard(table.name or table.request.path, template, ok, tuple(table.open), closed, tuple(table.either))


def read_writes(tables: Iterable[WriteTable], graph: TransitionGraph) -> tuple[Write, ...]:
    writes = [read_write(f"writes[{index}]", table, graph) for index, table in enumerate(tables)]
    names = name_apart((write.name, "") for write in writes)
    return tuple(replace(write, name=name) for write, name in zip(writes, names, strict=True))


def read_write(key: str, table: WriteTable, graph: TransitionGraph) -> Write:
    check_states(f"{key}.states", table.states, graph)
    template = read_request_of_workflow(f"{key}.request", table.request)
    name = table.name or f"{table.request.method} {table.request.path}"
    savings = read_savings(f"{key}.save", table.save)
    return Write(name, template, read_statuses(f"{key}.ok", table.ok), tuple(table.states) or graph.states, savings)


def read_trail(table: AuditTable, ok: Statuses, saved: Collection[str]) -> Trail:
    """`saved` are the names of values of a workflow, which may tell the trail's own address."""
    template = read_request_of_workflow("audit.request", table.request, saved)
    within_s = read_delay("audit.within_s", table.within_s)
    ok, given = read_optional_statuses("audit.ok", table.ok, ok), {"entries": table.entries, "from": table.origin}
    given |= {"to": table.to, "request_id": table.request_id}
    if table.states is not None:
        for key in [key for key, text in given.items() if text is not None]:
            raise Mistake(f"audit.{key}", "stands beside audit.states, which shows no entries; keep one way")
        return Trail(template, ok, read_path("audit.states", table.states), within_s=within_s)
    for key in ("entries", "from", "to"):
        if given[key] is None:
            also = "" if key == "entries" else '; if entries tell only the states, write states = "entries[].state"'
            raise Mistake(f"audit.{key}", f"is missing; add {key} = ... to [audit]{also}")
    entries, origin, to = (read_path(f"audit.{key}", given[key] or "") for key in ("entries", "from", "to"))
    request_id = None if table.request_id is None else read_path("audit.request_id", table.request_id)
    return Trail(template, ok, entries, origin, to, request_id, within_s)


def read_effects(table: EffectsTable, ok: Statuses, saved: Collection[str]) -> Effects:
    if table.winners not in WINNERS:
        raise Mistake("effects.winners", f'must be "once" or "any", not {table.winners!r}')
    template = read_request_of_workflow("effects.request", table.request, saved)
    ok = read_optional_statuses("effects.ok", table.ok, ok)
    within_s = read_delay("effects.within_s", table.within_s)
    return Effects(template, ok, read_path("effects.markers", table.markers), table.winners, within_s)


def read_delay(key: str, seconds: float) -> float:
    """onewinner waits so long at the end of each level."""
    if not 0 <= seconds <= DELAY_MAX_S:
        raise Mistake(key, f"must be from 0 to {DELAY_MAX_S} seconds")
    return seconds


def name_apart(keys: Iterable[tuple[str, str]]) -> list[str]:
    """The names of (name, next state); equal ones get a number, except the first."""
    keys = list(keys)
    used = Counter((GENERAL, to) for to in {to for _, to in keys})
    names = []
    for name, to in keys:
        used[name, to] += 1
        names.append(name if used[name, to] == 1 else f"{name} ({used[name, to]})")
    return names
