"""Do all requests with one idempotency key make one move, and get one answer?

At every step of a walk N clients send the same request with the same key at one instant, and again after the answer.
Half of the steps have two keys: exactly one of them may win, with all of its requests. Before some steps an answer is
lost: one client closes its connection, and then the key is sent again. Afterwards another request carries a key that is
used already (at the last step at the same instant), and so does another tenant. For a workflow of its own, the other
tenant's request with the owner's key must win. Where a create carries a key, the same is asked of creates: all with one
key create one workflow. No races: all requests of a key win together.
"""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from engine.target.call import Call, call_route
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.template import ANSWERED, SENT, Template
from engine.target.walks import Edge, EdgeCounts, draw_walk
from load.scripts import Round, Scenario, Script, make_round, release_together

STEPS_MAX = 4
# One script in so many is about two tenants.
TENANTS_EVERY = 3
# One script in so many is about creates, where those carry a key.
CREATES_EVERY = 2
OTHER = "other"


def find_obstacle(target: Target) -> str | None:
    if target.idempotency is None:
        return "the target has no [idempotency]"
    served = target.creates_with_key or any(list_keyed(target, Edge(*edge)) for edge in target.graph.walk_edges())
    return None if served else "no request of an edge carries an idempotency key"


def list_keyed(target: Target, edge: Edge) -> list[Route]:
    return [route for route in target.routes_for(edge.origin, edge.to) if route.carries_key]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used, number = EdgeCounts(), 0
    while True:
        number += 1
        if target.creates_with_key and number % CREATES_EVERY == 1:
            yield make_creates(target, rng, contenders)
            continue
        steps = draw_steps(target, rng, used)
        if not steps:
            continue
        if target.creators[1:] and number % TENANTS_EVERY == 0:
            yield make_tenants(target, steps, contenders)
        else:
            yield Script(SCENARIO.name, tuple(draw_rounds(target, rng, steps, contenders)))


def draw_steps(target: Target, rng: random.Random, used: EdgeCounts) -> list[tuple[Edge, Call]]:
    """The first steps of a walk, as far as a request with a key makes them."""
    steps: list[tuple[Edge, Call]] = []
    for number, edge in enumerate(draw_walk(target.graph, rng, used)[:STEPS_MAX]):
        if not (routes := list_keyed(target, edge)):
            break
        steps.append((edge, replace(call_route(rng.choice(routes), edge.origin, edge.to), key=f"{number}.0")))
    return steps


def draw_rounds(target: Target, rng: random.Random, steps: list[tuple[Edge, Call]], contenders: int) -> Iterator[Round]:
    for number, (edge, call) in enumerate(steps):
        if number == len(steps) - 1 and (others := list_others(target, edge, call)):
            # Which of the two requests has the key is open, so the plan ends here.
            calls = [call if turn % 2 else rng.choice(others) for turn in range(contenders)]
            yield make_round(target, edge.origin, rng.sample(calls, k=len(calls)), leads_to=None)
            return
        lost = rng.choice([SENT, ANSWERED, ""])
        if lost:
            yield make_round(target, edge.origin, [replace(call, hang_up=lost)], leads_to=None)
        keys = 1 if lost else rng.choice([1, 2])
        calls = [replace(call, key=f"{number}.{turn % keys}") for turn in range(contenders)]
        yield make_round(target, edge.origin, calls, leads_to=edge.to)
        if keys == 1:
            yield make_round(target, edge.to, [call, call], leads_to=edge.to)
            yield from draw_misuses(target, rng, edge, call)


def draw_misuses(target: Target, rng: random.Random, edge: Edge, call: Call) -> Iterator[Round]:
    """The next move, another body, and another tenant under the key of a move that was made. None of them may win."""
    nexts = target.graph.successors.get(edge.to, ())
    onward = [call_route(route, edge.to, to) for to in nexts for route in list_keyed(target, Edge(edge.to, to))]
    misused = [replace(rng.choice(onward), key=call.key)] if onward else []
    misused += list_bodies(target, call)
    misused += [replace(call, tenant=tenant) for tenant in target.strangers[:1]]
    if misused:
        yield make_round(target, edge.to, [*misused, call], leads_to=edge.to)


def list_others(target: Target, edge: Edge, call: Call) -> list[Call]:
    """The other requests that are legal in the state, under the call's key."""
    nexts = [to for to in target.graph.successors.get(edge.origin, ()) if to != edge.to]
    routes = [(to, route) for to in nexts for route in list_keyed(target, Edge(edge.origin, to))]
    moves = [replace(call_route(route, edge.origin, to), key=call.key) for to, route in routes]
    return [*moves, *list_bodies(target, call)]


def list_bodies(target: Target, call: Call) -> list[Call]:
    """The call with another body: another marker, another variant."""
    route = next(each for each in list_keyed(target, Edge(call.origin, call.to)) if each.name == call.route)
    variants = [replace(call, variant=name) for name in list(route.variants)[1:]]
    return [*variants, *([replace(call, body=OTHER)] if "marker" in route.template.placeholders else [])]


def make_tenants(target: Target, steps: list[tuple[Edge, Call]], contenders: int) -> Script:
    """A workflow of the owner and one of another tenant, which both use the same keys. Each key must win for each."""
    rounds = [
        release_together(
            [
                make_round(target, edge.origin, [call] * max(1, contenders // 2), leads_to=edge.to, workflow=workflow)
                for workflow in (0, 1)
            ]
        )
        for edge, call in steps
    ]
    return Script(SCENARIO.name, tuple(rounds), 2, target.creators[:2])


def make_creates(target: Target, rng: random.Random, contenders: int) -> Script:
    """One create N times at an instant, and again after its answer; perhaps after a first one whose answer was lost. So
    does another tenant, with the same key and for a workflow of its own. Another request under the key is refused.

    The key is made from the id of the first workflow, which no round creates.
    """
    call, tenants = Call(creates=True, key="create"), target.creators[:2]
    lost = rng.choice([SENT, ANSWERED, ""])
    rounds = [make_creating(target, [replace(call, hang_up=lost)], 1, leads_to=None)] if lost else []
    count = max(2, contenders // len(tenants))
    created = [make_creating(target, [call] * count, number) for number, _ in enumerate(tenants, 1)]
    other = [replace(call, body=OTHER)] if carries_marker(target) else []
    rounds += [release_together(created), make_creating(target, [call, *other, call], 1)]
    return Script(SCENARIO.name, tuple(rounds), 1 + len(tenants), (target.owner, *tenants))


def make_creating(target: Target, calls: list[Call], workflow: int, leads_to: str | None = "") -> Round:
    initial = target.graph.initial
    return make_round(target, initial, calls, leads_to=initial if leads_to == "" else leads_to, workflow=workflow)


def carries_marker(target: Target) -> bool:
    return isinstance(target.create, Template) and "marker" in target.create.placeholders


SCENARIO = Scenario("same-key", __doc__ or "", False, 2, find_obstacle, draw_scripts)
