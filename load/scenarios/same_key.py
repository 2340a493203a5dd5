"""Do all requests with one idempotency key make one move, and get one answer?

At every step of a walk N clients send the same request with the same key at one instant, and again after the answer.
Half of the steps have two keys: exactly one of them may win, with all of its requests. Then another request carries a
key that is used already, and another tenant the key of the owner. No races: all requests of a key win together.
"""

import random
from collections.abc import Iterator

from msgspec.structs import replace

from engine.target.call import Call, call_route
from engine.target.races import Edge, EdgeCounts, draw_walk
from engine.target.routes import Route
from engine.target.target import Target
from load.scripts import Round, Scenario, Script, make_round

STEPS_MAX = 4


def find_obstacle(target: Target) -> str | None:
    if target.idempotency is None:
        return "the target has no [idempotency]"
    served = any(list_keyed(target, Edge(*edge)) for edge in target.graph.walk_edges())
    return None if served else "no request of an edge carries an idempotency key"


def list_keyed(target: Target, edge: Edge) -> list[Route]:
    return [route for route in target.routes_for(edge.origin, edge.to) if route.carries_key]


def draw_scripts(target: Target, rng: random.Random, contenders: int) -> Iterator[Script]:
    used: EdgeCounts = EdgeCounts()
    while True:
        rounds: list[Round] = []
        for number, edge in enumerate(draw_walk(target.graph, rng, used)[:STEPS_MAX]):
            if not (routes := list_keyed(target, edge)):
                break
            call = replace(call_route(rng.choice(routes), edge.origin, edge.to), key=f"{number}.0")
            keys = rng.choice([1, 2])
            calls = [replace(call, key=f"{number}.{turn % keys}") for turn in range(contenders)]
            rounds.append(make_round(target, edge.origin, calls, leads_to=edge.to))
            if keys == 1:
                rounds.append(make_round(target, edge.to, [call, call], leads_to=edge.to))
                rounds += draw_misuses(target, rng, edge, call)
        if rounds:
            yield Script(SCENARIO.name, tuple(rounds))


def draw_misuses(target: Target, rng: random.Random, edge: Edge, call: Call) -> list[Round]:
    """The next move, and another tenant's, under the key of a move that was made. None of them may win."""
    nexts = target.graph.successors.get(edge.to, ())
    others = [call_route(route, edge.to, to) for to in nexts for route in list_keyed(target, Edge(edge.to, to))]
    misused = [replace(rng.choice(others), key=call.key)] if others else []
    misused += [replace(call, tenant=tenant) for tenant in target.strangers[:1]]
    return [make_round(target, edge.to, [*misused, call], leads_to=edge.to)] if misused else []


SCENARIO = Scenario("same-key", __doc__ or "", False, 2, find_obstacle, draw_scripts)
