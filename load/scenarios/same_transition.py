"""Does exactly one of N contenders win the same transition, along whole lives of workflows?

Each workflow is taken from its initial state along a random walk through the graph. At every edge N
contenders ask for the same transition at the same instant, over any of the routes that serve it. After
each race the state is read; at the end of a walk the audit trail is.
"""

from collections.abc import Iterator

from engine.target import Route
from load.asker import Ask, Asker, Reply
from load.races import Hop, draw_walks, is_race

NAME = "same-transition"


def run_races(asker: Asker, seed: int, contenders: int, *, planned: bool) -> Iterator[list[Reply]]:
    """Races without end, one at each step. With planned=True their operations were promised beforehand.

    The walk is given up, and the next one begun, when the state after a race is not where it should lead.
    """
    tenant = asker.target.owner
    for walk in draw_walks(asker.target.graph, seed, asker.source, contenders):
        workflow = asker.create(tenant)
        if workflow is None:
            continue
        try:
            yield from race_along(asker, workflow, tenant, walk, planned=planned)
        finally:
            asker.trail(workflow, tenant)


def race_along(asker: Asker, workflow: str, tenant: str, walk: list[Hop], *, planned: bool) -> Iterator[list[Reply]]:
    for number, hop in enumerate(walk):
        asks = line_up(asker, workflow, tenant, hop)
        race = f"{workflow}.{number}" if is_race(hop.origin, [(listed(ask.expected), hop.to) for ask in asks]) else None
        replies = asker.race(asks, race, planned=planned)
        after = asker.read(workflow, tenant).reading
        yield replies
        if after.observed != hop.to:
            return


def line_up(asker: Asker, workflow: str, tenant: str, hop: Hop) -> list[Ask]:
    """One Ask per contender, each over the route that the plan picked among those that make it a race."""
    routes = fair_routes(asker, hop)
    picked = [routes[pick % len(routes)] for pick in hop.picks]
    return [asker.advance_ask(workflow, tenant, route, hop.origin, hop.to) for route in picked]


def fair_routes(asker: Asker, hop: Hop) -> list[Route]:
    """The routes of the edge over which only one request can win; all of them when there is none such."""
    routes = asker.target.routes_for(hop.origin, hop.to)
    fair = [route for route in routes if is_race(hop.origin, [(listed(expected_by(asker, route, hop)), hop.to)])]
    return fair or list(routes)


def expected_by(asker: Asker, route: Route, hop: Hop) -> str | tuple[str, ...]:
    return asker.target.expected_by(route, hop.origin, hop.to)


def listed(expected: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if expected is None:
        return ()
    return (expected,) if isinstance(expected, str) else expected
