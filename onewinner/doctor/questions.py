"""The questions of doctor: each one is sent to the service, and its answer is understood and noted."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from engine.target.call import CREATE, call_route
from engine.target.classified_answer import (
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_effects,
    classify_guard,
    classify_poll,
    classify_read,
    classify_trail,
    classify_write,
    read_markers,
    read_trail,
    tell_state,
    turn_away,
)
from engine.target.http_answer import Answer
from engine.target.illegal import IllegalRequest
from engine.target.routes import Guard, Route, Write
from engine.target.savings import Saving, find_values
from engine.target.target import NotBuiltError, Target
from engine.target.template import NO_VALUES, Request, Values
from engine.target.workflow_source import IdPool, Queue
from load.client.ask import GOOD, choose_units
from load.client.logins_and_setup import Preparation
from load.client.polling import Polling, is_accepted, poll
from load.client.release import Exchange, Release, now_ns
from load.client.value_store import ValueStore
from load.client.workflow_factory import WorkflowFactory
from onewinner.doctor import remedies
from onewinner.doctor.remedies import Probe
from onewinner.doctor.tour_plan import Step

# So many requests for one move are released at once, to see what a service answers while it is busy with another one.
AT_ONCE = 10
# How long something that is missing may still come, beyond what the file says.
LATE_LIMIT_S, LATE_POLL_S = 2.0, 0.1


@dataclass(frozen=True)
class Examined:
    """A question, and what to change; None when its answer looks right."""

    probe: Probe
    remedy: str | None


class Enough(Exception):  # noqa: N818 - it says what happened
    """The question that a trial is about was answered, or one before it was wrong."""


@dataclass
class Questions:
    """The questions to one service. `done` grows with each; `folder` is for notes.

    `until` ends a trial behind the first question that is so called and has at least that number: what was mended
    before may let more be asked. `used` is the id that was used up, where the target lists
    ids; `wins` are the answers to moves that were made, `conflicts` those that mean it, with the state of the workflow;
    `units`: how many units resources have, by id.
    """

    target: Target
    release: Release
    folder: Path
    until: tuple[int, str] | None = None
    done: list[Examined] = field(default_factory=list)
    asked: int = 0
    used: str | None = None
    wins: list[tuple[Route, Answer, str]] = field(default_factory=list)
    conflicts: list[tuple[Answer, str]] = field(default_factory=list)
    values: ValueStore = field(init=False)
    preparation: Preparation = field(init=False)
    factory: WorkflowFactory = field(init=False)
    units: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = ValueStore(self.target)
        self.preparation = Preparation(self.target, self.release, self.values)
        self.factory = WorkflowFactory(self.target, self.release, self.folder, self.values)

    @property
    def wrong(self) -> list[Examined]:
        """What needs a change, each change once.

        A status that answers a request that comes too late is a conflict: not also a status to refuse illegal moves.
        """
        found: dict[tuple[str, str], Examined] = {}
        late = {each.probe.answer.status for each in self.done if str(each.remedy).startswith("advance.conflict:")}
        for each in self.done:
            if str(each.remedy).startswith("advance.refused:") and each.probe.answer.status in late:
                continue
            if each.remedy is not None:
                found.setdefault((each.remedy.partition(":")[0], each.remedy.rpartition("; ")[2]), each)
        return list(found.values())

    @property
    def hints(self) -> list[str]:
        """What the file could say beyond what it does, by all answers."""
        hints = [
            remedies.propose_won_state(self.target, self.wins),
            remedies.propose_current_state(self.target, self.conflicts),
        ]
        return [hint for hint in hints if hint is not None]

    def read_version(self, workflow: str) -> None:
        """Takes what a read saves for later requests, such as the version. What it shows was asked before."""
        if not self.target.read_savings:
            return
        probe = self.ask_read("read", workflow)
        self.save(probe.classified, workflow, self.target.read_savings, probe.answer)

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
        tenant: str = "",
    ) -> Probe:
        tenant = tenant or self.target.owner
        answer = replace(self.release.send(request).answer, carried=request.carried)
        classified = classify(answer) if tenant == self.target.owner else turn_away(classify(answer))
        return Probe(what, table, tenant, request, answer, classified, wanted)

    def ask_read(self, what: str, workflow: str, wanted: tuple[str, ...] = ("ok",), tenant: str = "") -> Probe:
        values = self.list_values(workflow, tenant)
        request = self.target.build_read(tenant or self.target.owner, workflow, self.name_request(), values)
        return self.ask(what, "read", request, partial(classify_read, self.target), wanted, tenant)

    def note(self, probe: Probe, remedy: str | None) -> bool:
        """Keeps it; whether the answer looks right."""
        self.done.append(Examined(probe, remedy))
        if self.until is not None:
            number, what = self.until
            if remedy is not None or (len(self.done) > number and probe.what == what):
                raise Enough
        return remedy is None

    def create(self, *, again: bool = False) -> str | None:
        """The id of a new workflow, None when there is none. What goes right `again` is not told."""
        target, owner, id_ = self.target, self.target.owner, self.name_request()
        if target.creates_by_request:
            units = choose_units(target, CREATE)
            request = target.build_create(owner, id_, id_, self.list_values("", create=id_), units)
            probe = self.ask("create", "create", request, partial(classify_create, target, units=units), ("ok",))
            remedy = remedies.advise_create(target, probe)
            if remedy is not None or not again:
                self.note(probe, remedy)
            self.keep_created(id_, probe.classified, probe.answer)
            return probe.classified.server_id
        self.list_values("")
        taken = ""
        if isinstance(target.create, IdPool):
            # From the end: a gate begins with the first.
            taken = self.used = target.create.ids[owner][-1]
        exchange, classified = self.factory.make(taken, owner, id_, id_, choose_units(target, CREATE))
        is_queue = isinstance(target.create, Queue)
        key = "ids" if taken else "put" if is_queue else "command"
        request = Request("capacity.put" if is_queue else f"create.{key}", taken)
        probe = Probe("create", "create", owner, request, exchange.answer, classified, ("ok",))
        if classified.outcome != "ok" or not again:
            self.note(probe, None if classified.outcome == "ok" else self.explain_made(classified, key))
        if is_queue:
            self.keep_created(id_, classified, exchange.answer)
        else:
            self.note_units(classified)
            self.save(classified, classified.server_id or "", target.read_savings, exchange.answer)
        return classified.server_id

    def note_units(self, classified: ClassifiedAnswer) -> None:
        if classified.server_id is not None and classified.left is not None:
            self.units[classified.server_id] = classified.left

    def save(self, classified: ClassifiedAnswer, workflow: str, savings: Iterable[Saving], answer: Answer) -> None:
        """Keeps the values of a good answer about the workflow of this id."""
        if classified.outcome in GOOD:
            self.values.save_values(workflow, find_values(savings, answer))

    def keep_created(self, id_: str, classified: ClassifiedAnswer, answer: Answer) -> None:
        """What was saved for the create of this request id belongs to the workflow that it made."""
        self.note_units(classified)
        if classified.server_id is not None:
            self.values.adopt({classified.server_id: self.values.workflows.get(id_, {})})
            self.save(classified, classified.server_id, self.target.create_savings, answer)

    def list_values(self, workflow: str, tenant: str = "", create: str = "", user: str = "") -> Values:
        """The values for a request about the workflow, or for the `create` of that request id, after what it needs was
        sent. Raises NotBuiltError.
        """
        client = tenant or self.target.owner, user
        self.preparation.prepare([client], [(client, create)] if create else [])
        obstacle = self.preparation.find_obstacle(client, create or None)
        if obstacle is not None:
            raise NotBuiltError(obstacle)
        return self.values.list(*client, create or workflow)

    def log_in_all(self) -> None:
        """Logs in every user of every tenant, with what their requests need first. Raises NotBuiltError."""
        for name, tenant in self.target.tenants.items():
            for user in tenant.users or [""]:
                self.list_values("", name, user=user)

    def explain_made(self, classified: ClassifiedAnswer, key: str) -> str:
        message = classified.message or ""
        return message if message.startswith(("create.", "capacity.")) else f"create.{key}: {message}"

    def read(self, workflow: str, state: str, *, is_new: bool = False, what: str = "read", after: str = "") -> bool:
        """Whether a read shows the state; taken on trust where nothing can be read. `after` is the key of what was
        asked before, if it was no move.
        """
        if not self.target.can_read:
            return True
        probe = self.ask_read(what, workflow)
        self.save(probe.classified, workflow, self.target.read_savings, probe.answer)
        seen = probe.classified.observed
        if seen in self.moved_alone(state):
            return False
        remedy = remedies.advise_read(self.target, probe, state, workflow, is_new=is_new)
        if after and remedy is not None and seen in self.target.graph.states:
            remedy = f"{after}: it moved the workflow from {state} to {seen}; remove it, or describe it as a move"
        return self.note(probe, remedy)

    def moved_alone(self, state: str) -> frozenset[str]:
        """The states in which a workflow may be by now without a request: then nothing more is asked of it."""
        return self.target.graph.reach_alone(state) - {state}

    def send_advance(
        self,
        what: str,
        workflow: str,
        step: Step,
        wanted: tuple[str, ...],
        tenant: str = "",
        *,
        replaced: Values = NO_VALUES,
        omitted: str = "",
    ) -> tuple[Probe, str]:
        """The question, and its request id. `replaced` stands over saved values, the value `omitted` is not sent."""
        id_, tenant, route, to = self.name_request(), tenant or self.target.owner, step.route, step.to
        values = {**self.list_values(workflow, tenant, user=route.user), **replaced}
        request = self.target.build_advance(route, tenant, workflow, step.origin, to, id_, id_, values, omitted)
        classify = partial(classify_advance, self.target, route=route, to=to)
        probe = self.ask(what, self.name_table(route), request, classify, wanted, tenant)
        self.save(probe.classified, workflow, route.savings, probe.answer)
        if is_accepted(self.target, route, probe.answer, to):
            return self.follow(probe, workflow, step, id_, values), id_
        self.wins += [(route, probe.answer, to)] if probe.classified.outcome == "won" else []
        return probe, id_

    def follow(self, accepted: Probe, workflow: str, step: Step, id_: str, values: Values) -> Probe:
        """The question with the answer that told the outcome of an accepted request."""
        route, tenant = step.route, accepted.tenant
        call = call_route(route, step.origin, step.to)
        exchange = Exchange(now_ns(), now_ns(), accepted.answer)
        polling = Polling(self.target, route, call, tenant, workflow, id_, exchange, values)
        poll(self.release, [polling])
        assert polling.told is not None
        answer = polling.told.answer
        told = classify_poll(self.target, answer, route, step.to)
        classified = told or ClassifiedAnswer("unknown", None, message=answer.error)
        if classified.outcome in GOOD and route.poll is not None:
            found = {**find_values(route.savings, accepted.answer), **find_values(route.poll.savings, answer)}
            self.values.save_values(workflow, found)
        return replace(accepted, answer=answer, classified=classified, table=f"{accepted.table}.poll")

    def name_table(self, route: Route) -> str:
        return "advance" if route.index is None else f"advance.edges[{route.index}]"

    def ask_illegal(self, workflow: str, request: IllegalRequest) -> bool:
        """A request that must not move the workflow, and a read; whether it is where it was."""
        state, step = request.state, Step(request.route, request.origin, request.to)
        if request.route.repeats and request.to == state:
            return True  # it is answered as a win there, and changes nothing
        what = f"illegal advance {state} -> {request.to}"
        probe, _ = self.send_advance(what, workflow, step, ("refused", "conflict", "stale"))
        self.note_conflict(probe, state)
        known = self.target.graph.allows(state, request.to)
        if not self.note(probe, remedies.advise_illegal(probe, state, request.to, known=known)):
            return False
        if not self.target.can_read:
            return True
        shown = self.ask_read("read", workflow)
        if shown.classified.observed in self.moved_alone(state):
            return False
        if shown.classified.outcome == "ok" and shown.classified.observed != state:
            return self.note(shown, remedies.advise_moved(probe, state, str(shown.classified.observed)))
        if shown.classified.outcome != "ok":
            return self.note(shown, remedies.advise_read(self.target, shown, state, workflow, is_new=False))
        self.save(shown.classified, workflow, self.target.read_savings, shown.answer)
        return True

    def ask_stale(self, workflow: str, route: Route, origin: str, to: str) -> None:
        if route.repeats or to in self.target.expected_by(route, origin, to):
            return
        step = Step(route, origin, to)
        probe, _ = self.send_advance(f"stale advance {origin} -> {to}", workflow, step, ("conflict", "stale"))
        self.note_conflict(probe, to)
        self.note(probe, remedies.advise_stale(self.target, probe, to))

    def note_conflict(self, probe: Probe, state: str) -> None:
        """The answer of a poll has a key of its own."""
        if probe.classified.outcome == "conflict" and not probe.table.endswith(".poll"):
            self.conflicts.append((probe.answer, state))

    def read_as(self, stranger: str, workflow: str, state: str | None) -> None:
        """`state`: the workflow's, where it is certain."""
        probe = self.ask_read(f"read by {stranger}", workflow, ("refused",), stranger)
        self.note(probe, remedies.advise_stranger(self.target, probe, state))
        if probe.answer.status == remedies.UNKNOWN_CLIENT and self.target.creates_by_request:
            self.create_as(stranger)

    def create_as(self, stranger: str) -> None:
        """Whether the service lets the other tenant in at all. If not, a refusal shows nothing about isolation."""
        target, id_ = self.target, self.name_request()
        units = choose_units(target, CREATE)
        request = target.build_create(stranger, id_, id_, self.list_values("", stranger, create=id_), units)
        classify = partial(classify_create, target, units=units)
        probe = self.ask(f"create by {stranger}", "create", request, classify, ("ok",), stranger)
        self.note(probe, remedies.advise_unknown_client(probe))

    def ask_write(self, workflow: str, write: Write, state: str) -> None:
        """A request that must not move the workflow, and a read, which must show the same state."""
        target, id_ = self.target, self.name_request()
        key = f"writes[{target.writes.index(write)}]"
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
        key, classify = f"guards[{target.guards.index(guard)}]", partial(classify_guard, target, guard=guard)
        probe = self.ask(f"guard {guard.name}", key, request, classify, wanted)
        self.note(probe, remedies.advise_guard(probe, state))

    def read_trail(self, workflow: str, moves: list[tuple[str, str]]) -> None:
        values = self.list_values(workflow)
        request = self.target.build_trail(self.target.owner, workflow, self.name_request(), values)
        if request is None or self.target.trail is None:
            return

        def look() -> tuple[Probe, str | None, bool]:
            probe = self.ask("audit", "audit", request, partial(classify_trail, self.target), ("ok",))
            rows = read_trail(self.target, probe.answer)
            is_gone = tell_state(self.target, probe.answer) == moves[-1][1]
            advice = None if is_gone else remedies.advise_trail(self.target, probe, rows, moves)
            shown = [row for row in rows or () if row["from"] is not None]
            return probe, advice, rows is not None and len(shown) < len(moves)

        self.look_later("audit", self.target.trail.within_s, look)

    def read_effects(self, workflow: str, step: Step, marker: str) -> None:
        """The winner's marker is there, where its request carries one."""
        target = self.target
        request = target.build_effects(target.owner, workflow, self.name_request(), self.list_values(workflow))
        if request is None or target.effects is None:
            return
        carried = marker if step.route.carries_marker else None

        def look() -> tuple[Probe, str | None, bool]:
            probe = self.ask("effects", "effects", request, partial(classify_effects, target), ("ok",))
            markers = read_markers(target, probe.answer)
            is_gone = tell_state(target, probe.answer) == step.to
            advice = None if is_gone else remedies.advise_effects(target, probe, markers, carried)
            return probe, advice, markers is not None

        self.look_later("effects", target.effects.within_s, look)

    def look_later(self, key: str, within_s: float, look: Callable[[], tuple[Probe, str | None, bool]]) -> None:
        """Notes what `look` finds after `within_s`: the probe, the advice, and whether something may still come. If so,
        it looks again for a while: what comes later needs another `within_s`.
        """
        began = time.monotonic()
        time.sleep(within_s)
        probe, advice, is_open = look()
        while advice is not None and is_open and time.monotonic() < began + within_s + LATE_LIMIT_S:
            time.sleep(LATE_POLL_S)
            probe, later, is_open = look()
            if later is None:
                advice = remedies.advise_delay(key, time.monotonic() - began)
                break
        self.note(probe, advice)

    def press(self, origin: str, to: str) -> None:
        """Releases some requests for the first move of a new workflow at once: a service may be busy only then."""
        target = self.target
        if isinstance(target.create, IdPool):
            return
        workflow = self.create(again=True)
        if workflow is None:
            return
        self.read_version(workflow)
        route = target.routes_for(origin, to)[-1]
        ids = [self.name_request() for _ in range(AT_ONCE)]
        owner = target.owner
        values = self.list_values(workflow, user=route.user)
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
