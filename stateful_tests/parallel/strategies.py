"""The plans to execute: pinned ones, made from the target's graph and routes; and random ones, made by Hypothesis."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from hypothesis import Phase
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.target.call import Call, spread
from engine.target.graph import TransitionGraph
from engine.target.target import Target
from stateful_tests.generation import use_examples
from stateful_tests.parallel.plan import BRANCHES_MAX, BRANCHES_MIN, ParallelPlan, list_calls
from stateful_tests.parallel.unit_plans import pin_units, unit_plans

BRANCH_MOVES_MAX = 3
# A longer prefix would take more time than the branches.
PREFIX_MAX = 8


def list_pinned(target: Target) -> list[ParallelPlan]:
    """The classic races, as far as the target can express them; the same every time."""
    plans = []
    if target.has_workflow:
        plans = [*pin_one_edge(target), *pin_forks(target), *pin_after(target)]
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
            read = Call()
            branches = ((call, *beyond), (read, read), (call, read))
            yield ParallelPlan(branches, (*walk_to(target, state), read), name=f"reads beside, by {route}")


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


def pin_after(target: Target) -> Iterator[ParallelPlan]:
    """Too late: a call that has won, once more; and every route into a terminal state, from a terminal state."""
    graph = target.graph
    for to in graph.successors.get(graph.initial, ())[:1]:
        for route in target.routes_for(graph.initial, to):
            won = Call(route=route.name, origin=graph.initial, to=to)
            yield ParallelPlan(((won,), (won,), (Call(),)), (won,), name=f"once more, by {route.name}")
    for end in find_near(graph, lambda state: state in graph.terminal)[:1]:
        for route in [route for route in target.routes if route.to == end]:
            late = Call(route=route.name, origin=(route.sources or graph.sources(end))[0], to=end)
            yield ParallelPlan(
                ((late,), (late,), (Call(),)), walk_to(target, end), name=f"after the end, by {route.name}"
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


def generate_plans(target: Target, first_seed: int, count: int, use: Callable[[ParallelPlan], None]) -> None:
    """Lets Hypothesis generate that many plans. `use` does not fail: Hypothesis cannot shrink a failure by chance."""
    use_examples(plans(target), use, first_seed, count, Phase.generate)


def plans(target: Target) -> st.SearchStrategy[ParallelPlan]:
    """Random plans: of moves, of takes and give-backs, or of either where the target has both."""
    if target.capacity is None:
        return workflow_plans(target)
    return st.one_of(workflow_plans(target), unit_plans(target)) if target.has_workflow else unit_plans(target)


@st.composite
def workflow_plans(draw: st.DrawFn, target: Target) -> ParallelPlan:
    """A random plan: a way to some state, then branches, mostly of moves that are legal there, or were, or will be."""
    graph = target.graph
    near = [state for state in find_near(graph, lambda _: True) if len(walk_to(target, state)) <= PREFIX_MAX]
    workflows = draw(st.integers(1, 2))
    starts = [draw(st.sampled_from(near)) for _ in range(workflows)]
    prefix = tuple(
        Call(number, route=call.route, origin=call.origin, to=call.to)
        for number, state in enumerate(starts)
        for call in walk_to(target, state)
    )
    count = draw(st.integers(BRANCHES_MIN, BRANCHES_MAX))
    branch = st.lists(st.deferred(lambda: calls(target, starts)), min_size=1, max_size=BRANCH_MOVES_MAX)
    branches = tuple(tuple(draw(branch)) for _ in range(count))
    return spread_branches(ask_clear_guards(ParallelPlan(branches, prefix, workflows, "drawn"), target), target)


def spread_branches(plan: ParallelPlan, target: Target) -> ParallelPlan:
    """The plan with its requests spread over the variants of the target: each branch begins with another one."""
    branches = tuple(spread(target, branch, number) for number, branch in enumerate(plan.branches))
    return replace(plan, branches=branches, prefix=spread(target, plan.prefix))


def ask_clear_guards(plan: ParallelPlan, target: Target) -> ParallelPlan:
    """The plan with reads in place of guards whose right answer may not follow from the state: no judge could tell."""
    reached = {call.to for call in list_calls(plan)} | {target.graph.initial}
    unclear = {guard.name for guard in target.guards if reached & set(guard.either)}
    branches = tuple(
        tuple(replace(call, guard="") if call.guard in unclear else call for call in branch) for branch in plan.branches
    )
    return replace(plan, branches=branches)


@st.composite
def calls(draw: st.DrawFn, target: Target, starts: Sequence[str]) -> Call:
    workflow = draw(st.integers(0, len(starts) - 1))
    tenant = draw(st.sampled_from(("", "", "", "", "", *target.strangers[:1])))
    writes = target.writes_in(starts[workflow])
    guards = [guard.name for guard in target.guards if target.can_read or not guard.either]
    reads = ["read"] if target.can_read else []
    more = [*reads, *(["guard"] if guards else []), *(["write"] if writes else [])]
    kind = draw(st.sampled_from(("due", "due", "due", "route", "any", *more)))
    if kind == "read":
        return Call(workflow, tenant)
    if kind == "guard":
        return Call(workflow, tenant, guard=draw(st.sampled_from(guards)))
    if kind == "write":
        return Call(workflow, tenant, write=draw(st.sampled_from([write.name for write in writes])))
    origin, to = draw(st.sampled_from(list_edges(target, starts[workflow], kind)))
    route = draw(st.sampled_from(target.routes_for(origin, to)))
    return Call(workflow, tenant, route.name, origin, to)


def list_edges(target: Target, start: str, kind: str) -> list[tuple[str, str]]:
    """The edges to choose from: those legal at the start or right after it; those with a route of their own; or any."""
    graph = target.graph
    here = [start, *graph.successors.get(start, ())]
    found = {
        "due": [pair for pair in graph.walk_edges() if pair[0] in here],
        "route": [(source, route.to or "") for route in target.routes for source in route.sources or ()],
        "any": [(origin, to) for origin in here for to in graph.states if not graph.is_open(origin, to)],
    }[kind]
    usable = [pair for pair in found if target.routes_for(*pair)]
    return usable or [pair for pair in graph.walk_edges() if target.routes_for(*pair)]
