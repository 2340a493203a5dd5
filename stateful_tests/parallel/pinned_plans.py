"""The pinned plans: the classic races, made from the target's graph and routes."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from msgspec.structs import replace

from engine.target.call import READ, Call
from engine.target.graph import TransitionGraph
from engine.target.target import Target
from stateful_tests.parallel.plan import BRANCHES_MAX, BRANCHES_MIN, ParallelPlan, spread_branches
from stateful_tests.parallel.unit_plans import pin_units


def list_pinned(target: Target) -> list[ParallelPlan]:
    """The classic races, as far as the target can express them; the same every time."""
    plans = []
    if target.has_workflow:
        plans = [*pin_one_edge(target), *pin_forks(target), *pin_successive(target), *pin_after(target)]
        plans += [*pin_strangers(target), *pin_writes(target)]
    plans += pin_units(target)
    plans = plans if target.can_read else [drop_reads(plan) for plan in plans]
    return [spread_branches(plan, target) for plan in plans if len(plan.branches) >= BRANCHES_MIN]


def drop_reads(plan: ParallelPlan) -> ParallelPlan:
    """The plan without reads, for a target that has none."""
    kept = [
        tuple(call for call in calls if call.route or call.guard or call.write or call.is_of_units)
        for calls in (plan.prefix, *plan.branches)
    ]
    return replace(plan, prefix=kept[0], branches=tuple(branch for branch in kept[1:] if branch))


def pin_one_edge(target: Target) -> Iterator[ParallelPlan]:
    """Several clients race for one edge: over the general route, and over the edge's own, with its payload."""
    graph = target.graph
    for state in find_near(graph, lambda state: bool(list_onward(graph, state)))[:2]:
        to = list_onward(graph, state)[0]
        routes = {route.name for route in target.routes_for(state, to)}
        for route in sorted(routes):
            call = Call(route=route, origin=state, to=to)
            yield ParallelPlan(((call,),) * BRANCHES_MAX, walk_to(target, state), name=f"one edge, by {route}")
            later = list_onward(graph, to)[:1]
            beyond = [advance(target, to, next_state) for next_state in later]
            branches = ((call, *beyond), (READ, READ), (call, READ))
            yield ParallelPlan(branches, (*walk_to(target, state), READ), name=f"reads beside, by {route}")


def pin_forks(target: Target) -> Iterator[ParallelPlan]:
    """Two clients each for different next states of one state, also by routes of their own (complete, fail, cancel)."""
    graph = target.graph
    forks = find_near(graph, lambda state: len(graph.successors.get(state, ())) > 1)[:2]
    forks += find_near(graph, lambda state: len(list_onward(graph, state)) > 1)[:1]
    for state in dict.fromkeys(forks):
        first, *others = graph.successors[state]
        for other in others:
            for route in target.routes_for(state, other):
                own = target.routes_for(state, first)[0 if route.sources else -1]
                mine = Call(route=own.name, origin=state, to=first)
                theirs = Call(route=route.name, origin=state, to=other)
                name = f"{first} or {other}, by {route.name}"
                yield ParallelPlan(((mine,), (theirs,), (mine,), (theirs,)), walk_to(target, state), name=name)


def pin_successive(target: Target) -> Iterator[ParallelPlan]:
    """A move, and the next one beside it: both may win."""
    graph = target.graph
    for state in find_near(
        graph, lambda state: any(graph.successors.get(to) for to in graph.successors.get(state, ()))
    )[:2]:
        to = next(to for to in graph.successors[state] if graph.successors.get(to))
        first, second = advance(target, state, to), advance(target, to, graph.successors[to][0])
        name = f"{second.to} beside {first.to}"
        yield ParallelPlan(((first,), (second,)) * 2, walk_to(target, state), name=name)


def pin_after(target: Target) -> Iterator[ParallelPlan]:
    """Too late: a call that has won, once more; and every route into a terminal state, from a terminal state."""
    graph = target.graph
    for to in graph.successors.get(graph.initial, ())[:1]:
        for route in target.routes_for(graph.initial, to):
            won = Call(route=route.name, origin=graph.initial, to=to)
            yield ParallelPlan(((won,), (won,), (READ,)), (won,), name=f"once more, by {route.name}")
    for end in find_near(graph, lambda state: state in graph.terminal)[:1]:
        for route in [route for route in target.routes if route.to == end]:
            late = Call(route=route.name, origin=(route.sources or graph.sources(end))[0], to=end)
            yield ParallelPlan(
                ((late,), (late,), (READ,)), walk_to(target, end), name=f"after the end, by {route.name}"
            )


def pin_strangers(target: Target) -> Iterator[ParallelPlan]:
    """Another tenant, concurrently with the owner."""
    graph = target.graph
    for stranger in target.strangers[:1]:
        for to in graph.successors.get(graph.initial, ())[:1]:
            mine = advance(target, graph.initial, to)
            theirs = Call(mine.workflow, stranger, mine.route, mine.origin, mine.to)
            read = Call(tenant=stranger)
            yield ParallelPlan(((mine,), (theirs,), (mine,), (read,)), name="another tenant beside the owner")


def pin_writes(target: Target) -> Iterator[ParallelPlan]:
    """Each write beside a single move, and beside a race."""
    graph = target.graph
    for write in target.writes:
        sent = [
            state
            for state in find_near(graph, lambda state: bool(graph.successors.get(state)))
            if state in write.states
        ]
        for state in sent[:2]:
            to = (list_onward(graph, state) or list(graph.successors[state]))[0]
            mine, beside = advance(target, state, to), Call(write=write.name)
            for name, branches in (("a move", ((mine,), (beside,), (beside,))), ("a race", ((mine,), (beside,)) * 2)):
                yield ParallelPlan(branches, walk_to(target, state), name=f"{write.name} beside {name}")


def advance(target: Target, origin: str, to: str) -> Call:
    """By the general route, if there is one: its requests name the state they expect."""
    return Call(route=target.routes_for(origin, to)[-1].name, origin=origin, to=to)


def walk_to(target: Target, state: str) -> tuple[Call, ...]:
    trail = target.graph.path(target.graph.initial, state) or ()
    return tuple(advance(target, *pair) for pair in pairwise(trail))


def list_onward(graph: TransitionGraph, state: str) -> list[str]:
    """The next states that are not terminal."""
    return [next_state for next_state in graph.successors.get(state, ()) if next_state not in graph.terminal]


def find_near(graph: TransitionGraph, wanted: Callable[[str], bool]) -> list[str]:
    """The reachable states that are wanted, the nearest to the initial one first."""
    ways = {state: graph.path(graph.initial, state) for state in graph.states if wanted(state)}
    near = [(len(way), state) for state, way in ways.items() if way is not None]
    return [state for _, state in sorted(near, key=lambda each: each[0])]
