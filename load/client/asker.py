"""Asker: one source of operations. Builds each request, journals it, sends it, classifies the answer.

Knows nothing of Locust and nothing of any engine but its Target. Both the stateful models and the Locust
scenarios ask through it, so that every history is written in one way.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from engine.target.target import SERVER_ERROR, Answer, ClassifiedAnswer, Guard, Request, Route, Target, Template
from load.client.ask import Ask, Examine, Reply
from load.client.barrier import MONOTONIC, Clock, Instant
from load.client.credentials import Credentials
from load.client.release import Exchange, Release, ReleaseError, now_ns
from load.client.retry import PAUSES_S, Retry
from load.client.silence import Silence
from load.client.workflow_factory import WorkflowFactory
from reports.history import events
from reports.history.journal import Journal

LineUp = Callable[[], Instant]
TRAIL: events.Evidence = "audit trail"
EFFECTS: events.Evidence = "effects"


@dataclass(frozen=True)
class Question:
    """What is read in the end, of which workflow and as whom."""

    what: events.Evidence
    workflow: str
    tenant: str


@dataclass
class Asker:
    """Asks `target` through `release` and writes what happens into `journal`.

    `server_ids` maps the harness's name of a workflow to the id that the server gave it, until it is forgotten.
    `clock` turns the times of this process into those of the run. `is_out`: no id is left. `unknowns` counts the
    operations whose effect is not known. `waiting_pays` is False while a busy engine stayed busy the last time.
    `went_unanswered`: none of the requests that were asked last was answered; `latest` is the workflow that was asked
    about last, with its id and its tenant.
    """

    target: Target
    release: Release
    journal: Journal
    source: str
    scenario: str
    server_ids: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    workflows: int = 0
    clock: Clock = MONOTONIC
    is_out: bool = False
    unknowns: int = 0
    waiting_pays: bool = True
    went_unanswered: bool = False
    latest: tuple[str, str, str] | None = None
    factory: WorkflowFactory = field(init=False)
    retry: Retry = field(init=False)
    credentials: Credentials = field(init=False)
    silence: Silence = field(init=False)

    def __post_init__(self) -> None:
        self.silence = Silence(self.target.timeout_s)
        self.retry = Retry(self.release, self.target, self.silence)
        self.credentials = Credentials(self.target)
        self.factory = WorkflowFactory(self.target, self.release, self.journal.path.parent / "ids")

    def plan(self, operations: int, races: int = 0, **facts: Any) -> None:
        """Promises operations and races; an Ask that is given `planned=False` promises itself.

        Negative numbers take back what cannot be asked any more; the facts say why.
        """
        self.journal.write(events.Plan(operations=operations, races=races, scenario=self.scenario, **facts))

    def create(
        self, tenant: str, *, name: str | None = None, planned: bool = False, examine: Examine | None = None
    ) -> str | None:
        """A new workflow: the harness's name of it, or None when there is none. With no id left nothing is asked."""
        if not isinstance(self.target.create, Template):
            self.workflows += 1
            return self._make(tenant, name or f"{self.source}.w{self.workflows}", planned=planned)
        ask = self.create_ask(tenant, name=name, examine=examine)
        # A caller that plans for itself counts each operation, so it also asks again for itself.
        reading = (self.ask(ask, planned=True) if planned else self.ask_until_told(ask)).reading
        return None if reading.server_id is None else ask.workflow

    def _make(self, tenant: str, name: str, *, planned: bool) -> str | None:
        """A workflow that no request creates. In the history it is a create like any other, without a status."""
        taken = self.factory.take(tenant)
        if taken is None:
            self.is_out = True
            return None
        if not planned:
            self.plan(1)
        self.asked += 1
        id_ = f"{self.source}.{self.asked}"
        self.credentials.owners[name] = tenant
        ask = Ask("create", tenant, name, lambda _: Request("", ""), self.target.classify_read)
        self.journal.write(self._invocation(ask, id_, None, 0))
        exchange, reading = self.factory.make(taken, tenant, id_)
        self.journal.write(self._return(Reply(id_, exchange, reading, tenant), None))
        if reading.server_id is None:
            return None
        self.server_ids[name] = reading.server_id
        return name

    def forget(self, workflow: str) -> None:
        """Nothing more will be asked about it."""
        self.server_ids.pop(workflow, None)
        self.credentials.owners.pop(workflow, None)

    def create_ask(self, tenant: str, *, name: str | None = None, examine: Examine | None = None) -> Ask:
        """What creates a workflow, where a request does. Without `race`, `server_ids` is to be filled in."""
        self.workflows += 1
        name = name or f"{self.source}.w{self.workflows}"
        self.credentials.owners[name] = tenant
        return Ask(
            "create",
            tenant,
            name,
            lambda id_: self.target.build_create(tenant, id_, marker=id_),
            self.target.classify_create,
            examine=examine,
        )

    def read_ask(self, workflow: str, tenant: str, examine: Examine | None = None) -> Ask:
        server_id = self.server_ids[workflow]
        return Ask(
            "read",
            tenant,
            workflow,
            lambda id_: self.target.build_read(tenant, server_id, id_),
            self.target.classify_read,
            examine=examine,
        )

    def advance_ask(
        self,
        workflow: str,
        tenant: str,
        route: Route,
        origin: str,
        to: str,
        examine: Examine | None = None,
        *,
        contends: bool = True,
    ) -> Ask:
        server_id = self.server_ids[workflow]
        return Ask(
            "advance",
            tenant,
            workflow,
            lambda id_: self.target.build_advance(route, tenant, server_id, origin, to, id_, marker=id_),
            lambda answer: self.target.classify_advance(answer, route, to),
            self.target.expected_by(route, origin, to),
            to,
            examine,
            contends,
            carries_marker=route.carries_marker,
        )

    def guard_ask(self, workflow: str, tenant: str, guard: Guard, examine: Examine | None = None) -> Ask:
        server_id = self.server_ids[workflow]
        return Ask(
            "read",
            tenant,
            workflow,
            lambda id_: self.target.build_guard(guard, tenant, server_id, id_),
            lambda answer: self.target.classify_guard(guard, answer),
            guard.open,
            examine=examine,
            contends=False,
        )

    def read(self, workflow: str, tenant: str, *, planned: bool = False) -> Reply:
        return self.ask(self.read_ask(workflow, tenant), planned=planned)

    def ask(self, ask: Ask, *, planned: bool = False) -> Reply:
        return self.race([ask], None, planned=planned)[0]

    def ask_until_told(self, ask: Ask) -> Reply:
        """Asks, and asks again for a while as long as the engine is busy: each time a new operation, planned here."""
        reply = self.ask(ask)
        for pause_s in PAUSES_S if self.waiting_pays else ():
            if reply.outcome != "busy":
                break
            time.sleep(pause_s)
            reply = self.ask(ask)
        self.waiting_pays = reply.outcome != "busy"
        return reply

    def race(
        self, asks: Sequence[Ask], race: str | None, *, planned: bool = False, line_up: LineUp | None = None
    ) -> list[Reply]:
        """Releases all of them at once. `race` is the id of the race in which those contend that name no other; None
        when the design calls it no race.

        `line_up` is called when everybody stands at the line, and says when to release.
        """
        races = [(ask.race or race) if ask.contends else None for ask in asks]
        if not planned:
            self.plan(len(asks), len(set(races) - {None}))
        ids = [f"{self.source}.{self.asked + number}" for number in range(1, len(asks) + 1)]
        self.asked += len(asks)
        requests = [ask.request(id_) for ask, id_ in zip(asks, ids, strict=True)]
        invocations = [
            self._invocation(ask, id_, raced, number)
            for number, (ask, id_, raced) in enumerate(zip(asks, ids, races, strict=True))
        ]
        instant = Instant()

        def prepare() -> int | None:
            nonlocal instant
            self.journal.write(*invocations)
            instant = line_up() if line_up is not None else instant
            return instant.at_ns

        if race is not None or len(asks) > 1:
            self._warm(asks)
        exchanges = self.release.race(requests, prepare)
        replies = [self._read(ask, id_, exchange) for ask, id_, exchange in zip(asks, ids, exchanges, strict=True)]
        self.journal.write(*(self._return(reply, instant.intended_ns) for reply in replies))
        created = {ask.workflow: reply.reading.server_id for ask, reply in zip(asks, replies, strict=True)}
        self.server_ids |= {workflow: id_ for workflow, id_ in created.items() if id_ is not None}
        self._note_silence(asks, replies)
        self.check_silence()
        return replies

    def _note_silence(self, asks: Sequence[Ask], replies: Sequence[Reply]) -> None:
        self.went_unanswered = all(reply.exchange.answer.status is None for reply in replies)
        for reply in replies:
            self.silence.note(reply.exchange.answer, reply.workflow)
        known = next((ask for ask in asks if ask.contends and ask.workflow in self.server_ids), None)
        if known is not None:
            self.latest = known.workflow, self.server_ids[known.workflow], known.tenant

    def begin(self, ask: Ask, race: str | None = None, number: int = 1) -> tuple[str, Request]:
        """Records that it is asked now, for whoever sends by other means than the release: its id and its request."""
        self.asked += 1
        id_ = f"{self.source}.{self.asked}"
        request = ask.request(id_)
        self.journal.write(self._invocation(ask, id_, race, number))
        return id_, request

    def finish(self, ask: Ask, id_: str, exchange: Exchange) -> Reply:
        """Records what came of a `begin`."""
        reply = self._read(ask, id_, exchange)
        self.journal.write(self._return(reply, None))
        self._note_silence([ask], [reply])
        return reply

    def trail(self, workflow: str, tenant: str) -> list[dict[str, Any]] | None:
        """Reads the audit trail into the history; None when the target has none, or it was not shown."""
        request = self.target.build_trail(tenant, self.server_ids[workflow], f"{self.source}.trail.{workflow}")
        if request is None:
            return None
        question = Question(TRAIL, workflow, tenant)
        return self.take_trail(workflow, *self._insist(question, request), tenant)

    def take_trail(
        self, workflow: str, read_ns: int, answer: Answer, tenant: str | None = None
    ) -> list[dict[str, Any]] | None:
        """Takes the transitions of a trail into the history; asked for at `read_ns` of this process's clock."""
        shown = self.target.read_trail(answer)
        if shown is None:
            self._note_hidden(Question(TRAIL, workflow, tenant or self.target.owner), read_ns, answer)
            return None
        entries = [entry for entry in shown if entry["to"] is not None]
        rows = [
            events.Entry(origin=entry["from"], to=entry["to"], request_id=entry.get("request_id")) for entry in entries
        ]
        begun_ns, read_ns = read_ns + self.clock.offset_ns, now_ns() + self.clock.offset_ns
        self.journal.write(events.Audit(workflow=workflow, read_ns=begun_ns, returned_ns=read_ns, entries=rows))
        return entries

    def effects(self, workflow: str, tenant: str) -> list[str] | None:
        """Reads into the history which markers left a trace; None when the target does not tell, or did not."""
        request = self.target.build_effects(tenant, self.server_ids[workflow], f"{self.source}.effects.{workflow}")
        if request is None:
            return None
        return self.take_effects(workflow, *self._insist(Question(EFFECTS, workflow, tenant), request), tenant)

    def take_effects(self, workflow: str, read_ns: int, answer: Answer, tenant: str | None = None) -> list[str] | None:
        """Takes markers into the history, each as often as it was shown; asked for at `read_ns`, as a trail is."""
        assert self.target.effects is not None
        markers = self.target.read_markers(answer)
        if markers is None:
            self._note_hidden(Question(EFFECTS, workflow, tenant or self.target.owner), read_ns, answer)
            return None
        asked_ns, winners = read_ns + self.clock.offset_ns, cast("events.Winners", self.target.effects.winners)
        self.journal.write(events.Effects(workflow=workflow, read_ns=asked_ns, markers=[*markers], winners=winners))
        return markers

    def _insist(self, question: Question, request: Request) -> tuple[int, Answer]:
        """When it was asked, and what was answered after some retries."""
        return self.retry.ask(request, lambda asked_ns, answer: self._note_hidden(question, asked_ns, answer))

    def _note_hidden(self, question: Question, asked_ns: int, answer: Answer) -> None:
        """A question without its answer, and when: a fault may excuse it. An unknown answer accuses nobody."""
        what, workflow, status = question.what, question.workflow, answer.status or 0
        interval = self._interval(asked_ns)
        if self.is_turned_away(question.tenant, workflow, answer.status, asked_ns, what) or self.is_silent(answer):
            self.journal.write(events.Hidden(what=what, workflow=workflow, **interval))
            return
        problem = f"the {what} of {workflow} was not shown: status {status}"
        self.probe("no-5xx" if status >= SERVER_ERROR else "contract", f"{what} of {workflow}", problem, **interval)

    def _interval(self, asked_ns: int) -> dict[str, int]:
        """From when a question was asked, in this process's time, until now; in the run's."""
        return {"at_ns": asked_ns + self.clock.offset_ns, "until_ns": now_ns() + self.clock.offset_ns}

    def is_silent(self, answer: Answer) -> bool:
        """Whether an answer that shows nothing is no failure of the service."""
        known = (*self.target.read_ok, *self.target.refused)
        return self.target.is_busy(answer) or ((answer.status or 0) < SERVER_ERROR and answer.status not in known)

    def is_turned_away(
        self, tenant: str, workflow: str, status: int | None, asked_ns: int, question: str | None = None
    ) -> bool:
        """Whether the workflow's own tenant is not let in any more. The history is told, and which question it was."""
        told = self.credentials.say_turned_away(tenant, status) if self.credentials.owns(workflow, tenant) else None
        if told is not None:
            asked = {} if question is None else {"question": question}
            self._tell_turned_away(tenant, workflow, status, told, {**self._interval(asked_ns), **asked})
        return told is not None

    def _tell_turned_away(
        self, tenant: str, workflow: str, status: int | None, told: str, facts: Mapping[str, Any]
    ) -> None:
        self.journal.write(events.AccessDenied(tenant=tenant, workflow=workflow, status=status, what=told, **facts))

    def probe(self, check: events.ProbeCheck, what: str, problem: str | None, **facts: Any) -> None:
        """Records a question that is no operation, and what was wrong with its answer."""
        self.journal.write(events.Probe(check=check, what=what, problem=problem, **facts))

    def check_silence(self) -> None:
        """Where no request was answered for long: a create and a read show whether the service answers at all. Blocks.

        A create waits for the lock of no other workflow; where none can be asked for, several workflows must be silent.
        """
        silence, creates = self.silence, isinstance(self.target.create, Template)
        if not silence.is_suspected or (len(silence.workflows) < 2 and not creates):
            return
        silence.is_checking, asked = True, self.asked
        if creates:
            self.create(self.target.owner)
        self.look_again()
        silence.is_checking, silence.is_certain = False, silence.unanswered > 0
        silence.checks += self.asked - asked

    def look_again(self) -> None:
        """Where the last requests went unanswered, one read more shows whether the service answers at all. Blocks."""
        if not self.went_unanswered or self.latest is None or self.silence.is_certain:
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

    def end(self) -> None:
        """Nothing more will come: the file is whole. Without it the source was cut short."""
        self.journal.write(events.End(operations=self.asked))
        self.journal.close()
        self.release.close()

    def _warm(self, asks: Sequence[Ask]) -> None:
        """Brings connections to life with reads. They are no operations: nobody looks at what is answered."""
        known = next((ask for ask in asks if ask.contends and ask.workflow in self.server_ids), None)
        if known is not None:
            server_id = self.server_ids[known.workflow]
            self.release.warm(len(asks), self.target.build_read(known.tenant, server_id, f"{self.source}.warm"))

    def _invocation(self, ask: Ask, id_: str, race: str | None, number: int) -> events.Invoke:
        expected = list(ask.expected) if isinstance(ask.expected, tuple) else ask.expected
        process = f"{self.source}#{number}"
        invoked_ns = now_ns() + self.clock.offset_ns
        return events.Invoke(
            id=id_,
            process=process,
            scenario=self.scenario,
            race=race,
            tenant=ask.tenant,
            workflow=ask.workflow,
            kind=ask.kind,
            expected=expected,
            next=ask.next,
            invoked_ns=invoked_ns,
            marker=id_ if ask.carries_marker else msgspec.UNSET,
        )

    def _read(self, ask: Ask, id_: str, exchange: Exchange) -> Reply:
        reading, told = self.credentials.review(ask, ask.classify(exchange.answer))
        if told is not None:
            self._tell_turned_away(ask.tenant, ask.workflow, reading.status, told, self._interval(exchange.invoked_ns))
        found = ask.examine(exchange.answer, reading) if ask.examine else None
        if found is not None:
            reading = ClassifiedAnswer(
                reading.outcome, reading.status, reading.observed, reading.server_id, found, reading.message
            )
        return Reply(id_, exchange, reading, ask.tenant, ask.workflow)

    def _return(self, reply: Reply, intended_ns: int | None) -> events.Return:
        reading, exchange, offset_ns = reply.reading, reply.exchange, self.clock.offset_ns
        self.unknowns += reading.outcome == "unknown"
        detail = events.Detail(
            request_id=reply.id,
            arrived_ns=self.target.arrived_ns(exchange.answer),
            intended_ns=None if intended_ns is None else intended_ns + offset_ns,
            server_id=reading.server_id,
            problem=reading.problem,
            message=reading.message,
        )
        return events.Return(
            id=reply.id,
            outcome=reading.outcome,
            status=reading.status,
            observed=reading.observed,
            returned_ns=None if exchange.returned_ns is None else exchange.returned_ns + offset_ns,
            invoked_ns=exchange.invoked_ns + offset_ns,
            detail=detail.pack(),
        )
