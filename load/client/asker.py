"""Asker: one source of operations. It writes each operation into the journal, sends it and classifies the answer.

It knows nothing of Locust and nothing of any engine but its Target. The stateful models and the Locust scenarios all
ask through it, so every history is written in one way. `load.client.ask` has what of it is pure.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from engine.target.call import CREATE, READ, VERSION_OLD, Call, call_route
from engine.target.classified_answer import ClassifiedAnswer
from engine.target.http_answer import Answer
from engine.target.routes import Route
from engine.target.target import NotBuiltError, Target
from engine.target.template import Request, Values
from load.client.ask import (
    GOOD,
    Ask,
    Examine,
    Reply,
    add_problem,
    bind,
    build_request,
    carries_version,
    choose_units,
    classify,
    describe_payload,
    find_key,
    list_read_anew,
    make_invocation,
    make_return,
    note_answer,
    save_values,
)
from load.client.clock import MONOTONIC, Clock, Instant
from load.client.denials import Denials
from load.client.holdings import Holdings
from load.client.logins_and_setup import Preparation
from load.client.polling import Polling, is_accepted, poll
from load.client.read_retry import PAUSES_S, Retry
from load.client.release import Exchange, Release, ReleaseError, now_ns
from load.client.retry_after import lengthen_pause
from load.client.silence import Silence
from load.client.trails import EFFECTS, TRAIL, TrailReader
from load.client.value_store import ValueStore
from load.client.versions import Noted, Versions
from load.client.workflow_factory import WorkflowFactory
from reports.history import events
from reports.history.journal import Journal

LineUp = Callable[[], Instant]
# Statuses that say nothing of a workflow: a service that takes too many requests now takes some later.
LIMITED = (429, 503)


class NothingHeldError(NotBuiltError):
    """There is nothing to give back."""


@dataclass
class Asker:
    """Asks `target` through `release` and writes what happens into `journal`.

    `server_ids` maps the harness's name of a workflow to the id that the server gave it, until it is forgotten.
    `clock` turns the times of this process into those of the run. `is_out`: no id is left. `unknowns` counts the
    operations whose effect is not known. `stays_busy`: whether a busy engine stayed busy the last time, by whether the
    idempotency key of the request had its answer; `served` has those that had, by workflow. `in_vain` counts how many
    requests in a row were insisted on in vain: they stayed busy.
    `refreshed` counts the reads that the asker added to know which version is current; `reads_versions`: it adds some.
    `left_out` counts the requests that need a value that only some states show, or the answer to a move.
    `holdings` is what clients hold of each resource, `units` how many units each has, where it is known.
    `bodies` is what the first request with each idempotency key carried from a read of its own, by workflow.
    `went_unanswered`: no request of the last release was answered; `latest` is its workflow, with its id and tenant.
    """

    target: Target
    release: Release
    journal: Journal
    scenario: str = ""
    server_ids: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    workflows: int = 0
    clock: Clock = MONOTONIC
    is_out: bool = False
    unknowns: int = 0
    stays_busy: dict[bool, bool] = field(default_factory=dict)
    in_vain: int = 0
    served: dict[str, set[str]] = field(default_factory=dict)
    went_unanswered: bool = False
    latest: tuple[str, str, str] | None = None
    source: str = field(init=False)
    factory: WorkflowFactory = field(init=False)
    denials: Denials = field(init=False)
    values: ValueStore = field(init=False)
    versions: Versions = field(default_factory=Versions)
    holdings: Holdings = field(default_factory=Holdings)
    units: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, dict[tuple[str, str, str, str], Values]] = field(default_factory=dict)
    reads_versions: bool = True
    refreshed: int = 0
    left_out: int = 0
    preparation: Preparation = field(init=False)
    _begun: dict[str, tuple[Request, bool]] = field(default_factory=dict)
    silence: Silence = field(init=False)
    trails: TrailReader = field(init=False)

    def __post_init__(self) -> None:
        self.source = self.journal.path.stem
        self.silence = Silence(self.target.timeout_s)
        retry = Retry(self.release, self.target, self.silence)
        self.values = ValueStore(self.target)
        self.preparation = Preparation(self.target, self.release, self.values)
        self.denials = Denials(self.target, self.preparation)
        self.trails = TrailReader(self.target, self.journal, self.denials, self.clock, retry, self.preparation)
        self.factory = WorkflowFactory(self.target, self.release, self.journal.path.parent / "ids", self.values)

    @property
    def counted(self) -> int:
        """The operations so far without those that the asker added: to see whether the service answers, and to know
        which version is current.
        """
        return self.asked - self.silence.checks - self.refreshed

    def plan(self, operations: int, races: int = 0, withdrawn: str | None = None) -> None:
        """Declares operations and races; an Ask that is given `planned=False` declares itself.

        Negative numbers withdraw what cannot be asked any more; `withdrawn` says why.
        """
        plan = events.Plan(operations=operations, races=races, scenario=self.scenario, withdrawn=withdrawn)
        self.journal.write(plan)

    def create(
        self,
        tenant: str,
        *,
        name: str | None = None,
        planned: bool = False,
        examine: Examine | None = None,
        units: int = 0,
    ) -> str | None:
        """A new workflow: the harness's name of it, or None when there is none. With no id left nothing is asked.
        `units`: how many units a resource is to have.
        """
        ask = self.create_ask(tenant, name=name, examine=examine, units=units)
        if not self.target.creates_by_request:
            classified = self.make(ask, planned=planned).classified
        else:
            # A caller that plans for itself counts each operation, so it also asks again for itself.
            classified = (self.ask(ask, planned=True) if planned else self.ask_until_told(ask)).classified
        return None if classified.server_id is None else ask.workflow

    def make(self, ask: Ask, *, planned: bool = False) -> Reply:
        """A workflow that no request creates. In the history it is a create like any other, without a status."""
        taken = self.factory.take(ask.tenant)
        if taken is None:
            self.is_out = True
            return Reply("", ask, Exchange(now_ns(), None, Answer(None)), ClassifiedAnswer("unknown", None))
        if not planned:
            self.plan(1)
        self.prepare([ask])
        id_ = self._number()
        self.journal.write(self._invocation(ask, id_, None, 0))
        units = choose_units(self.target, ask.call)
        reply = Reply(id_, ask, *self.factory.make(taken, ask.tenant, id_, ask.workflow, units))
        self._finish([reply], Instant())
        return reply

    def forget(self, workflow: str) -> None:
        """Nothing more will be asked about it."""
        self.server_ids.pop(workflow, None)
        self.denials.owners.pop(workflow, None)
        self.values.forget(workflow)
        self.versions.forget(workflow)
        self.holdings.forget(workflow)
        self.units.pop(workflow, None)
        self.bodies.pop(workflow, None)
        self.served.pop(workflow, None)
        self.factory.queues.forget(workflow)

    def create_ask(
        self,
        tenant: str,
        *,
        name: str | None = None,
        examine: Examine | None = None,
        units: int = 0,
        call: Call = CREATE,
        key_of: str = "",
    ) -> Ask:
        """What creates a workflow. When it is answered, `server_ids` has the workflow. An idempotency key of the `call`
        is made from the id of the workflow `key_of`.
        """
        self.workflows += 1
        name = name or f"{self.source}.w{self.workflows}"
        self.denials.owners[name] = tenant
        units = units or call.units
        return bind(self.target, structs.replace(call, units=units), name, tenant, examine, key_of=key_of)

    def read_ask(self, workflow: str, tenant: str) -> Ask:
        return bind(self.target, READ, workflow, tenant)

    def advance_ask(
        self, workflow: str, tenant: str, route: Route, origin: str, to: str, examine: Examine | None = None
    ) -> Ask:
        return bind(self.target, call_route(route, origin, to), workflow, tenant, examine)

    def read(self, workflow: str, tenant: str, *, planned: bool = False) -> Reply:
        return self.ask(self.read_ask(workflow, tenant), planned=planned)

    def ask(self, ask: Ask, *, planned: bool = False) -> Reply:
        return self.race([ask], None, planned=planned)[0]

    def ask_until_told(self, ask: Ask, *, insists: bool = False) -> Reply:
        """Asks, and asks again for a while as long as the engine is busy: each time a new operation, planned here.
        `insists`: also if it stayed busy the last time.
        """
        reply, had_answer = self.ask(ask), ask.call.key in self.served.get(ask.workflow, ())
        was_busy, pays = reply.outcome == "busy", insists or not self.stays_busy.get(had_answer)
        for pause_s in PAUSES_S if pays else ():
            if reply.outcome != "busy":
                break
            time.sleep(lengthen_pause(pause_s, reply.exchange.answer))
            reply = self.ask(ask)
        self.stays_busy[had_answer] = reply.outcome == "busy"
        if insists and was_busy and reply.exchange.answer.status not in LIMITED:
            self.in_vain = self.in_vain + 1 if reply.outcome == "busy" else 0
        return reply

    def race(
        self, asks: Sequence[Ask], race: str | None, *, planned: bool = False, line_up: LineUp | None = None
    ) -> list[Reply]:
        """Releases all of them at once. `race` is the id of the race in which those contend that name no other; None
        when the design calls it no race.

        A request that cannot be built is not sent and is no operation; its Reply is unknown and has no id.
        `line_up` is called when all but the end of each request is sent, and says when to release.
        """
        self.refresh(asks)
        self.prepare(asks)
        asks = self.equip([self.hold(ask) for ask in asks])
        built = [self._try_build(ask) for ask in asks]
        sent = [(number, *each) for number, each in enumerate(built) if not isinstance(each, Reply)]
        races = [(ask.race or race) if ask.contends else None for ask in asks]
        if not planned:
            self.plan(len(sent), len({races[number] for number, _, _ in sent} - {None}))
        invocations = [self._invocation(asks[number], id_, races[number], number) for number, id_, _ in sent]
        instant = Instant()

        def prepare() -> int | None:
            nonlocal instant
            self.journal.write(*invocations)
            instant = line_up() if line_up is not None else instant
            return instant.at_ns

        if race is not None or len(asks) > 1:
            self._warm(asks)
        exchanges = self.release.race([request for _, _, request in sent], prepare) if sent else []
        if not sent:
            prepare()
        answered = [(*one, each) for one, each in zip(sent, exchanges, strict=True)]
        pollings = {number: self.begin_polling(asks[number], id_, each) for number, id_, _, each in answered}
        poll(self.release, [each for each in pollings.values() if each is not None])
        replies = {
            number: self._classify(asks[number], id_, request, each, pollings[number], races=races[number] is not None)
            for number, id_, request, each in answered
        }
        self._finish([*replies.values()], instant)
        if sent:
            self._note_silence([*replies.values()])
            self.check_silence()
        return [each if isinstance(each, Reply) else replies[number] for number, each in enumerate(built)]

    def refresh(self, asks: Sequence[Ask]) -> None:
        """Reads the workflows whose version these requests carry and that may have another one by now. Each read
        declares itself.
        """
        outdated = self.list_outdated(asks) if self.reads_versions else []
        if outdated:
            before = self.asked
            self.race(outdated, None)
            self.refreshed += 0 if self.silence.is_checking else self.asked - before

    def list_outdated(self, asks: Sequence[Ask]) -> list[Ask]:
        """The reads that tell these requests the current version."""
        names = {ask.workflow: ask for ask in asks if ask.version is None and carries_version(self.target, ask)}
        return [
            self.read_ask(name, self.denials.owners.get(name, self.target.owner))
            for name in names
            if name in self.server_ids and not self.versions.is_current(name)
        ]

    def equip(self, asks: Sequence[Ask]) -> list[Ask]:
        """The Asks, each with the values of a read of its own where it carries some. Each read declares itself."""
        reads = [self.find_own_read(ask) for ask in asks]
        needed, before = [read for read in reads if read is not None], self.asked
        replies = iter(self.race(needed, None) if needed else ())
        self.refreshed += 0 if self.silence.is_checking else self.asked - before
        return [ask if read is None else self.give(ask, next(replies)) for ask, read in zip(asks, reads, strict=True)]

    def find_own_read(self, ask: Ask) -> Ask | None:
        """The read whose values this request alone is to carry; None if it carries none, or has them."""
        if ask.own or ask.workflow not in self.server_ids or not list_read_anew(self.target, ask):
            return None
        owner = self.denials.owners.get(ask.workflow, self.target.owner)
        read = self.read_ask(ask.workflow, owner)
        return replace(read, user=ask.user) if ask.tenant == owner else read

    def give(self, ask: Ask, reply: Reply) -> Ask:
        """The Ask with the values that the answer to its own read gave."""
        names = list_read_anew(self.target, ask)
        own = {name: told for name, told in save_values(self.target, reply).items() if name in names}
        return replace(ask, own={**own, **self._find_sent(ask, own)})

    def _find_sent(self, ask: Ask, own: Values) -> Values:
        """The values in the body of the first request with the Ask's idempotency key: a request that is repeated has
        the same body. What stands in a header or in the path proves the client, and is read anew.
        """
        if not ask.call.key or ask.template is None:
            return {}
        key = find_key(ask.call, self._find_key_id(ask)), ask.tenant, ask.user, describe_payload(ask.call)
        sent = self.bodies.setdefault(ask.workflow, {}).setdefault(key, own)
        return {name: told for name, told in sent.items() if name in ask.template.in_body}

    def fix_version(self, ask: Ask) -> Ask:
        """The Ask with the version that its request would carry now, and with what it gives back; later answers do not
        change it.
        """
        ask = self.hold(ask)
        return ask if ask.version is not None else replace(ask, version=self._find_version(ask))

    def hold(self, ask: Ask) -> Ask:
        """A give-back with what it gives back: nothing else gives it back then."""
        if not ask.call.gives_back or ask.held is not None:
            return ask
        held = self.holdings.take_out(ask.workflow, ask.tenant, ask.call.key)
        return ask if held is None else replace(ask, held=held, user=held.user)

    def prepare(self, asks: Sequence[Ask]) -> None:
        """Sends what these requests need first, such as a login, without releasing them. Blocks."""
        creates = [((ask.tenant, ask.user), ask.workflow) for ask in asks if ask.call.creates]
        self.preparation.prepare([(ask.tenant, ask.user) for ask in asks], creates)

    def build(self, ask: Ask) -> Request:
        """The request of an Ask as the next operation. If it cannot be built, the history says
        so. Raises NotBuiltError.
        """
        try:
            return self._build(ask, self._name_next())
        except NothingHeldError:
            raise  # what would be given back was not got: nothing is missing
        except NotBuiltError as error:
            self.left_out += error.value is not None
            self.trails.note_unsent(ask.workflow, error)
            raise

    def begin(self, ask: Ask, race: str | None = None, number: int = 1) -> tuple[str, Request]:
        """Records that it is asked now, for a caller that sends by other means than the release: id and request.

        Raises NotBuiltError.
        """
        request, id_ = self.build(ask), self._number()
        self._begun[id_] = request, race is not None
        self.journal.write(self._invocation(ask, id_, race, number))
        return id_, request

    def begin_polling(self, ask: Ask, id_: str, exchange: Exchange) -> Polling | None:
        """What has to be asked before the outcome of a request with this answer is known; None if nothing."""
        if ask.route is None or not is_accepted(self.target, ask.route, exchange.answer, ask.call.to):
            return None
        values = self.values.list(ask.tenant, ask.user, ask.workflow)
        server_id = self.server_ids[ask.workflow]
        return Polling(self.target, ask.route, ask.call, ask.tenant, server_id, id_, exchange, values)

    def finish(self, ask: Ask, id_: str, exchange: Exchange, polling: Polling | None = None) -> Reply:
        """Records what came of a `begin`, and of the `polling` that has ended, if it was accepted."""
        request, races = self._begun.pop(id_)
        reply = self._classify(ask, id_, request, exchange, polling, races=races)
        self._finish([reply], Instant())
        self._note_silence([reply])
        return reply

    def trail(self, workflow: str, tenant: str) -> list[dict[str, Any]] | None:
        return self.trails.read(TRAIL, workflow, self.server_ids[workflow], tenant)

    def effects(self, workflow: str, tenant: str) -> None:
        self.trails.read(EFFECTS, workflow, self.server_ids[workflow], tenant)

    def probe(self, check: events.ProbeCheck, what: str, problem: str | None, **facts: Any) -> None:
        """Records a request that is no operation, and what was wrong with its answer."""
        self.journal.write(events.Probe(check=check, what=what, problem=problem, **facts))

    def check_silence(self, *, in_doubt: bool = False) -> None:
        """If no request, or no advance, was answered for long: a create, a lone legal move of the new workflow and a
        read show whether the service answers at all. Blocks. `in_doubt`: an obstacle ends the level.

        They wait for the lock of no other workflow; where no request creates, several workflows must be silent.
        """
        silence, creates = self.silence, self.target.creates_by_request
        if not silence.is_possible(in_doubt=in_doubt) or (len(silence.requests.workflows) < 2 and not creates):
            return
        silence.is_checking, asked = True, self.asked
        moved = creates and self._move_anew()
        self.look_again()
        silence.conclude(moved=moved)
        silence.checks += self.asked - asked

    def _move_anew(self) -> bool:
        """Creates a workflow, and makes the first legal move with it; whether there was one to make."""
        graph, owner = self.target.graph, self.target.owner
        workflow, onward = self.create(owner), graph.successors.get(graph.initial, ())
        if workflow is None or not onward:
            return False
        route = self.target.routes_for(graph.initial, onward[0])[-1]
        self.ask(self.advance_ask(workflow, owner, route, graph.initial, onward[0]))
        self.forget(workflow)
        return True

    def look_again(self) -> None:
        """If the last requests went unanswered, one more read shows whether the service answers at all. Blocks."""
        if not self.went_unanswered or self.latest is None or self.silence.is_certain or not self.target.can_read:
            return
        workflow, server_id, tenant = self.latest
        is_known = workflow in self.server_ids
        self.server_ids[workflow] = server_id
        try:
            self.read(workflow, tenant)
        except ReleaseError as error:
            self.journal.write(events.Broken(what=str(error)))
        if not is_known:
            self.forget(workflow)

    def read_late(self) -> None:
        """Reads the trails and the effects that may have been late. Blocks."""
        try:
            self.trails.read_late()
        except ReleaseError as error:
            self.journal.write(events.Broken(what=str(error)))

    def end(self) -> None:
        """Reads what may have been late. Then the file is whole: without an end the source was cut short."""
        self.read_late()
        self.journal.write(events.End(operations=self.asked, shown=sorted(self.values.shown) or None))
        self.journal.close()
        self.release.close()

    def _name_next(self) -> str:
        return f"{self.source}.{self.asked + 1}"

    def _number(self) -> str:
        """The id of the next operation, which begins now."""
        id_ = self._name_next()
        self.asked += 1
        return id_

    def _build(self, ask: Ask, id_: str) -> Request:
        creates = ask.call.creates
        obstacle = self.preparation.find_obstacle((ask.tenant, ask.user), ask.workflow if creates else None)
        if obstacle is not None:
            raise NotBuiltError(obstacle)
        if ask.call.gives_back and ask.held is None:
            raise NothingHeldError("nothing is held that could be given back")
        server_id, key_id = "" if creates else self.server_ids[ask.workflow], self._find_key_id(ask)
        values = {**self.values.list(ask.tenant, ask.user, ask.workflow), **ask.own}
        version = self._find_version(ask)
        if version is not None and self.target.version is not None:
            # A service that tells a whole number wants one back; a history holds versions as texts.
            is_number = isinstance(values.get(self.target.version), int)
            values = {**values, self.target.version: int(version) if is_number else version}
        return build_request(self.target, ask, server_id, id_, values, key_id)

    def _find_key_id(self, ask: Ask) -> str:
        """The id that an idempotency key is made from."""
        workflow = ask.key_of or ask.workflow
        return self.server_ids.get(workflow, "") + self._find_scope(workflow)

    def _find_scope(self, workflow: str) -> str:
        return self.target.find_scope(self.values.workflows.get(workflow, {}))

    def _find_version(self, ask: Ask) -> str | None:
        """The version that the request carries."""
        if not carries_version(self.target, ask) or ask.version is not None:
            return ask.version
        if ask.call.version == VERSION_OLD:
            old = self.versions.find_old(ask.workflow, ask.call.origin)
            if old is None:
                raise NotBuiltError(f"no version of {ask.workflow} but the current one was told")
            return old
        values = self.values.list(ask.tenant, ask.user, ask.workflow)
        version = values.get(self.target.version or "")
        return None if version is None else str(version)

    def _try_build(self, ask: Ask) -> tuple[str, Request] | Reply:
        """The id and the request; a Reply for one that cannot be built."""
        try:
            request = self.build(ask)
        except NotBuiltError as error:
            lost = Exchange(now_ns(), None, Answer(None, error=str(error)))
            return Reply("", ask, lost, ClassifiedAnswer("unknown", None, message=str(error)))
        return self._number(), request

    def _invocation(self, ask: Ask, id_: str, race: str | None, number: int) -> events.Invoke:
        process, invoked_ns = f"{self.source}#{number}", now_ns() + self.clock.offset_ns
        version, key_id = self._find_version(ask), self._find_key_id(ask)
        return make_invocation(self.target, ask, id_, process, self.scenario, race, invoked_ns, version, key_id)

    def _classify(
        self, ask: Ask, id_: str, request: Request, exchange: Exchange, polling: Polling | None, *, races: bool
    ) -> Reply:
        accepted = exchange if polling is not None else None
        if polling is not None and polling.told is not None:
            exchange = polling.told
            self._note_failure(ask, polling)
        exchange = replace(exchange, answer=replace(exchange.answer, carried=request.carried))
        told = classify(self.target, ask, exchange.answer, polled=accepted is not None)
        classified, reason = self.denials.review(ask, told, races=races)
        if reason is not None:
            self.trails.note_denied(ask.tenant, ask.workflow, classified.status, reason, exchange.invoked_ns)
        return Reply(id_, ask, exchange, add_problem(self.target, ask, exchange.answer, classified), accepted, request)

    def _note_failure(self, ask: Ask, polling: Polling) -> None:
        """A poll that was answered by a server error is no operation; the history has it all the same."""
        if (failed := polling.failure) is None:
            return
        offset_ns = self.clock.offset_ns
        self.journal.write(
            events.Probe(
                check="no-5xx",
                what=f"poll of {polling.id}",
                problem=f"a poll of {polling.id} was answered {failed.answer.status}",
                workflow=ask.workflow,
                status=failed.answer.status,
                at_ns=failed.invoked_ns + offset_ns,
                until_ns=None if failed.returned_ns is None else failed.returned_ns + offset_ns,
            )
        )

    def _finish(self, replies: Sequence[Reply], instant: Instant) -> None:
        """Writes the answers into the journal, and keeps the ids of new workflows and the values of all."""
        for reply in sorted(replies, key=lambda reply: reply.exchange.returned_ns or 0):
            self.unknowns += reply.outcome == "unknown"
            self.values.save_values(reply.ask.workflow, save_values(self.target, reply))
            for each in filter(None, (reply.accepted, reply.exchange)):
                self.values.keep_cookies(reply.ask.tenant, reply.ask.user, each.answer)
            self._note_units(reply)
            if reply.ask.call.key and reply.outcome in GOOD:
                self.served.setdefault(reply.ask.workflow, set()).add(reply.ask.call.key)
            if reply.classified.server_id is not None:
                self.server_ids[reply.ask.workflow] = reply.classified.server_id
        self._note_versions(replies)
        secrets = self.journal.secrets
        returns = [
            make_return(
                self.target, reply, self.clock, instant.intended_ns, secrets, self._find_scope(reply.ask.workflow)
            )
            for reply in replies
        ]
        self.journal.write(*returns)

    def _note_units(self, reply: Reply) -> None:
        """Keeps how many units a new resource has, and what a take got."""
        ask, capacity, classified = reply.ask, self.target.capacity, reply.classified
        if capacity is None:
            return
        if ask.call.creates and classified.left is not None:
            self.units[ask.workflow] = classified.left
        if ask.call.takes and reply.outcome == "won":
            found = (classified.unit, capacity.savings, reply.exchange.answer)
            self.holdings.keep(reply.id, ask.workflow, ask.tenant, ask.user, *found)
        if reply.outcome == "unknown" and (ask.call.is_of_units or ask.call.creates):
            self.factory.queues.note_doubt()

    def _note_versions(self, replies: Sequence[Reply]) -> None:
        if self.target.version is None:
            return
        by_workflow: dict[str, list[Noted]] = {}
        for reply in sorted(replies, key=lambda reply: reply.exchange.returned_ns or 0):
            by_workflow.setdefault(reply.ask.workflow, []).append(note_answer(self.target, reply))
        for workflow, answers in by_workflow.items():
            self.versions.note(workflow, answers)

    def _note_silence(self, replies: Sequence[Reply]) -> None:
        self.went_unanswered = all((reply.accepted or reply.exchange).answer.status is None for reply in replies)
        for reply in replies:
            self.silence.note(reply.exchange.answer, reply.ask.workflow, advances=reply.ask.route is not None)
            if reply.accepted is not None:
                self.silence.note(reply.accepted.answer, reply.ask.workflow)
        if known := self._find_known([reply.ask for reply in replies]):
            self.latest = known.workflow, self.server_ids[known.workflow], known.tenant

    def _find_known(self, asks: Sequence[Ask]) -> Ask | None:
        """The first contender whose workflow has an id."""
        return next((ask for ask in asks if ask.contends and ask.workflow in self.server_ids), None)

    def _warm(self, asks: Sequence[Ask]) -> None:
        """Opens the connections with reads that are no operations; without a read, with the request that shows that the
        service is ready.
        """
        service = self.target.service
        if not self.target.can_read:
            if service is not None:
                self.release.warm(len(asks), Request("GET", service.ready))
        elif known := self._find_known(asks):
            server_id, values = self.server_ids[known.workflow], self.values.list(known.tenant, "", known.workflow)
            with contextlib.suppress(NotBuiltError):
                request = self.target.build_read(known.tenant, server_id, f"{self.source}.warm", values)
                self.release.warm(len(asks), request)
