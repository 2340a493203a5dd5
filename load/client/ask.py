"""Ask and Reply: a planned call of one workflow, and what became of it. Pure: no socket, no file, no clock.

From here come the request of an Ask, the meaning of its answer, and both lines of the history.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from engine.target.answer_rules import ACCEPTED
from engine.target.call import VERSION_NONE, VERSION_OLD, Call, check_units, find_guard, find_route, find_write
from engine.target.classified_answer import (
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_give_back,
    classify_guard,
    classify_poll,
    classify_read,
    classify_take,
    classify_write,
    read_arrival,
)
from engine.target.http_answer import Answer
from engine.target.idempotency import name_key
from engine.target.routes import Guard, Route, Write
from engine.target.savings import Saving, find_values
from engine.target.secrets import Secrets
from engine.target.target import Target
from engine.target.template import NO_VALUES, Request, Template, Values
from engine.target.workflow_source import Queue
from load.client.clock import Clock
from load.client.excerpts import excerpt_answer, excerpt_request
from load.client.holdings import Holding
from load.client.release import Exchange
from load.client.retry_after import read_retry_after
from load.client.versions import Noted
from reports.history import events

GOOD = ("ok", "won")
# Of a resource where nothing else is asked for: enough to hold one and to take the last one.
UNITS_DEFAULT = 2
NO_SECRETS = Secrets()
Examine = Callable[[Answer, ClassifiedAnswer], str | None]


@dataclass(frozen=True)
class Ask:
    """A call of the workflow of this name, sent as `tenant`, by its user of that name if there are any.

    `route`, `guard` or `write` is what the target has under the name that the call gives. `examine`, when given, says
    what in the answer is wrong; that becomes the operation's `problem`. An Ask that does not contend is released with a
    race and is no part of it. `race` is the race's id where several races are released together. `version` is the
    version that the request carries in place of the one that was saved last. An idempotency key is made from the id of
    the workflow `key_of`, by default its own. `held` is what a give-back gives back. `own` are values that this request
    alone carries, from a read of its own.
    """

    call: Call
    workflow: str
    tenant: str
    route: Route | None = None
    guard: Guard | None = None
    examine: Examine | None = None
    contends: bool = True
    race: str | None = None
    write: Write | None = None
    user: str = ""
    version: str | None = None
    key_of: str = ""
    held: Holding | None = None
    own: Values = field(default_factory=dict)

    @property
    def template(self) -> Template | None:
        """The request of an advance or of a write."""
        if self.route is not None:
            return self.route.find_template(self.call.variant)
        return self.write.template if self.write is not None else None


@dataclass(frozen=True)
class Reply:
    """What became of an Ask. `accepted` is the exchange of a request that was accepted; a poll told the outcome then,
    and `exchange` lasts to its end. `request` is null where none was sent.
    """

    id: str
    ask: Ask
    exchange: Exchange
    classified: ClassifiedAnswer
    accepted: Exchange | None = None
    request: Request | None = None

    @property
    def outcome(self) -> str:
        return self.classified.outcome


def bind(
    target: Target,
    call: Call,
    workflow: str,
    tenant: str,
    examine: Examine | None = None,
    *,
    contends: bool = True,
    race: str | None = None,
    key_of: str = "",
) -> Ask:
    """The Ask of a call. Raises LookupError when the target has no such route, guard or write."""
    route = find_route(target, call) if call.route else None
    guard = find_guard(target, call) if call.guard else None
    write = find_write(target, call) if call.write else None
    check_units(target, call)
    contends = contends and guard is None and write is None and not call.is_of_units
    user = target.name_user(tenant, route, call.user)
    return Ask(call, workflow, tenant, route, guard, examine, contends, race, write, user, key_of=key_of)


def find_key(call: Call, key_id: str) -> str:
    """The idempotency key of a call; empty if it shares none. `key_id` is the id that it is made from."""
    return name_key(key_id, call.key) if call.key else ""


def find_marker(ask: Ask, key: str, id_: str) -> str:
    """The operation's id; requests that ask for the same of one workflow under one idempotency key have one marker."""
    if not key:
        return id_
    other = ask.workflow if ask.key_of not in ("", ask.workflow) else ""
    return ".".join(filter(None, (key, ask.call.body, other)))


def build_request(
    target: Target, ask: Ask, server_id: str, id_: str, values: Values = NO_VALUES, key_id: str = ""
) -> Request:
    """The request of an Ask. The operation's id is also its X-Request-ID. `key_id` is the id that its idempotency key
    is made from, by default `server_id`. Raises NotBuiltError.
    """
    request = _build(target, ask, server_id, id_, values, find_key(ask.call, key_id or server_id))
    return replace(request, hang_up=ask.call.hang_up) if ask.call.hang_up else request


def _build(target: Target, ask: Ask, server_id: str, id_: str, values: Values, key: str) -> Request:
    call, tenant, marker = ask.call, ask.tenant, find_marker(ask, key, id_)
    if call.creates:
        return target.build_create(tenant, id_, marker, values, choose_units(target, call), key)
    if call.takes:
        return target.build_take(tenant, server_id, id_, values)
    if call.gives_back:
        return target.build_give_back(tenant, server_id, id_, ask.held.values if ask.held else {}, values)
    if ask.route is not None:
        omitted = (target.version or "") if call.version == VERSION_NONE else ""
        move = (ask.route, tenant, server_id, call.origin, call.to)
        return target.build_advance(*move, id_, marker, values, omitted, key, call.variant)
    if ask.guard is not None:
        return target.build_guard(ask.guard, tenant, server_id, id_, values)
    if ask.write is not None:
        return target.build_write(ask.write, tenant, server_id, id_, id_, values)
    return target.build_read(tenant, server_id, id_, values)


def choose_units(target: Target, call: Call) -> int:
    """How many units a new resource is to have; 0 where onewinner does not choose it."""
    capacity = target.capacity
    return (call.units or UNITS_DEFAULT) if capacity is not None and capacity.is_chosen else 0


def expect_units(target: Target) -> int:
    """How many units a new resource has; where only the answer to its create tells it, as many as onewinner chooses."""
    units = target.capacity.units if target.capacity is not None else None
    return units if isinstance(units, int) else UNITS_DEFAULT


def carries_version(target: Target, ask: Ask) -> bool:
    """Whether its request carries the version of the workflow."""
    if target.version is None or ask.template is None or ask.call.version == VERSION_NONE:
        return False
    return target.version in ask.template.placeholders


def list_read_anew(target: Target, ask: Ask) -> frozenset[str]:
    """The values that its request carries from a read of its own."""
    capacity, template = target.capacity, ask.guard.template if ask.guard is not None else ask.template
    if capacity is not None and ask.call.is_of_units:
        template = capacity.give_back if ask.call.gives_back else capacity.take
    return frozenset() if template is None else target.read_anew & template.placeholders


def note_answer(target: Target, reply: "Reply") -> Noted:
    """What an answer says of the version of its workflow."""
    call, outcome = reply.ask.call, reply.outcome
    # An old version may be refused as such; that says nothing of the current one.
    may_change = call.changes and (outcome in (*GOOD, "unknown") or (outcome == "stale" and not call.version))
    is_win = outcome == "won" and call.kind == "advance"
    state = call.to if is_win else reply.classified.observed
    return Noted(is_win, may_change, read_version(target, reply), state)


def read_version(target: Target, reply: "Reply") -> str | None:
    """The version that an answer tells."""
    savings = list_told(target, reply) if target.version is not None else ()
    found = find_values([each for each in savings if each.name == target.version], reply.exchange.answer)
    return str(found[target.version]) if target.version in found else None


def find_wrong_version(target: Target, ask: Ask, answer: Answer, classified: ClassifiedAnswer) -> str | None:
    """What is wrong with the answer to a request that carries no version, or one from before the last move.

    A move without a request may make an old version current again at any moment; there the judge alone decides.
    """
    if ask.call.version == VERSION_OLD and classified.outcome == "won" and not target.graph.timed:
        return "the request carried a version from before the last move, which is not told any more, and won"
    if ask.call.version != VERSION_NONE or ask.route is None or classified.outcome in ("busy", "unknown"):
        return None
    promised = ask.route.meanings.precondition_required
    if promised.matches(answer):
        return None
    return (
        f"the request carried no version, and was answered {classified.outcome}; right is {promised.key} ({promised})"
    )


def list_savings(target: Target, ask: Ask, outcome: str) -> tuple[Saving, ...]:
    """What is saved of an answer with this outcome: only a good answer gives values."""
    if outcome not in GOOD or ask.guard is not None or ask.call.is_of_units:
        return ()
    if ask.call.creates:
        # Where no request creates, the answer is that of the first read.
        return target.create_savings if isinstance(target.create, Template | Queue) else target.read_savings
    sent = ask.route or ask.write
    return sent.savings if sent is not None else target.read_savings


def list_told(target: Target, reply: "Reply") -> tuple[Saving, ...]:
    """What is saved of the last answer: a poll has savings of its own."""
    if reply.accepted is None:
        return list_savings(target, reply.ask, reply.outcome)
    poll = reply.ask.route.poll if reply.ask.route is not None else None
    return poll.savings if poll is not None and reply.outcome in GOOD else ()


def save_values(target: Target, reply: "Reply") -> Values:
    """The values that the answers to an operation gave; those of a poll go first."""
    told = find_values(list_told(target, reply), reply.exchange.answer)
    if reply.accepted is None:
        return told
    return {**find_values(list_savings(target, reply.ask, reply.outcome), reply.accepted.answer), **told}


def classify(target: Target, ask: Ask, answer: Answer, *, polled: bool = False) -> ClassifiedAnswer:
    """`polled`: the answer is that of a poll."""
    if ask.call.creates:
        return classify_create(target, answer, choose_units(target, ask.call))
    if ask.call.is_of_units:
        return classify_take(target, answer) if ask.call.takes else classify_give_back(target, answer)
    if ask.route is not None and polled:
        told = classify_poll(target, answer, ask.route, ask.call.to)
        return told or ClassifiedAnswer("unknown", answer.status, message=answer.error or None)
    if ask.route is not None:
        classified = classify_advance(target, answer, ask.route, ask.call.to)
        untold = "it was accepted, and the target file has no poll that tells the outcome"
        return classified if classified.outcome != ACCEPTED else replace(classified, outcome="unknown", message=untold)
    if ask.guard is not None:
        return classify_guard(target, answer, ask.guard)
    if ask.write is not None:
        return classify_write(target, answer, ask.write)
    return classify_read(target, answer)


def list_expected(target: Target, ask: Ask) -> tuple[str, ...]:
    """The states in which an advance is due to win, or a guard to answer."""
    if ask.route is not None:
        return target.expected_by(ask.route, ask.call.origin, ask.call.to)
    return ask.guard.open if ask.guard is not None else ()


def add_problem(target: Target, ask: Ask, answer: Answer, classified: ClassifiedAnswer) -> ClassifiedAnswer:
    """The classified answer with the problem that `examine` finds, or else that of its version."""
    found = ask.examine(answer, classified) if ask.examine else None
    found = found or find_wrong_version(target, ask, answer, classified)
    return classified if found is None else replace(classified, problem=found)


def carries_marker(ask: Ask) -> bool:
    """Whether it is an advance whose request carries a marker."""
    return ask.route is not None and ask.template is not None and "marker" in ask.template.placeholders


def make_invocation(
    target: Target,
    ask: Ask,
    id_: str,
    process: str,
    scenario: str,
    race: str | None,
    invoked_ns: int,
    version: str | None = None,
    key_id: str = "",
) -> events.Invoke:
    """`version` is the version that the request carries, `key_id` the id that its idempotency key is made from."""
    call = ask.call
    key = find_key(call, key_id)
    states = list(list_expected(target, ask))
    expected = states[0] if len(states) == 1 and ask.guard is None else states or None
    return events.Invoke(
        id=id_,
        process=process,
        scenario=scenario,
        race=race,
        tenant=ask.tenant,
        workflow=ask.workflow,
        kind=ask.call.kind,
        expected=expected,
        next=ask.call.to or None,
        invoked_ns=invoked_ns,
        repeats=True if ask.route is not None and ask.route.repeats else msgspec.UNSET,
        marker=find_marker(ask, key, id_) if carries_marker(ask) else msgspec.UNSET,
        token_carried=msgspec.UNSET if version is None else version,
        unit=msgspec.UNSET if ask.held is None or ask.held.unit is None else ask.held.unit,
        of=msgspec.UNSET if ask.held is None else ask.held.of,
        returns_after_ns=find_return(target) if call.creates else msgspec.UNSET,
        key=key or msgspec.UNSET,
        payload=describe_payload(call) if key else msgspec.UNSET,
        abandoned=True if call.hang_up else msgspec.UNSET,
    )


def find_return(target: Target) -> int | msgspec.UnsetType:
    """So long after a take its unit may come back by itself."""
    after_ns = target.capacity.returns_after_ns if target.capacity is not None else None
    return msgspec.UNSET if after_ns is None else after_ns


def describe_payload(call: Call) -> str:
    """What a call asks for: another text for calls that ask for something else."""
    asked = f"{call.route}: {call.origin} -> {call.to}" if call.route else call.kind
    return ", ".join(filter(None, (asked, call.variant, call.body)))


def digest(target: Target, reply: Reply) -> str | msgspec.UnsetType:
    """The answer to a request with an idempotency key that others carry too, to be compared with theirs."""
    if target.idempotency is None or not reply.ask.call.key or reply.exchange.answer.status is None:
        return msgspec.UNSET
    return target.idempotency.digest(reply.exchange.answer, reply.classified.server_id or "")


def find_accepted(reply: Reply, offset_ns: int) -> int | None:
    """When the answer came that accepted the request, in the run's time."""
    returned_ns = reply.accepted.returned_ns if reply.accepted is not None else None
    return None if returned_ns is None else returned_ns + offset_ns


def excerpt_reply(target: Target, reply: Reply, secrets: Secrets) -> tuple[str, str] | None:
    """The request and its answer as texts; of one that was accepted, what told the outcome stands behind it."""
    if reply.request is None:
        return None
    received = excerpt_answer(reply.exchange.answer, secrets)
    if reply.accepted is not None and reply.accepted is not reply.exchange:
        received = f"{excerpt_answer(reply.accepted.answer, secrets)}\n\nThe poll:\n{received}"
    return excerpt_request(reply.request, target.base_url, secrets), received


def make_return(
    target: Target,
    reply: Reply,
    clock: Clock,
    intended_ns: int | None,
    secrets: Secrets = NO_SECRETS,
    scope: str = "",
) -> events.Return:
    """`scope`: within what the id of the workflow is unique (see Target.find_scope)."""
    classified, exchange, offset_ns = reply.classified, reply.exchange, clock.offset_ns
    excerpts = excerpt_reply(target, reply, secrets)
    detail = events.Detail(
        request_id=reply.id,
        request=reply.ask.write.name if reply.ask.write is not None else None,
        arrived_ns=read_arrival(target, exchange.answer),
        intended_ns=None if intended_ns is None else intended_ns + offset_ns,
        server_id=classified.server_id,
        scope=scope or None if classified.server_id is not None else None,
        problem=classified.problem,
        message=classified.message,
        accepted_ns=find_accepted(reply, offset_ns),
        retry_after_s=read_retry_after(exchange.answer) if classified.outcome == "busy" else None,
    )
    return events.Return(
        id=reply.id,
        outcome=classified.outcome,
        status=classified.status,
        observed=classified.observed,
        returned_ns=None if exchange.returned_ns is None else exchange.returned_ns + offset_ns,
        invoked_ns=exchange.invoked_ns + offset_ns,
        answer=digest(target, reply),
        left=msgspec.UNSET if classified.left is None else classified.left,
        unit=msgspec.UNSET if classified.unit is None else classified.unit,
        detail=detail.pack(),
        token_told=msgspec.UNSET if (version := read_version(target, reply)) is None else version,
        sent=msgspec.UNSET if excerpts is None else excerpts[0],
        received=msgspec.UNSET if excerpts is None else excerpts[1],
    )
