"""Scripts: what is asked of workflows, round by round, drawn from a seed before anything runs. Pure.

A *round* is one release: all of its requests leave at one instant. It has a *group* of calls for each workflow that it
presses. A group is a *race* when two or more contend and, by the graph, exactly one of them can win. A *script* is
all that is asked of one workflow, or of a few, from their creation to the last read.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from engine.target.call import CREATE, READ, Call, are_race, call_route, find_route, spread
from engine.target.races import is_race
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.walks import Edge, find_path


@dataclass(frozen=True)
class Group:
    """The calls of a round on the script's workflow of this number.

    `may_lose`: no contender need win, because the workflow may leave the state by itself. `winners_max` is how many of
    the contenders can win at the most; `leads_to` the state afterwards when the
    plan goes on from it, None when more than one is right. `wait_s`: without a request the workflow goes there, at the
    earliest after so long; the plan waits for it.
    """

    calls: tuple[Call, ...]
    is_race: bool
    winners_max: int
    leads_to: str | None
    workflow: int = 0
    may_lose: bool = False
    wait_s: float | None = None

    @property
    def changes(self) -> bool:
        return any(call.changes for call in self.calls)


@dataclass(frozen=True)
class Slot:
    """One call of a round: the number of its group, and which of the group's calls it is."""

    group: int
    number: int
    call: Call


@dataclass(frozen=True)
class Round:
    """Groups that are released at one instant, each on a workflow of its own; so long after the last round that did
    not wait had begun (or the creates).
    """

    groups: tuple[Group, ...]
    wait_s: float = 0.0

    def list_slots(self) -> list[Slot]:
        """The calls in the order of their release: the groups alternate, so that each is spread over all of it."""
        longest = max(len(group.calls) for group in self.groups)
        return [
            Slot(turn, number, group.calls[number])
            for number in range(longest)
            for turn, group in enumerate(self.groups)
            if number < len(group.calls)
        ]

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(slot.call for slot in self.list_slots())

    @property
    def races(self) -> int:
        return sum(group.is_race for group in self.groups)

    @property
    def is_concurrent(self) -> bool:
        """Whether several requests are released together."""
        return len(self.calls) > 1

    def list_looked_at(self) -> list[Group]:
        """The groups whose workflow is read once the round is over."""
        return [group for group in self.groups if group.changes] if self.is_concurrent else []


@dataclass(frozen=True)
class Script:
    """The rounds of a few workflows. Each workflow ends with a read and its trail.

    `owners` names the tenant of each workflow; without it the target's first tenant owns all.
    `units`: how many units each is to have, where onewinner chooses it; `ends_empty`: it ends when no take
    of a round got one.
    """

    scenario: str
    rounds: tuple[Round, ...]
    workflows: int = 1
    owners: tuple[str, ...] = ()
    units: int = 0
    ends_empty: bool = False

    @property
    def races(self) -> int:
        return sum(round_.races for round_ in self.rounds)

    def list_first(self) -> list[int]:
        """The workflows that are created before the first round: all but those that a round creates."""
        groups = [group for round_ in self.rounds for group in round_.groups]
        later = {group.workflow for group in groups if any(call.creates for call in group.calls)}
        return [number for number in range(self.workflows) if number not in later]

    def list_final_reads(self) -> list[int]:
        """The workflows that are still to be read at the end: all but those whose last round left them read."""
        read: dict[int, bool] = {}
        for round_ in self.rounds:
            looked_at = round_.list_looked_at()
            read |= {group.workflow: group in looked_at for group in round_.groups}
        return [workflow for workflow in range(self.workflows) if not read.get(workflow)]


@dataclass(frozen=True)
class Scenario:
    """One way to press. `question` is what it answers; `draw_scripts` draws endless scripts.

    `races` says whether its concurrent rounds are races; the others are judged by the other checks alone.
    `find_obstacle` says why a target cannot express it, or None. `weight` is its proportion when none is given.
    `takes`: it takes units of resources, and needs no states.
    """

    name: str
    question: str
    races: bool
    weight: int
    find_obstacle: Callable[[Target], str | None]
    draw_scripts: Callable[[Target, random.Random, int], Iterator[Script]]
    takes: bool = False

    @property
    def unit(self) -> str:
        return "races" if self.races else "rounds"

    def count(self, round_: Round) -> int:
        """How much of the scenario's quota a round is."""
        return round_.races if self.races else int(round_.is_concurrent)


def make_round(
    target: Target,
    state: str,
    calls: Sequence[Call],
    *,
    leads_to: str | None,
    winners_max: int | None = None,
    workflow: int = 0,
) -> Round:
    """A round on one workflow, from the given state. It is a race when the definition says so, and then one wins.

    A call that contends with no other is no race: that it must win is held by `linearizable` and `conflict-truth`.
    """
    contenders = [call for call in calls if contends(call)]
    # A write may change the version that the contenders carry: then none of them wins.
    is_steady = target.version is None or not any(call.write for call in calls)
    race = is_steady and are_race(target, state, contenders)
    most = 1 if race else len(contenders) if winners_max is None else winners_max
    repeats = any(find_route(target, call).repeats for call in contenders)
    may_lose = any(state in target.graph.timed_from for state in target.graph.reach_alone(state))
    group = Group(tuple(calls), race, len(contenders) if repeats else most, leads_to, workflow, may_lose)
    return Round((group,))


def vary(target: Target, script: Script, rng: random.Random) -> Script:
    """The script, with the requests of each group spread over the users and the variants of the target."""
    routes = (*target.routes, *([target.general] if target.general else []))
    if not any(route.variants for route in routes) and not any(tenant.users for tenant in target.tenants.values()):
        return script

    def vary_group(group: Group) -> Group:
        return replace(group, calls=spread(target, group.calls, rng.randrange(1 << 16)))

    rounds = tuple(replace(round_, groups=tuple(map(vary_group, round_.groups))) for round_ in script.rounds)
    return replace(script, rounds=rounds)


def make_lost(state: str, calls: Sequence[Call], version: str) -> Round:
    """A round on a workflow in that state, in which no request can win because of its version."""
    sent = tuple(msgspec.structs.replace(call, version=version) for call in calls)
    return Round((Group(sent, is_race=False, winners_max=0, leads_to=state),))


def list_carriers(target: Target, edge: Edge) -> list[Route]:
    """The routes of an edge whose requests carry a version."""
    return [route for route in target.routes_for(edge.origin, edge.to) if target.version in route.template.placeholders]


def contends(call: Call) -> bool:
    """Whether it can win a race: an advance of the workflow's owner. Other calls go with it, outside of it."""
    return bool(call.route) and not call.tenant


def release_together(rounds: Sequence[Round]) -> Round:
    """Rounds on different workflows as one."""
    return Round(tuple(group for round_ in rounds for group in round_.groups))


def make_read(target: Target, state: str, workflow: int = 0) -> Round:
    """One read of a workflow that is in that state, alone."""
    return make_round(target, state, [READ], leads_to=state, workflow=workflow)


def make_create(target: Target, workflow: int) -> Round:
    """The create of a workflow, alone. It wins nothing, and must succeed."""
    initial = target.graph.initial
    return make_round(target, initial, [CREATE], leads_to=initial, workflow=workflow)


def deal_owners(target: Target, workflows: int) -> tuple[str, ...]:
    """The tenant of each workflow: all tenants in turn."""
    tenants = (target.owner, *target.strangers)
    return tuple(tenants[number % len(tenants)] for number in range(workflows))


def is_waited(target: Target, edge: Edge) -> bool:
    """Whether no request makes the move, so that a plan waits for it."""
    return not target.graph.allows(edge.origin, edge.to)


def make_wait(target: Target, edge: Edge, workflow: int = 0) -> Round:
    """No request: the workflow goes a state further by itself."""
    wait_s = min(move.after_s for move in target.graph.timed_from[edge.origin] if move.to == edge.to)
    return Round((Group((), False, 0, edge.to, workflow, wait_s=wait_s),))


def make_step(target: Target, rng: random.Random, edge: Edge, workflow: int = 0) -> Round:
    """One request alone, to bring a workflow a state further."""
    if is_waited(target, edge):
        return make_wait(target, edge, workflow)
    return make_round(target, edge.origin, [draw_call(target, rng, edge)], leads_to=edge.to, workflow=workflow)


def make_race(target: Target, rng: random.Random, edge: Edge, contenders: int, workflow: int = 0) -> Round:
    """N requests for one and the same transition, each over one of the routes that make it a race."""
    if is_waited(target, edge):
        return make_wait(target, edge, workflow)
    calls = [draw_call(target, rng, edge) for _ in range(contenders)]
    return make_round(target, edge.origin, calls, leads_to=edge.to, workflow=workflow)


def walk_to(target: Target, rng: random.Random, state: str) -> tuple[Round, ...]:
    """Single requests along a shortest way from the initial state."""
    return tuple(make_step(target, rng, edge) for edge in find_path(target.walked, state))


def draw_call(target: Target, rng: random.Random, edge: Edge, tenant: str = "") -> Call:
    return call_route(rng.choice(list_fair_routes(target, edge)), edge.origin, edge.to, tenant)


def list_fair_routes(target: Target, edge: Edge) -> tuple[Route, ...]:
    """The routes of an edge over which only one request can win; all of them when there is none such."""
    routes = target.routes_for(edge.origin, edge.to)
    return tuple(route for route in routes if wins_once(target, route, edge)) or routes


def wins_once(target: Target, route: Route, edge: Edge) -> bool:
    """Whether of several such requests exactly one can win."""
    return is_race(edge.origin, [(target.expected_by(route, edge.origin, edge.to), edge.to)])


def can_race(target: Target, edge: Edge) -> bool:
    """Whether several requests for this edge make a race."""
    return all(wins_once(target, route, edge) for route in list_fair_routes(target, edge))


def list_racing_edges(target: Target) -> list[Edge]:
    """The edges that can be raced for, of those that lead on from a state that can be reached."""
    edges = [Edge(origin, to) for origin, to in target.graph.walk_edges()]
    return [edge for edge in edges if target.walked.path(target.graph.initial, edge.origin) and can_race(target, edge)]


def find_no_race(target: Target) -> str | None:
    """Why the target has no edge to race for, or None."""
    return None if list_racing_edges(target) else "no edge of the workflow makes a race: the second request wins too"


def cut(script: Script, scenario: Scenario, left: int) -> Script:
    """The script, ended after `left` of its scenario's units."""
    counted = 0
    for index, round_ in enumerate(script.rounds):
        more = scenario.count(round_)
        if counted + more >= left:
            return replace(script, rounds=(*script.rounds[:index], cut_round(round_, left - counted, more)))
        counted += more
    return script


def cut_round(round_: Round, wanted: int, held: int) -> Round:
    """The round with `wanted` of the races that it holds."""
    races = [group for group in round_.groups if group.is_race][wanted:] if held > wanted else []
    return replace(round_, groups=tuple(group for group in round_.groups if group not in races))
