"""Asks a service everything that its target file describes once, one request after the other, and says of every answer
what to change in the file, if it looks wrong.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from engine.target.answer import (
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_effects,
    classify_guard,
    classify_read,
    classify_trail,
    classify_write,
    read_markers,
    read_trail,
)
from engine.target.create import IdPool
from engine.target.http_answer import Answer
from engine.target.illegal import IllegalRequest
from engine.target.routes import Guard, Route
from engine.target.target import NotBuiltError, Target
from engine.target.template import Request, Template, Values
from engine.target.values import Saving
from load.client.ask import GOOD
from load.client.preparation import Preparation
from load.client.release import Release
from load.client.values import ValueStore
from load.client.workflow_factory import WorkflowFactory
from onewinner import remedies
from onewinner.remedies import Probe
from onewinner.tour import Step, list_illegal_here, plan_tour, share

# So many workflows are created, at most; a command may take a second for each.
WALKS_MAX, WALKS_BY_COMMAND_MAX = 60, 8
# After so many wrong answers the rest is not asked: they mostly have one reason.
WRONG_MAX = 5
# So many requests for one move are released at once, to see what a service answers while it is busy with another one.
AT_ONCE = 10


@dataclass(frozen=True)
class Examined:
    """A question, and what to change; None when its answer looks right."""

    probe: Probe
    remedy: str | None


class Enough(Exception):  # noqa: N818 - it says what happened
    """The question that a trial is about was answered, or one before it was wrong."""


@dataclass
class Examination:
    """One service under examination. `done` grows with every question; `folder` is for notes.

    `until` ends a trial behind the question of that number. `used` is the id that was used up, where the target lists
    ids; `hints` are what the file could say beyond what it does; `skipped` is what was not asked, with the reason.
    """

    target: Target
    release: Release
    folder: Path
    until: int | None = None
    done: list[Examined] = field(default_factory=list)
    asked: int = 0
    used: str | None = None
    skipped: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    guarded: set[tuple[str, bool]] = field(default_factory=set)
    moves: list[tuple[str, str]] = field(default_factory=list)
    wins: list[tuple[Route, Answer, str]] = field(default_factory=list)
    values: ValueStore = field(init=False)
    preparation: Preparation = field(init=False)

    def __post_init__(self) -> None:
        self.values = ValueStore(self.target)
        self.preparation = Preparation(self.target, self.release, self.values)

    @property
    def wrong(self) -> list[Examined]:
        """What needs a change, each change once."""
        found: dict[tuple[str, str], Examined] = {}
        for each in self.done:
            if each.remedy is not None:
                found.setdefault((each.remedy.partition(":")[0], each.remedy.rpartition("; ")[2]), each)
        return list(found.values())

    @property
    def hints(self) -> list[str]:
        """What the file could say beyond what it does, by all answers."""
        hint = remedies.propose_won_state(self.target, self.wins)
        return [] if hint is None else [hint]

    def run(self) -> list[Examined]:
        """Asks until an answer makes the next question pointless; everything that was asked, in order."""
        workflow = self.create()
        initial = self.target.graph.initial
        if workflow is None or not self.read(workflow, initial, is_new=True):
            return self.done
        self.visit(workflow, initial)
        first = self.advance_once(workflow)
        if first is None:
            return self.done
        step, id_ = first
        self.read(workflow, step.to)
        self.ask_stale(workflow, step.route, initial, step.to)
        self.read(workflow, step.to, what="read after a stale advance")
        self.ask_stranger(workflow, step.to)
        self.visit(workflow, step.to)
        self.read_trail(workflow)
        if step.route.carries_marker or not any(each.carries_marker for each in self.target.routes):
            self.read_effects(workflow, step.route, id_)
        self.take_tour(workflow, step)
        self.press(initial, step.to)
        self.note_skipped()
        return self.done

    def visit(self, workflow: str, state: str) -> None:
        """Once for each state: what must be refused there, a read behind each request; then guards."""
        if state in self.visited:
            return
        self.visited.add(state)
        requests = list_illegal_here(self.target, state)
        for request in requests[: share(self.target)]:
            if not self.ask_illegal(workflow, request):
                return
        if len(requests) > share(self.target):
            self.skipped.append(f"{len(requests) - share(self.target)} illegal requests in {state}: they are too many")
        self.ask_guards(workflow, state)
        self.ask_writes(workflow, state)

    def take_tour(self, workflow: str, first: Step) -> None:
        """Every other move over each of its requests; the first walk goes on with the workflow that is there."""
        target = self.target
        by_request = isinstance(target.create, Template)
        walks_max = WALKS_MAX if by_request else WALKS_BY_COMMAND_MAX
        if isinstance(target.create, IdPool):
            self.walk_on(workflow, first)
            return
        tour = plan_tour(target, walks_max, (first,))
        for walk in tour.walks:
            if len(self.wrong) >= WRONG_MAX:
                self.skipped.append(f"what comes behind {WRONG_MAX} wrong answers")
                return
            if (new := self.create(again=True)) is None:
                return
            self.read_version(new)
            self.moves = []
            for step in walk:
                if not self.take(new, step):
                    break
            else:
                self.read_trail(new)
        if tour.left:
            self.skipped.append(f"{len(tour.left)} moves: they need more than {walks_max} workflows")

    def walk_on(self, workflow: str, first: Step) -> None:
        """What one workflow can show, where only a list of ids gives some."""
        state, made = first.to, [first]
        while onward := [step for step in self.list_steps(state) if step not in made]:
            step = min(onward, key=lambda each: each.to in self.target.graph.terminal)
            made.append(step)
            if not self.take(workflow, step):
                return
            state = step.to
        left = sum(step not in made for step in self.list_steps())
        self.skipped += [f"{left} moves: each would use up an id of create.ids"] if left else []

    def list_steps(self, origin: str | None = None) -> list[Step]:
        edges = [edge for edge in self.target.graph.walk_edges() if origin in (None, edge[0])]
        return [Step(route, *edge) for edge in edges for route in self.target.routes_for(*edge)]

    def take(self, workflow: str, step: Step) -> bool:
        """Makes a move, reads the state, and asks what is to be asked there; whether all was right."""
        probe, id_ = self.send_advance(f"advance {step.origin} -> {step.to}", workflow, step, ("won",))
        others = any(each.probe.table == probe.table and each.probe.classified.outcome == "won" for each in self.done)
        if not self.note(probe, remedies.advise_advance(probe, step.origin, step.to, others_won=others)):
            return False
        self.moves.append((step.origin, step.to))
        if not self.read(workflow, step.to):
            return False
        if step.route.carries_marker and not any(each.probe.table == "effects" for each in self.done):
            self.read_effects(workflow, step.route, id_)
        before = len(self.wrong)
        self.visit(workflow, step.to)
        return len(self.wrong) == before

    def note_skipped(self) -> None:
        """What the file describes and no question was about, and what it does not describe."""
        target = self.target
        unseen = [state for state in target.graph.states if state not in self.visited]
        self.skipped += [f"anything in {', '.join(unseen[:5])}: no walk came there"] if unseen else []
        for guard in target.guards:
            asked = {is_open for name, is_open in self.guarded if name == guard.name}
            self.skipped += [] if True in asked else [f"guard {guard.name} where it is open"]
            self.skipped += [] if False in asked else [f"guard {guard.name} where it is closed"]
        if not target.strangers:
            self.skipped.append("what another tenant may see and move: the file has one tenant only")
        self.skipped += [] if target.can_read else ["the state after each request: the file has no [read]"]
        self.skipped += ["an audit trail: the file has no [audit]"] if target.trail is None else []
        self.skipped += ["effects: the file has no [effects]"] if target.effects is None else []
        if not isinstance(target.create, Template):
            self.skipped.append("several requests at once: that needs workflows that a request creates")

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
        if self.until is not None and (remedy is not None or len(self.done) > self.until):
            raise Enough
        return remedy is None

    def create(self, *, again: bool = False) -> str | None:
        """The id of a new workflow, None when there is none. What goes right `again` is not told."""
        target, owner, id_ = self.target, self.target.owner, self.name_request()
        if isinstance(target.create, Template):
            request = target.build_create(owner, id_, marker=id_, values=self.list_values("", create=id_))
            probe = self.ask("create", "create", request, partial(classify_create, target), ("ok",))
            remedy = remedies.advise_create(target, probe)
            if remedy is not None or not again:
                self.note(probe, remedy)
            self.keep_created(id_, probe.classified, probe.answer)
            return probe.classified.server_id
        self.list_values("")
        factory = WorkflowFactory(target, self.release, self.folder, self.values)
        taken = ""
        if isinstance(target.create, IdPool):
            # From the end: a gate begins with the first.
            taken = self.used = target.create.ids[owner][-1]
        exchange, classified = factory.make(taken, owner, id_)
        key = "ids" if taken else "command"
        request = Request(f"create.{key}", taken)
        probe = Probe("create", "create", owner, request, exchange.answer, classified, ("ok",))
        if classified.outcome != "ok" or not again:
            self.note(probe, None if classified.outcome == "ok" else self.explain_made(classified, key))
        self.save(classified, classified.server_id or "", target.read_savings, exchange.answer)
        return classified.server_id

    def save(self, classified: ClassifiedAnswer, workflow: str, savings: Iterable[Saving], answer: Answer) -> None:
        """Keeps the values of a good answer about the workflow of this id."""
        if classified.outcome in GOOD:
            self.values.save(workflow, savings, answer)

    def keep_created(self, id_: str, classified: ClassifiedAnswer, answer: Answer) -> None:
        """What was saved for the create of this request id belongs to the workflow that it made."""
        if classified.server_id is not None:
            self.values.adopt({classified.server_id: self.values.workflows.get(id_, {})})
            self.save(classified, classified.server_id, self.target.create_savings, answer)

    def list_values(self, workflow: str, tenant: str = "", create: str = "") -> Values:
        """The values for a request about the workflow, or for the `create` of that request id, after what it needs was
        sent. Raises NotBuiltError.
        """
        user = tenant or self.target.owner, ""
        self.preparation.prepare([user], [(user, create)] if create else [])
        obstacle = self.preparation.find_obstacle(user, create or None)
        if obstacle is not None:
            raise NotBuiltError(obstacle)
        return self.values.list(*user, create or workflow)

    def explain_made(self, classified: ClassifiedAnswer, key: str) -> str:
        message = classified.message or ""
        return message if message.startswith("create.") else f"create.{key}: {message}"

    def read(self, workflow: str, state: str, *, is_new: bool = False, what: str = "read", after: str = "") -> bool:
        """Whether a read shows the state; taken on trust where nothing can be read. `after` is the key of what was
        asked before, if it was no move.
        """
        if not self.target.can_read:
            return True
        values = self.list_values(workflow)
        request = self.target.build_read(self.target.owner, workflow, self.name_request(), values)
        probe = self.ask(what, "read", request, partial(classify_read, self.target), ("ok",))
        self.save(probe.classified, workflow, self.target.read_savings, probe.answer)
        remedy = remedies.advise_read(self.target, probe, state, workflow, is_new=is_new)
        seen = probe.classified.observed
        if after and remedy is not None and seen in self.target.graph.states:
            remedy = f"{after}: it moved the workflow from {state} to {seen}; remove it, or describe it as a move"
        return self.note(probe, remedy)

    def send_advance(
        self, what: str, workflow: str, step: Step, wanted: tuple[str, ...], tenant: str = ""
    ) -> tuple[Probe, str]:
        id_ = self.name_request()
        tenant = tenant or self.target.owner
        values, route, to = self.list_values(workflow, tenant), step.route, step.to
        request = self.target.build_advance(route, tenant, workflow, step.origin, to, id_, id_, values)

        def classify(answer: Answer) -> ClassifiedAnswer:
            return classify_advance(self.target, answer, route, to)

        probe = self.ask(what, self.name_table(route), request, classify, wanted, tenant)
        self.save(probe.classified, workflow, route.savings, probe.answer)
        self.wins += [(route, probe.answer, to)] if probe.classified.outcome == "won" else []
        return probe, id_

    def name_table(self, route: Route) -> str:
        return "advance" if route.index is None else f"advance.edges[{route.index}]"

    def ask_illegal(self, workflow: str, request: IllegalRequest) -> bool:
        """A request that must not move the workflow, and a read; whether it is where it was."""
        state, step = request.state, Step(request.route, request.origin, request.to)
        what = f"illegal advance {state} -> {request.to}"
        probe, _ = self.send_advance(what, workflow, step, ("refused", "conflict", "stale"))
        known = self.target.graph.allows(state, request.to)
        if not self.note(probe, remedies.advise_illegal(probe, state, request.to, known=known)):
            return False
        if not self.target.can_read:
            return True
        values = self.list_values(workflow)
        read = self.target.build_read(self.target.owner, workflow, self.name_request(), values)
        shown = self.ask("read", "read", read, partial(classify_read, self.target), ("ok",))
        if shown.classified.outcome == "ok" and shown.classified.observed != state:
            return self.note(shown, remedies.advise_moved(probe, state, str(shown.classified.observed)))
        if shown.classified.outcome != "ok":
            return self.note(shown, remedies.advise_read(self.target, shown, state, workflow, is_new=False))
        self.save(shown.classified, workflow, self.target.read_savings, shown.answer)
        return True

    def advance_once(self, workflow: str) -> tuple[Step, str] | None:
        """The first legal move, if possible not into a dead end, and its request id."""
        step = min(self.list_steps(self.target.graph.initial), key=lambda each: each.to in self.target.graph.terminal)
        step = Step(self.target.routes_for(step.origin, step.to)[-1], step.origin, step.to)
        probe, id_ = self.send_advance(f"advance {step.origin} -> {step.to}", workflow, step, ("won",))
        if not self.note(probe, remedies.advise_advance(probe, step.origin, step.to)):
            return None
        self.moves.append((step.origin, step.to))
        return step, id_

    def ask_stale(self, workflow: str, route: Route, origin: str, to: str) -> None:
        if to in self.target.expected_by(route, origin, to):
            return
        step = Step(route, origin, to)
        probe, _ = self.send_advance(f"stale advance {origin} -> {to}", workflow, step, ("conflict", "stale"))
        self.note(probe, remedies.advise_stale(self.target, probe, to))

    def ask_stranger(self, workflow: str, state: str) -> None:
        """Another tenant reads the workflow, and asks for its next move."""
        for stranger in self.target.strangers[:1]:
            if self.target.can_read:
                self.read_as(stranger, workflow)
            nexts = self.target.graph.successors.get(state, ()) or (self.target.graph.initial,)
            for route in self.target.routes_for(state, nexts[0])[-1:]:
                what = f"advance by {stranger} {state} -> {nexts[0]}"
                probe, _ = self.send_advance(what, workflow, Step(route, state, nexts[0]), ("refused",), stranger)
                self.note(probe, remedies.advise_stranger(self.target, probe))

    def read_as(self, stranger: str, workflow: str) -> None:
        values = self.list_values(workflow, stranger)
        request = self.target.build_read(stranger, workflow, self.name_request(), values)
        what, classify = f"read by {stranger}", partial(classify_read, self.target)
        probe = self.ask(what, "read", request, classify, ("refused",), stranger)
        self.note(probe, remedies.advise_stranger(self.target, probe))

    def ask_guards(self, workflow: str, state: str) -> None:
        """Each guard once where it must answer, and once where it must not."""
        for guard in self.target.guards:
            key = guard.name, state in guard.open
            if state not in guard.either and key not in self.guarded:
                self.guarded.add(key)
                self.ask_guard(workflow, guard, state)

    def ask_writes(self, workflow: str, state: str) -> None:
        """Each write of the file that is sent in this state, and a read, which must show the same state."""
        target = self.target
        for write in target.writes_in(state):
            id_, key = self.name_request(), f"writes[{target.writes.index(write)}]"
            request = target.build_write(write, target.owner, workflow, id_, id_, self.list_values(workflow))
            classify = partial(classify_write, target, write=write)
            probe = self.ask(f"write {write.name} in {state}", key, request, classify, ("ok", "conflict", "stale"))
            self.save(probe.classified, workflow, write.savings, probe.answer)
            if self.note(probe, remedies.advise_status(probe, f"{key}.ok")):
                self.read(workflow, state, what=f"read after {write.name}", after=key)

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

    def read_trail(self, workflow: str) -> None:
        values = self.list_values(workflow)
        request = self.target.build_trail(self.target.owner, workflow, self.name_request(), values)
        if request is None or self.target.trail is None:
            return
        probe = self.ask("audit", "audit", request, partial(classify_trail, self.target), ("ok",))
        rows = read_trail(self.target, probe.answer)
        self.note(probe, remedies.advise_trail(self.target, probe, rows, self.moves))

    def read_effects(self, workflow: str, route: Route, marker: str) -> None:
        """The winner's marker is there, where its request carries one."""
        target = self.target
        request = target.build_effects(target.owner, workflow, self.name_request(), self.list_values(workflow))
        if request is None or target.effects is None:
            return
        probe = self.ask("effects", "effects", request, partial(classify_effects, target), ("ok",))
        carried = marker if route.carries_marker else None
        self.note(probe, remedies.advise_effects(target, probe, read_markers(target, probe.answer), carried))

    def press(self, origin: str, to: str) -> None:
        """Releases some requests for the first move of a new workflow at once: a service may be busy only then."""
        target = self.target
        if not isinstance(target.create, Template):
            return
        workflow = self.create_silently()
        if workflow is None:
            return
        self.read_version(workflow)
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

    def read_version(self, workflow: str) -> None:
        """Takes the version of a new workflow, if a move must carry one. What a read shows was asked before."""
        if self.target.version is None:
            return
        request = self.target.build_read(self.target.owner, workflow, self.name_request(), self.list_values(workflow))
        answer = self.release.send(request).answer
        self.save(classify_read(self.target, answer), workflow, self.target.read_savings, answer)

    def create_silently(self) -> str | None:
        target, id_ = self.target, self.name_request()
        request = target.build_create(target.owner, id_, marker=id_, values=self.list_values("", create=id_))
        created = self.release.send(request).answer
        classified = classify_create(target, created)
        self.keep_created(id_, classified, created)
        return classified.server_id
