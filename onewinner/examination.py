"""Asks a service one of each, and says of every answer what to change in the target file, if it looks wrong."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

from engine.target.answer import (
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_guard,
    classify_read,
    classify_shown,
    read_markers,
    read_trail,
)
from engine.target.create import IdPool
from engine.target.http_answer import Answer
from engine.target.routes import Guard, Route
from engine.target.target import Target
from engine.target.template import Request, Template, Values
from engine.target.values import Saving
from load.client.ask import GOOD
from load.client.release import Release
from load.client.values import ValueStore
from load.client.workflow_factory import WorkflowFactory
from onewinner import remedies
from onewinner.remedies import Probe

GUARDS_MAX = 4
ROUTES_MAX = 40
# So many requests for one move are released at once, to see what a service answers while it is busy with another one.
AT_ONCE = 10


@dataclass(frozen=True)
class Examined:
    """A question, and what to change; None when its answer looks right."""

    probe: Probe
    remedy: str | None


@dataclass
class Examination:
    """One service under examination. `done` grows with every question; `folder` is for notes.

    `used` is the id that was used up, where the target lists ids; `walked` counts further routes that were in order;
    `hints` are what the file could say beyond what it does.
    """

    target: Target
    release: Release
    folder: Path
    done: list[Examined] = field(default_factory=list)
    asked: int = 0
    used: str | None = None
    walked: int = 0
    hints: list[str] = field(default_factory=list)
    values: ValueStore = field(init=False)

    def __post_init__(self) -> None:
        self.values = ValueStore(self.target)

    def run(self) -> list[Examined]:
        """Asks until an answer makes the next question pointless; everything that was asked, in order."""
        workflow = self.create()
        if workflow is None:
            return self.done
        initial = self.target.graph.initial
        if not self.read(workflow, initial, is_new=True):
            return self.done
        self.ask_illegal(workflow)
        move = self.advance_once(workflow)
        if move is None:
            return self.done
        route, to, id_ = move
        self.read(workflow, to)
        self.ask_stale(workflow, route, initial, to)
        self.ask_stranger(workflow, to)
        self.ask_guards(workflow, to)
        self.read_trail(workflow, initial, to)
        if route.carries_marker or not any(each.carries_marker for each in self.target.routes):
            self.read_effects(workflow, route, id_)
        self.walk_routes()
        self.press(initial, to)
        return self.done

    def name_request(self) -> str:
        self.asked += 1
        return f"doctor.{self.asked}"

    def ask(
        self,
        what: str,
        table: str,
        request: Request,
        classify: Callable[[Answer], ClassifiedAnswer],
        wanted: tuple[str, ...],
        tenant: str | None = None,
    ) -> Probe:
        answer = self.release.send(request).answer
        return Probe(what, table, tenant or self.target.owner, request, answer, classify(answer), wanted)

    def note(self, probe: Probe, remedy: str | None) -> bool:
        """Keeps it; whether the answer looks right."""
        self.done.append(Examined(probe, remedy))
        return remedy is None

    def create(self) -> str | None:
        """The id of a new workflow, None when there is none."""
        target, owner, id_ = self.target, self.target.owner, self.name_request()
        if isinstance(target.create, Template):
            request = target.build_create(owner, id_, marker=id_, values=self.values.list(owner))
            probe = self.ask("create", "create", request, partial(classify_create, target), ("ok",))
            self.note(probe, remedies.advise_create(target, probe))
            self.save(probe.classified, probe.classified.server_id or "", target.create_savings, probe.answer)
            return probe.classified.server_id
        factory = WorkflowFactory(target, self.release, self.folder, self.values)
        taken = ""
        if isinstance(target.create, IdPool):
            # From the end: a gate begins with the first.
            taken = self.used = target.create.ids[owner][-1]
        exchange, classified = factory.make(taken, owner, id_)
        key = "ids" if taken else "command"
        request = Request(f"create.{key}", taken)
        probe = Probe("create", "create", owner, request, exchange.answer, classified, ("ok",))
        self.note(probe, None if classified.outcome == "ok" else self.explain_made(classified, key))
        self.save(classified, classified.server_id or "", target.read_savings, exchange.answer)
        return classified.server_id

    def save(self, classified: ClassifiedAnswer, workflow: str, savings: Iterable[Saving], answer: Answer) -> None:
        """Keeps the values of a good answer about the workflow of this id."""
        if classified.outcome in GOOD:
            self.values.save(workflow, savings, answer)

    def list_values(self, workflow: str, tenant: str = "") -> Values:
        return self.values.list(tenant or self.target.owner, "", workflow)

    def explain_made(self, classified: ClassifiedAnswer, key: str) -> str:
        message = classified.message or ""
        return message if message.startswith("create.") else f"create.{key}: {message}"

    def read(self, workflow: str, state: str, *, is_new: bool = False) -> bool:
        values = self.list_values(workflow)
        request = self.target.build_read(self.target.owner, workflow, self.name_request(), values)
        probe = self.ask("read", "read", request, partial(classify_read, self.target), ("ok",))
        self.save(probe.classified, workflow, self.target.read_savings, probe.answer)
        return self.note(probe, remedies.advise_read(self.target, probe, state, workflow, is_new=is_new))

    def send_advance(
        self, what: str, workflow: str, route: Route, origin: str, to: str, wanted: tuple[str, ...], tenant: str = ""
    ) -> tuple[Probe, str]:
        id_ = self.name_request()
        tenant = tenant or self.target.owner
        values = self.list_values(workflow, tenant)
        request = self.target.build_advance(route, tenant, workflow, origin, to, id_, id_, values)
        table = self.name_table(route)

        def classify(answer: Answer) -> ClassifiedAnswer:
            return classify_advance(self.target, answer, route, to)

        probe = self.ask(what, table, request, classify, wanted, tenant)
        self.save(probe.classified, workflow, route.savings, probe.answer)
        hint = remedies.propose_won_state(self.target, route, probe, to)
        self.hints += [hint] if hint is not None and hint not in self.hints else []
        return probe, id_

    def name_table(self, route: Route) -> str:
        return "advance" if route.index is None else f"advance.edges[{route.index}]"

    def ask_illegal(self, workflow: str) -> None:
        """A move that the graph does not have, out of the initial state."""
        graph = self.target.graph
        for to in reversed(graph.states):
            routes = self.target.routes_for(graph.initial, to)
            if routes and not graph.allows(graph.initial, to) and to != graph.initial:
                probe, _ = self.send_advance(
                    f"illegal advance {graph.initial} -> {to}", workflow, routes[-1], graph.initial, to,
                    ("refused", "conflict", "stale"),
                )  # fmt: skip
                self.note(probe, remedies.advise_illegal(probe, graph.initial, to))
                return

    def advance_once(self, workflow: str) -> tuple[Route, str, str] | None:
        """The first legal move, if possible not into a dead end: its route, state and request id."""
        graph = self.target.graph
        nexts = sorted(graph.successors[graph.initial], key=lambda state: state in graph.terminal)
        to = nexts[0]
        route = self.target.routes_for(graph.initial, to)[-1]
        probe, id_ = self.send_advance(f"advance {graph.initial} -> {to}", workflow, route, graph.initial, to, ("won",))
        remedy = remedies.advise_advance(probe, graph.initial, to)
        return (route, to, id_) if self.note(probe, remedy) else None

    def ask_stale(self, workflow: str, route: Route, origin: str, to: str) -> None:
        if to in self.target.expected_by(route, origin, to):
            return
        probe, _ = self.send_advance(
            f"stale advance {origin} -> {to}", workflow, route, origin, to, ("conflict", "stale")
        )
        self.note(probe, remedies.advise_stale(self.target, probe, to))

    def ask_stranger(self, workflow: str, state: str) -> None:
        """Another tenant reads the workflow, and asks for its next move."""
        for stranger in self.target.strangers[:1]:
            values = self.list_values(workflow, stranger)
            request = self.target.build_read(stranger, workflow, self.name_request(), values)
            read = self.ask(
                f"read by {stranger}", "read", request, partial(classify_read, self.target), ("refused",), stranger
            )
            self.note(read, remedies.advise_stranger(self.target, read))
            nexts = self.target.graph.successors.get(state, ()) or (self.target.graph.initial,)
            for route in self.target.routes_for(state, nexts[0])[-1:]:
                what = f"advance by {stranger} {state} -> {nexts[0]}"
                probe, _ = self.send_advance(what, workflow, route, state, nexts[0], ("refused",), stranger)
                self.note(probe, remedies.advise_stranger(self.target, probe))

    def ask_guards(self, workflow: str, state: str) -> None:
        """Some guards, those that must answer and those that must not."""
        decided = [guard for guard in self.target.guards if state not in guard.either]
        opened = [guard for guard in decided if state in guard.open]
        closed = [guard for guard in decided if state not in guard.open]
        for guard in [*opened[: GUARDS_MAX // 2], *closed[: GUARDS_MAX // 2]]:
            self.ask_guard(workflow, guard, state)

    def ask_guard(self, workflow: str, guard: Guard, state: str) -> None:
        target = self.target
        values = self.list_values(workflow)
        request = target.build_guard(guard, target.owner, workflow, self.name_request(), values)
        wanted = ("ok",) if state in guard.open else ("conflict",)
        probe = self.ask(
            f"guard {guard.name}",
            f"guards[{target.guards.index(guard)}]",
            request,
            lambda answer: classify_guard(target, answer, guard),
            wanted,
        )
        self.note(probe, remedies.advise_guard(probe, state))

    def read_trail(self, workflow: str, origin: str, to: str) -> None:
        values = self.list_values(workflow)
        request = self.target.build_trail(self.target.owner, workflow, self.name_request(), values)
        if request is None or self.target.trail is None:
            return
        ok = self.target.trail.ok
        probe = self.ask("audit", "audit", request, lambda answer: classify_shown(self.target, answer, ok), ("ok",))
        rows = read_trail(self.target, probe.answer)
        self.note(probe, remedies.advise_trail(self.target, probe, rows, [(origin, to)]))

    def read_effects(self, workflow: str, route: Route, marker: str) -> None:
        """The winner's marker is there, where its request carries one."""
        target = self.target
        request = target.build_effects(target.owner, workflow, self.name_request(), self.list_values(workflow))
        if request is None or target.effects is None:
            return
        ok = target.effects.ok
        probe = self.ask("effects", "effects", request, lambda answer: classify_shown(target, answer, ok), ("ok",))
        carried = marker if route.carries_marker else None
        self.note(probe, remedies.advise_effects(target, probe, read_markers(target, probe.answer), carried))

    def walk_routes(self) -> None:
        """Every route of an edge's own, once: from a new workflow along the shortest way to where it begins."""
        if not isinstance(self.target.create, Template):
            return
        for route in self.target.routes[:ROUTES_MAX]:
            if any(each.probe.table == self.name_table(route) for each in self.done):
                continue
            if not self.walk_to(route):
                return

    def press(self, origin: str, to: str) -> None:
        """Releases some requests for the first move of a new workflow at once: a service may be busy only then."""
        target = self.target
        if not isinstance(target.create, Template):
            return
        workflow = self.create_silently()
        if workflow is None:
            return
        route = target.routes_for(origin, to)[-1]
        ids = [self.name_request() for _ in range(AT_ONCE)]
        owner = target.owner
        values = self.list_values(workflow)
        requests = [target.build_advance(route, owner, workflow, origin, to, id_, id_, values) for id_ in ids]
        answers = [exchange.answer for exchange in self.release.race(requests)]
        odd = [answer for answer in answers if self.is_oddly_busy(answer, route, to)]
        if odd:
            what = f"{AT_ONCE} times advance {origin} -> {to} at once"
            classified = classify_advance(target, odd[0], route, to)
            probe = Probe(
                what, self.name_table(route), owner, requests[0], odd[0], classified, ("won", "conflict", "busy")
            )
            self.note(probe, remedies.advise_busy(Counter(answer.status for answer in odd), AT_ONCE))

    def is_oddly_busy(self, answer: Answer, route: Route, to: str) -> bool:
        """Whether it may say that nothing happened, and the file does not know it."""
        classified = classify_advance(self.target, answer, route, to)
        return remedies.may_be_busy(answer) and classified.outcome in ("unknown", "refused")

    def create_silently(self) -> str | None:
        target, id_ = self.target, self.name_request()
        request = target.build_create(target.owner, id_, marker=id_, values=self.values.list(target.owner))
        created = self.release.send(request).answer
        classified = classify_create(target, created)
        self.save(classified, classified.server_id or "", target.create_savings, created)
        return classified.server_id

    def walk_to(self, route: Route) -> bool:
        """Takes a new workflow to the route and asks for it; whether all went as it must."""
        graph, target = self.target.graph, self.target
        origin, to = (route.sources or (graph.initial,))[0], route.to or ""
        workflow, id_ = self.create_silently(), ""
        way = [*(graph.path(graph.initial, origin) or ()), to]
        for start, end in pairwise(way if workflow else ()):
            taken = route if (start, end) == (origin, to) else target.routes_for(start, end)[-1]
            probe, id_ = self.send_advance(f"advance {start} -> {end}", str(workflow), taken, start, end, ("won",))
            remedy = remedies.advise_advance(probe, start, end)
            if remedy is not None:
                return self.note(probe, remedy)
        self.walked += 1
        if workflow and route.carries_marker and not any(each.probe.table == "effects" for each in self.done):
            self.read_effects(workflow, route, id_)
        return True
