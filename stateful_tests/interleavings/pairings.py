"""The pairings of a target: which requests run concurrently, from every reachable state. Pure."""

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

from msgspec.structs import replace

from engine.target.call import Call, call_route, expect, find_route, spread
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.workflow_source import IdPool
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.unit_pairings import list_unit_pairings, list_units_apart

# If one place of a path has that many different words over all routes, they name things rather than calls.
NAMES_MIN = 6
# If one of each kind is fewer, further routes are asked until it is so many.
PICKED_MIN = 24


def list_pairings(target: Target, contenders: int = 2) -> list[Pairing]:
    """Every pairing of two requests: the owner's in every combination, each with the same one of another tenant, with
    every write, and with every move that is due only after it.

    With more than two contenders: that many requests for one transition.
    """
    pairings: list[Pairing] = []
    for state in target.graph.states if target.has_workflow else ():
        if target.graph.path(target.graph.initial, state) is None:
            continue
        calls = list_calls(target, state, target.owner)
        if contenders > 2:
            pairings += [pair(target, state, (call,) * contenders) for call in calls]
            continue
        pairings += [pair(target, state, two) for two in combinations_with_replacement(calls, 2)]
        pairings += list_keyed(target, state, calls)
        for stranger in target.strangers[:1]:
            pairings += [pair(target, state, (call, replace(call, tenant=stranger))) for call in calls]
        writes = list_writes(target, state, target.owner)
        pairings += [pair(target, state, (call, write)) for call in calls for write in writes]
        pairings += [pair_successive(target, call, onward) for call in calls for onward in list_onward(target, call)]
    return [*pairings, *list_creates(target, contenders), *list_unit_pairings(target, contenders)]


def list_creates(target: Target, contenders: int) -> list[Pairing]:
    """Creates with one idempotency key: they create one workflow."""
    if not target.creates_with_key:
        return []
    call = Call(tenant=target.owner, creates=True, key="a")
    return [Pairing(target.graph.initial, (call,) * contenders, "create / create, one key")]


def list_keyed(target: Target, state: str, calls: Sequence[Call]) -> list[Pairing]:
    """Two requests with one idempotency key: the same request, the same of another tenant, and two that differ."""
    keyed = [replace(call, key="a") for call in calls if find_route(target, call).carries_key]
    if target.idempotency is None or not keyed:
        return []
    same = [(call, call) for call in keyed]
    strange = [(call, replace(call, tenant=stranger)) for call in keyed for stranger in target.strangers[:1]]
    marked = [call for call in keyed if "marker" in find_route(target, call).template.placeholders]
    other = [*combinations(keyed, 2), *((call, replace(call, body="other")) for call in marked)]
    return [pair(target, state, two) for two in (*same, *strange, *other)]


def list_apart(target: Target, most: int) -> list[Pairing]:
    """Pairings on two workflows: two requests of one tenant in every combination, and one request of two tenants.

    First one of each kind, those of twice the same request before the others; then further states; `most` in all.
    """
    if isinstance(target.create, IdPool):
        return []
    reached = [state for state in target.graph.states if target.graph.path(target.graph.initial, state) is not None]
    found: list[Pairing] = []
    for state in reached:
        calls = list_calls(target, state, target.owner)
        for first, second in combinations_with_replacement(calls, 2):
            others = target.creators[1:2] if first == second else ()
            paired = [(first, second), *((first, replace(second, tenant=other)) for other in others)]
            if target.idempotency is not None and find_route(target, first).carries_key:
                paired += [(replace(first, key="a"), replace(first, key="a", tenant=other)) for other in others]
            found += [Pairing(state, spread(target, each), name_apart(target, each), apart=True) for each in paired]
    found.sort(key=lambda pairing: pairing.calls[0].route != pairing.calls[1].route)
    kinds = [*list_units_apart(target), *pick_one_of_each(found)]
    return [*kinds, *(pairing for pairing in found if pairing not in kinds)][:most]


def name_apart(target: Target, calls: Sequence[Call]) -> str:
    names = sorted(name_call(target, call) for call in calls)
    whose = "two tenants'" if len({call.tenant for call in calls}) > 1 else "two"
    key = ", one key" if calls[0].key else ""
    return f"{' / '.join(names)}, on {whose} workflows{key}"


def list_calls(target: Target, state: str, tenant: str) -> list[Call]:
    """Every request that is legal in a state; those that carry an idempotency key come last, because they take more
    statements.
    """
    moves = [(to, route) for to in target.graph.successors.get(state, ()) for route in target.routes_for(state, to)]
    moves.sort(key=lambda move: move[1].carries_key)
    return [call_route(route, state, to, tenant) for to, route in moves]


def list_writes(target: Target, state: str, tenant: str) -> list[Call]:
    """Every write that is sent in a state."""
    return [Call(tenant=tenant, write=write.name) for write in target.writes_in(state)]


def list_onward(target: Target, call: Call) -> list[Call]:
    """Every request that is due after a move, and not before it."""
    onward = list_calls(target, call.to, target.owner)
    return [each for each in onward if call.origin not in expect(target, each)]


def is_successive(pairing: Pairing) -> bool:
    """Whether one of its moves is due only after another one."""
    return any(call.route and call.origin != pairing.state for call in pairing.calls)


def pair_successive(target: Target, call: Call, onward: Call) -> Pairing:
    """Both may win: the move first, and then the next one."""
    kind = f"{name_call(target, call)} / {name_call(target, onward)}, the next move"
    return Pairing(call.origin, spread(target, (call, onward)), kind)


def pair(target: Target, state: str, calls: tuple[Call, ...]) -> Pairing:
    return Pairing(state, spread(target, calls), name_kind(target, calls))


def name_kind(target: Target, calls: Sequence[Call]) -> str:
    """The kind of pairing: the routes, without the names of things, and how the requests relate to each other."""
    names = [name_call(target, call) for call in calls]
    key = ", one key" if calls[0].key else ""
    if any(call.tenant != target.owner for call in calls):
        return f"{names[0]} / another tenant's {names[1]}{key}"
    if any(call.write for call in calls):
        return f"{names[0]} / {names[1]}, a write"
    if key:
        same = key if calls[0] == calls[1] else f"{key} for two requests"
    else:
        same = ", same next state" if len({call.to for call in calls}) == 1 else ""
    return f"{' / '.join(sorted(names))}{same}"


def name_call(target: Target, call: Call) -> str:
    """The end of the path after {id}, with a * where the routes name things; where nothing follows, the method and the
    word before; of the general route, and of a write, its name.
    """
    if call.write:
        return call.write
    route = find_route(target, call)
    if route is target.general:
        return route.name
    mine = split_path(route)
    others = [split_path(other) for other in target.routes]
    alike = [other for other in others if len(other) == len(mine)]
    words = ["*" if len({other[place] for other in alike}) >= NAMES_MIN else word for place, word in enumerate(mine)]
    return "/".join(words)


def split_path(route: Route) -> list[str]:
    before, _, after = route.template.path.partition("?")[0].rpartition("{id}")
    if after.strip("/"):
        return after.strip("/").split("/")
    words = [word for word in before.split("/") if word and "{" not in word]
    return [" ".join([route.template.method, *words[-1:]])]


def pick_one_of_each(pairings: Sequence[Pairing]) -> list[Pairing]:
    """The first pairing of every kind; while these are few, also the first of each route that is in none of them."""
    first: dict[str, Pairing] = {}
    for pairing in pairings:
        first.setdefault(pairing.kind, pairing)
    picked = list(first.values())
    routes = {call.route for pairing in picked for call in pairing.calls}
    for pairing in pairings:
        asked = {call.route for call in pairing.calls}
        if len(picked) < PICKED_MIN and not asked <= routes:
            picked.append(pairing)
            routes |= asked
    return picked
