"""Plans of takes and give-backs: pinned ones, and random ones made by Hypothesis."""

from collections.abc import Iterator

from hypothesis import strategies as st
from msgspec.structs import replace

from engine.target.call import GIVE_BACK, READ, TAKE, Call, spread
from engine.target.target import Target
from load.client.ask import expect_units
from stateful_tests.parallel.plan import BRANCHES_MAX, BRANCHES_MIN, ParallelPlan

BRANCH_CALLS_MAX = 3
# More takes than that before the branches would take more time than the branches.
PREFIX_MAX = 8


def take_all_but(target: Target, left: int) -> tuple[Call, ...]:
    """Takes until so many are left; fewer where that would be too many takes."""
    return (TAKE,) * min(PREFIX_MAX, max(0, expect_units(target) - left))


def pin_units(target: Target) -> Iterator[ParallelPlan]:
    """The classic races for units, as far as the target can express them."""
    capacity = target.capacity
    if capacity is None:
        return
    last = take_all_but(target, 1)
    yield ParallelPlan(((TAKE,),) * BRANCHES_MAX, last, name="the last unit")
    yield ParallelPlan(((TAKE, TAKE),) * BRANCHES_MAX, name="more takes than units")
    if target.can_read:
        yield ParallelPlan(((TAKE, READ), (TAKE,), (READ, READ)), last, name="reads beside the last unit")
    if capacity.give_back is not None:
        gone = take_all_but(target, 0)
        yield ParallelPlan(((GIVE_BACK, TAKE), (TAKE, TAKE), (TAKE,)), gone, name="a give-back beside takes")
        branches = ((TAKE, GIVE_BACK), (TAKE, GIVE_BACK), (TAKE, GIVE_BACK))
        yield ParallelPlan(branches, last, name="takes and give-backs")
    if not capacity.is_shared:
        other = replace(TAKE, workflow=1)
        yield ParallelPlan(((TAKE, TAKE), (other, other)) * 2, workflows=2, name="two resources")
        for stranger in target.strangers[:1]:
            theirs = replace(TAKE, tenant=stranger)
            yield ParallelPlan(((TAKE,), (theirs,), (TAKE,), (theirs,)), last, name="another tenant's take")


@st.composite
def unit_plans(draw: st.DrawFn, target: Target) -> ParallelPlan:
    """A random plan: some takes, then branches of takes, give-backs and reads."""
    capacity = target.capacity
    assert capacity is not None
    workflows = 1 if capacity.is_shared else draw(st.integers(1, 2))
    kinds = [TAKE, TAKE, TAKE, *([GIVE_BACK] * 2 if capacity.give_back is not None else [])]
    kinds += [READ] if target.can_read else []
    strangers = [] if capacity.is_shared else [replace(TAKE, tenant=name) for name in target.strangers[:1]]
    call = st.builds(
        lambda kind, number: replace(kind, workflow=number),
        st.sampled_from([*kinds, *strangers]),
        st.integers(0, workflows - 1),
    )
    taken = draw(st.integers(0, min(PREFIX_MAX, expect_units(target))))
    prefix = tuple(replace(TAKE, workflow=number) for number in range(workflows) for _ in range(taken))
    count = draw(st.integers(BRANCHES_MIN, BRANCHES_MAX))
    branch = st.lists(call, min_size=1, max_size=BRANCH_CALLS_MAX)
    branches = tuple(tuple(spread(target, draw(branch), number)) for number in range(count))
    return ParallelPlan(branches, prefix, workflows, "drawn")
