"""Shrinking: the smallest plan that still fails, although each failure is a matter of chance.

A candidate is kept if it fails in KEEP_FAILED of at most KEEP_REPEATS executions. The judge is exact, so one failure is
proof; more than one keeps the plans that people can reproduce. The judge also names the few operations that contradict
each other: these alone, or these after the others, are the first candidates.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from engine.target.call import Call
from stateful_tests.parallel.plan import BRANCHES_MIN, ParallelPlan, Place
from stateful_tests.parallel.runner import Trial

KEEP_FAILED = 2
KEEP_REPEATS = 12
CHUNK = 4

T = TypeVar("T")
TryOut = Callable[[ParallelPlan, int], Trial]


def shrink(failing: Trial, try_out: TryOut, limit_s: float) -> ParallelPlan:
    """The smallest plan found before no smaller one fails, or the time is up."""
    deadline = time.monotonic() + limit_s
    tried: set[ParallelPlan] = set()
    improved = True
    while improved and time.monotonic() < deadline:
        improved = False
        for candidate in list_smaller(failing.plan, failing.blamed):
            if candidate in tried or time.monotonic() > deadline:
                continue
            tried.add(candidate)
            trial = try_often(candidate, try_out)
            if trial.failed >= KEEP_FAILED:
                failing, improved = trial, True
                break
    return failing.plan


def try_often(plan: ParallelPlan, try_out: TryOut) -> Trial:
    """Executes it until it has failed often enough to be kept, or was executed often enough to be dropped."""
    trials: list[Trial] = []
    while sum(trial.failed for trial in trials) < KEEP_FAILED and len(trials) * CHUNK < KEEP_REPEATS:
        trials.append(try_out(plan, CHUNK))
    blamed = tuple(dict.fromkeys(places for trial in trials for places in trial.blamed))
    return Trial(plan, sum(trial.failed for trial in trials), trials[-1].judgement, blamed)


def list_smaller(plan: ParallelPlan, blamed: Sequence[Collection[Place]] = ()) -> Iterator[ParallelPlan]:
    """Candidates, the smallest first: the blamed operations, fewer branches, a later begin of the branches, shorter
    branches, one workflow instead of two, a shorter prefix. Each has fewer operations in its branches, or in all.
    """
    for places in blamed:
        yield from keep_blamed(plan, places)
    if len(plan.branches) > BRANCHES_MIN:
        yield replace(plan, branches=plan.branches[:BRANCHES_MIN])
        yield replace(plan, branches=plan.branches[-BRANCHES_MIN:])
        for number in range(len(plan.branches)):
            yield replace(plan, branches=leave_out(plan.branches, number))
    yield from begin_later(plan)
    for number, branch in enumerate(plan.branches):
        for place in range(len(branch) if len(branch) > 1 else 0):
            shorter = leave_out(branch, place)
            yield replace(plan, branches=(*plan.branches[:number], shorter, *plan.branches[number + 1 :]))
    if plan.workflows > 1:
        for number in range(plan.workflows):
            yield from keep_workflow(plan, number)
    yield from list_shorter_prefixes(plan)


def keep_blamed(plan: ParallelPlan, places: Collection[Place]) -> Iterator[ParallelPlan]:
    """The blamed operations alone; and after all other operations up to the last of them."""
    kept = [
        tuple(call for place, call in enumerate(branch) if (number, place) in places)
        for number, branch in enumerate(plan.branches)
    ]
    branches = tuple(branch for branch in kept if branch)
    if len(branches) < BRANCHES_MIN or branches == plan.branches:
        return
    last = max(place for number, place in places if number >= 0)
    others = [
        call
        for place, round_ in enumerate(plan.number_rounds())
        for number, call in round_
        if place <= last and (number, place) not in places
    ]
    yield replace(plan, branches=branches)
    yield replace(plan, branches=branches, prefix=(*plan.prefix, *others))


def begin_later(plan: ParallelPlan) -> Iterator[ParallelPlan]:
    """One round alone, with the operations before it in the prefix."""
    rounds = [[call for _, call in round_] for round_ in plan.number_rounds()]
    for number, calls in enumerate(rounds):
        if len(rounds) > 1 and len(calls) >= BRANCHES_MIN:
            before = tuple(call for earlier in rounds[:number] for call in earlier)
            yield replace(plan, branches=tuple((call,) for call in calls), prefix=(*plan.prefix, *before))


def list_shorter_prefixes(plan: ParallelPlan) -> Iterator[ParallelPlan]:
    """Without all of it, then halves, quarters, ..., single operations; the last ones first: less depends on them."""
    size = len(plan.prefix)
    while size:
        for start in range(len(plan.prefix) - size, -size, -size):
            yield replace(plan, prefix=plan.prefix[: max(start, 0)] + plan.prefix[start + size :])
        size //= 2


def keep_workflow(plan: ParallelPlan, number: int) -> Iterator[ParallelPlan]:
    """The plan with one of its workflows alone."""

    def keep(calls: tuple[Call, ...]) -> tuple[Call, ...]:
        return tuple(replace(call, workflow=0) for call in calls if call.workflow == number)

    branches = tuple(kept for branch in plan.branches if (kept := keep(branch)))
    if len(branches) >= BRANCHES_MIN:
        yield replace(plan, branches=branches, prefix=keep(plan.prefix), workflows=1)


def leave_out(items: tuple[T, ...], number: int) -> tuple[T, ...]:
    return items[:number] + items[number + 1 :]
