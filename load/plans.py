"""Plans: the lives of workflows, round by round, drawn from a seed before anything runs. Pure.

A *round* is one release: N requests at one instant. It is a *race* when, by the graph, exactly one of its
contenders can win. A *life* is everything that is asked about one workflow, or a few, from creation to the
last read.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.target import Guard, Route, Target
from load.races import Hop, find_path, is_race


@dataclass(frozen=True)
class Call:
    """One request: an advance over `route`, or the read of `guard`. A `stranger` is another tenant's call.

    Only the owner's advances contend; the rest is asked at the same instant and is not part of the race.
    """

    origin: str
    to: str | None = None
    route: Route | None = None
    guard: Guard | None = None
    tenant: str | None = None

    @property
    def contends(self) -> bool:
        return self.route is not None and self.tenant is None


@dataclass(frozen=True)
class Round:
    """Calls released at one instant, on the life's workflow of this number.

    `winners_max` is how many of the contenders can win at the most; `leads_to` the state afterwards when the
    plan goes on from it, None when more than one is right.
    """

    calls: tuple[Call, ...]
    is_race: bool
    winners_max: int
    leads_to: str | None
    workflow: int = 0

    @property
    def is_contested(self) -> bool:
        return len(self.calls) > 1


@dataclass(frozen=True)
class Life:
    """The rounds of a few workflows of one tenant. Each workflow ends with a read and its trail."""

    scenario: str
    rounds: tuple[Round, ...]
    workflows: int = 1

    @property
    def races(self) -> int:
        return sum(round_.is_race for round_ in self.rounds)

    def list_final_reads(self) -> list[int]:
        """The workflows that are still to be read at the end: all but the one that a contested round left read."""
        last: dict[int, bool] = {round_.workflow: round_.is_contested for round_ in self.rounds}
        return [workflow for workflow in range(self.workflows) if not last.get(workflow)]


@dataclass(frozen=True)
class Scenario:
    """One way to press. `question` is what it answers; `draw_lives` draws lives without end.

    `races` says whether its contested rounds are races; the others are judged by the other checks alone.
    `find_obstacle` says why a target cannot express it, or None. `weight` is its share when none is given.
    """

    name: str
    question: str
    races: bool
    weight: int
    find_obstacle: Callable[[Target], str | None]
    draw_lives: Callable[[Target, random.Random, int], Iterator[Life]]

    @property
    def unit(self) -> str:
        return "races" if self.races else "rounds"

    def counts(self, round_: Round) -> bool:
        """Whether the round is one of those that the scenario's share is counted in."""
        return round_.is_race if self.races else round_.is_contested


def make_round(
    target: Target,
    state: str,
    calls: Sequence[Call],
    *,
    leads_to: str | None,
    winners_max: int | None = None,
    workflow: int = 0,
) -> Round:
    """A round from the given state. It is a race when the definition says so, and then one wins."""
    contenders = [
        (expect(target, call.route, call.origin, call.to), call.to)
        for call in calls
        if call.contends and call.route is not None and call.to is not None
    ]
    race = len(contenders) > 1 and is_race(state, contenders)
    most = len(contenders) if winners_max is None else winners_max
    return Round(tuple(calls), race, 1 if race else most, leads_to, workflow)


def make_step(target: Target, rng: random.Random, hop: Hop, workflow: int = 0) -> Round:
    """One request alone, to bring a workflow a state further."""
    return make_round(target, hop.origin, [draw_call(target, rng, hop)], leads_to=hop.to, workflow=workflow)


def make_contest(target: Target, rng: random.Random, hop: Hop, contenders: int, workflow: int = 0) -> Round:
    """N requests for one and the same transition, each over one of the routes that make it a race."""
    calls = [draw_call(target, rng, hop) for _ in range(contenders)]
    return make_round(target, hop.origin, calls, leads_to=hop.to, workflow=workflow)


def walk_to(target: Target, rng: random.Random, state: str) -> tuple[Round, ...]:
    """Single requests along a shortest way from the initial state."""
    return tuple(make_step(target, rng, hop) for hop in find_path(target.graph, state))


def draw_call(target: Target, rng: random.Random, hop: Hop, tenant: str | None = None) -> Call:
    return Call(hop.origin, hop.to, rng.choice(list_fair_routes(target, hop)), tenant=tenant)


def list_fair_routes(target: Target, hop: Hop) -> tuple[Route, ...]:
    """The routes of an edge over which only one request can win; all of them when there is none such."""
    routes = target.routes_for(hop.origin, hop.to)
    fair = tuple(
        route for route in routes if is_race(hop.origin, [(expect(target, route, hop.origin, hop.to), hop.to)])
    )
    return fair or routes


def expect(target: Target, route: Route, origin: str, to: str) -> tuple[str, ...]:
    """The states in which the request is due to win."""
    expected = target.expected_by(route, origin, to)
    return (expected,) if isinstance(expected, str) else expected


def can_race(target: Target, hop: Hop) -> bool:
    """Whether several requests for this edge make a race."""
    return all(
        is_race(hop.origin, [(expect(target, route, hop.origin, hop.to), hop.to)])
        for route in list_fair_routes(target, hop)
    )


def list_racing_edges(target: Target) -> list[Hop]:
    """The edges that can be raced for, of those that lead on from a state that can be reached."""
    edges = [Hop(origin, to) for origin, to in target.graph.walk_edges()]
    return [hop for hop in edges if target.graph.path(target.graph.initial, hop.origin) and can_race(target, hop)]


def find_no_race(target: Target) -> str | None:
    """The obstacle of whatever needs one edge to race for."""
    return None if list_racing_edges(target) else "no edge of the workflow makes a race: whoever comes second wins too"


def cut(life: Life, scenario: Scenario, left: int) -> Life:
    """The life, ended after `left` rounds that count."""
    counted = 0
    for index, round_ in enumerate(life.rounds):
        counted += scenario.counts(round_)
        if counted == left:
            return replace(life, rounds=life.rounds[: index + 1])
    return life
