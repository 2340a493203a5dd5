"""Which requests meet: every two that are legal in one state, from every state that can be reached. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement

from engine.target.target import Route, Target, Template
from stateful_tests.interleavings.schedule import Action, Pairing

# So many different words at one place of a path, over all routes, are names of things rather than of actions.
NAMES_MIN = 3


def list_pairings(target: Target, contenders: int = 2) -> list[Pairing]:
    """Every meeting of two: both the owner's, in every combination, and the owner's with another tenant's same one.

    With more than two contenders: so many requests for one and the same transition.
    """
    pairings: list[Pairing] = []
    for state in target.graph.states:
        if target.graph.path(target.graph.initial, state) is None:
            continue
        actions = list_actions(target, state, target.owner)
        if contenders > 2:
            pairings += [meet(target, state, (action,) * contenders) for action in actions]
            continue
        pairings += [meet(target, state, pair) for pair in combinations_with_replacement(actions, 2)]
        for stranger in target.strangers[:1]:
            pairings += [
                meet(target, state, (action, Action(stranger, action.route, action.origin, action.to)))
                for action in actions
            ]
    return pairings


def list_apart(target: Target, most: int) -> list[Pairing]:
    """Meetings of two requests on a workflow each: of one tenant in every combination, and the same two of two tenants.

    One of each kind, those of one and the same request first, and then further states; so many in all.
    """
    if not isinstance(target.create, Template):
        return []
    reached = [state for state in target.graph.states if target.graph.path(target.graph.initial, state) is not None]
    found: list[Pairing] = []
    for state in reached:
        actions = list_actions(target, state, target.owner)
        for pair in combinations_with_replacement(actions, 2):
            others = target.strangers[:1] if pair[0] == pair[1] else ()
            met = [pair, *((pair[0], replace(pair[1], tenant=other)) for other in others)]
            found += [Pairing(state, each, name_apart(target, each), apart=True) for each in met]
    found.sort(key=lambda pairing: pairing.actions[0].route != pairing.actions[1].route)
    kinds = pick_one_of_each(found)
    return [*kinds, *(pairing for pairing in found if pairing not in kinds)][:most]


def name_apart(target: Target, actions: Sequence[Action]) -> str:
    names = sorted(name_action(target, action) for action in actions)
    whose = "two tenants'" if len({action.tenant for action in actions}) > 1 else "two"
    return f"{' / '.join(names)}, on {whose} workflows"


def list_actions(target: Target, state: str, tenant: str) -> list[Action]:
    """Every request that is legal in a state."""
    return [
        Action(tenant, route.name, state, to)
        for to in target.graph.successors.get(state, ())
        for route in target.routes_for(state, to)
    ]


def meet(target: Target, state: str, actions: tuple[Action, ...]) -> Pairing:
    return Pairing(state, actions, name_kind(target, actions))


def name_kind(target: Target, actions: Sequence[Action]) -> str:
    """The sort of meeting: the routes, without the names of things, and how the requests stand to each other."""
    names = [name_action(target, action) for action in actions]
    if any(action.tenant != target.owner for action in actions):
        return f"{names[0]} / another tenant's {names[1]}"
    same = len({action.to for action in actions}) == 1
    return f"{' / '.join(sorted(names))}{', same next state' if same else ''}"


def name_action(target: Target, action: Action) -> str:
    """The end of the path behind {id}, with a * where the routes have names of things; the general route's own name."""
    route = action.find_route(target)
    if route is target.general:
        return route.name
    mine = split_path(route)
    others = [split_path(other) for other in target.routes]
    alike = [other for other in others if len(other) == len(mine)]
    words = ["*" if len({other[place] for other in alike}) >= NAMES_MIN else word for place, word in enumerate(mine)]
    return "/".join(words)


def split_path(route: Route) -> list[str]:
    return route.template.path.rpartition("{id}")[2].strip("/").split("/")


def pick_one_of_each(pairings: Iterable[Pairing]) -> list[Pairing]:
    """The first pairing of every kind."""
    first: dict[str, Pairing] = {}
    for pairing in pairings:
        first.setdefault(pairing.kind, pairing)
    return list(first.values())
