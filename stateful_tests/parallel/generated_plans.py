"""The plans that Hypothesis generates: branches of moves, reads, guards and writes, or of takes and give-backs."""

from collections.abc import Callable, Sequence

from hypothesis import Phase
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.target.call import Call
from engine.target.target import Target
from stateful_tests.hypothesis_settings import use_examples
from stateful_tests.parallel.pinned_plans import find_near, walk_to
from stateful_tests.parallel.plan import BRANCHES_MAX, BRANCHES_MIN, ParallelPlan, list_calls, spread_branches
from stateful_tests.parallel.unit_plans import unit_plans

BRANCH_MOVES_MAX = 3
# A longer prefix would take more time than the branches.
PREFIX_MAX = 8


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
