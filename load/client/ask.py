"""Ask and Reply: a planned call of one workflow, and what became of it. Pure: no socket, no file, no clock.

From here come the request of an Ask, the meaning of its answer, and both lines of the history.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from engine.target.answer import (
    ClassifiedAnswer,
    classify_advance,
    classify_create,
    classify_guard,
    classify_read,
    classify_write,
    read_arrival,
)
from engine.target.call import Call, find_guard, find_route, find_write
from engine.target.http_answer import Answer
from engine.target.routes import Guard, Route, Write
from engine.target.target import Target
from engine.target.template import NO_VALUES, Request, Template, Values
from engine.target.values import Saving
from load.client.clock import Clock
from load.client.release import Exchange
from reports.history import events

GOOD = ("ok", "won")
Examine = Callable[[Answer, ClassifiedAnswer], str | None]


@dataclass(frozen=True)
class Ask:
    """A call of the workflow of this name, sent as `tenant`, by its user of that name if there are any.

    `route`, `guard` or `write` is what the target has under the name that the call gives. `examine`, when given, says
    what in the answer is wrong; that becomes the operation's `problem`. An Ask that does not contend is released
    with a race and is no part of it. `race` is the race's id where several races are released together.
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


@dataclass(frozen=True)
class Reply:
    """What became of an Ask."""

    id: str
    ask: Ask
    exchange: Exchange
    classified: ClassifiedAnswer

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
) -> Ask:
    """The Ask of a call. Raises LookupError when the target has no such route, guard or write."""
    route = find_route(target, call) if call.route else None
    guard = find_guard(target, call) if call.guard else None
    write = find_write(target, call) if call.write else None
    contends = contends and guard is None and write is None
    return Ask(call, workflow, tenant, route, guard, examine, contends, race, write)


def build_request(target: Target, ask: Ask, server_id: str, id_: str, values: Values = NO_VALUES) -> Request:
    """The request of an Ask. The operation's id is also its X-Request-ID and its marker. Raises NotBuiltError."""
    call, tenant = ask.call, ask.tenant
    if call.creates:
        return target.build_create(tenant, id_, marker=id_, values=values)
    if ask.route is not None:
        return target.build_advance(ask.route, tenant, server_id, call.origin, call.to, id_, marker=id_, values=values)
    if ask.guard is not None:
        return target.build_guard(ask.guard, tenant, server_id, id_, values)
    if ask.write is not None:
        return target.build_write(ask.write, tenant, server_id, id_, id_, values)
    return target.build_read(tenant, server_id, id_, values)


def list_savings(target: Target, ask: Ask, outcome: str) -> tuple[Saving, ...]:
    """What is saved of an answer with this outcome: only a good answer gives values."""
    if outcome not in GOOD or ask.guard is not None:
        return ()
    if ask.call.creates:
        # Where no request creates, the answer is that of the first read.
        return target.create_savings if isinstance(target.create, Template) else target.read_savings
    sent = ask.route or ask.write
    return sent.savings if sent is not None else target.read_savings


def classify(target: Target, ask: Ask, answer: Answer) -> ClassifiedAnswer:
    if ask.call.creates:
        return classify_create(target, answer)
    if ask.route is not None:
        return classify_advance(target, answer, ask.route, ask.call.to)
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


def add_problem(ask: Ask, answer: Answer, classified: ClassifiedAnswer) -> ClassifiedAnswer:
    """The classified answer with the problem that `examine` finds."""
    found = ask.examine(answer, classified) if ask.examine else None
    return classified if found is None else replace(classified, problem=found)


def make_invocation(
    target: Target, ask: Ask, id_: str, process: str, scenario: str, race: str | None, invoked_ns: int
) -> events.Invoke:
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
        marker=id_ if ask.route is not None and ask.route.carries_marker else msgspec.UNSET,
    )


def make_return(target: Target, reply: Reply, clock: Clock, intended_ns: int | None) -> events.Return:
    classified, exchange, offset_ns = reply.classified, reply.exchange, clock.offset_ns
    detail = events.Detail(
        request_id=reply.id,
        request=reply.ask.write.name if reply.ask.write is not None else None,
        arrived_ns=read_arrival(target, exchange.answer),
        intended_ns=None if intended_ns is None else intended_ns + offset_ns,
        server_id=classified.server_id,
        problem=classified.problem,
        message=classified.message,
    )
    return events.Return(
        id=reply.id,
        outcome=classified.outcome,
        status=classified.status,
        observed=classified.observed,
        returned_ns=None if exchange.returned_ns is None else exchange.returned_ns + offset_ns,
        invoked_ns=exchange.invoked_ns + offset_ns,
        detail=detail.pack(),
    )
