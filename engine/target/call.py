"""Call: one planned request about a workflow, as data. Scenarios, parallel plans and pairings consist of calls.

A call names its route, its guard or its write, so that it can be saved and compared. `find_route`, `find_guard` and
`find_write` look up the name in a target.
"""

from collections.abc import Collection, Iterable

import msgspec
from msgspec.structs import replace

from engine.target.races import is_race
from engine.target.routes import Guard, Route, Write
from engine.target.target import Target

# An advance with a version that was told before the last move, or without one: it must not win.
VERSION_OLD, VERSION_NONE = "old", "none"


class Call(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename={"origin": "from"}):
    """An advance over a route, a write, a request to a guard, a create, a take, a give-back, or else a read.

    `workflow` counts the workflows of a plan from 0. `tenant` is empty for the workflow's owner. `version` is the one
    that the request carries, where it carries any: VERSION_OLD, VERSION_NONE, or else the current one. `variant` is one
    of the requests that the route has for an advance, or else the first. `user` is the number of the tenant's user,
    counted around. Requests with the same `key` carry the same idempotency key; with another `body` they ask for
    something else under it. Give-backs with the same `key` give back the same unit. `hang_up` is that of the Request:
    its answer is lost. `takes`: it takes a unit of a resource; `gives_back`: it gives back what the client holds
    longest; `units`: a create asks for so many.
    """

    workflow: int = 0
    tenant: str = ""
    route: str = ""
    origin: str = ""
    to: str = ""
    guard: str = ""
    creates: bool = False
    write: str = ""
    version: str = ""
    key: str = ""
    variant: str = ""
    user: int = 0
    body: str = ""
    hang_up: str = ""
    takes: bool = False
    gives_back: bool = False
    units: int = 0

    @property
    def kind(self) -> str:
        """The kind of the operation in a history."""
        if self.is_of_units:
            return "take" if self.takes else "give_back"
        return "create" if self.creates else "advance" if self.route else "write" if self.write else "read"

    @property
    def is_of_units(self) -> bool:
        """Whether it is a take or a give-back."""
        return self.takes or self.gives_back

    @property
    def changes(self) -> bool:
        """Whether it may change the workflow. A write must not change the state; whether it did, is seen."""
        return self.kind != "read"


READ, CREATE = Call(), Call(creates=True)
TAKE, GIVE_BACK = Call(takes=True), Call(gives_back=True)


def call_route(route: Route, origin: str, to: str, tenant: str = "") -> Call:
    """An advance from `origin` to `to` over the route."""
    return Call(tenant=tenant, route=route.name, origin=origin, to=to)


def find_route(target: Target, call: Call) -> Route:
    """The route of an advance, by its name and the next state. Raises LookupError."""
    for route in (*target.routes, *([target.general] if target.general else [])):
        if route.name == call.route and route.to in (None, call.to):
            if call.variant and call.variant not in route.variants:
                raise LookupError(f"the target {target.name} has no variant {call.variant!r} of its moves")
            return route
    raise LookupError(f"the target {target.name} has no route {call.route!r} to {call.to}")


def spread(target: Target, calls: Iterable[Call], first: int = 0) -> tuple[Call, ...]:
    """The calls, of which the advances and writes are spread over the users of their tenants, and the advances over the
    variants of their requests, in turn from number `first`.

    Those with one idempotency key stay the same request.
    """
    return tuple(
        call if call.variant or call.user or call.key else spread_one(target, call, first + number)
        for number, call in enumerate(calls)
    )


def spread_one(target: Target, call: Call, number: int) -> Call:
    """All pairs of a user and a variant come in turn."""
    if call.kind not in ("advance", "write", "take"):
        return call
    users = max(len(tenant.users) for tenant in target.tenants.values())
    variants = list(find_route(target, call).variants) if call.route else []
    turn = number + (number // users if users else 0)
    variant = variants[turn % len(variants)] if variants else ""
    return replace(call, variant=variant, user=number % users if users else 0)


def find_guard(target: Target, call: Call) -> Guard:
    """The guard of a call. Raises LookupError."""
    for guard in target.guards:
        if guard.name == call.guard:
            return guard
    raise LookupError(f"the target {target.name} has no guard {call.guard!r}")


def find_write(target: Target, call: Call) -> Write:
    """The write of a call. Raises LookupError."""
    for write in target.writes:
        if write.name == call.write:
            return write
    raise LookupError(f"the target {target.name} has no write {call.write!r}")


def check_units(target: Target, call: Call) -> None:
    """Raises LookupError if the target has no such take or give-back."""
    if call.is_of_units and (target.capacity is None or (call.gives_back and target.capacity.give_back is None)):
        raise LookupError(f"the target {target.name} has no {call.kind} in [capacity]")


def are_race(target: Target, state: str, contenders: Collection[Call]) -> bool:
    """Whether exactly one of several advances can win in every order, on a workflow in that state.

    Requests with one idempotency key all get the same answer, so they make no race.
    """
    if any(call.key for call in contenders):
        return False
    return len(contenders) > 1 and is_race(state, [(expect(target, call), call.to) for call in contenders])


def expect(target: Target, call: Call) -> tuple[str, ...]:
    """The states in which an advance must win."""
    return target.expected_by(find_route(target, call), call.origin, call.to)
