"""Shrinking: the smallest plan that still fails, when failing is a matter of luck.

A candidate is kept when it fails in KEEP_FAILED of at most KEEP_REPEATS executions. The judge is exact, so that one
failure would be proof; asking for more than one keeps plans that people can reproduce.
"""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec.structs import replace

from stateful_tests.parallel import Trial
from stateful_tests.plan import BRANCHES_MIN, Move, Plan

KEEP_FAILED = 2
KEEP_REPEATS = 12
CHUNK = 4

T = TypeVar("T")
TryOut = Callable[[Plan, int], Trial]


def shrink(plan: Plan, try_out: TryOut, limit_s: float) -> Plan:
    """The smallest plan found until no smaller one fails, or the time is up."""
    deadline = time.monotonic() + limit_s
    tried: set[Plan] = set()
    improved = True
    while improved and time.monotonic() < deadline:
        improved = False
        for candidate in list_smaller(plan):
            if candidate in tried or time.monotonic() > deadline:
                continue
            tried.add(candidate)
            if is_kept(candidate, try_out):
                plan, improved = candidate, True
                break
    return plan


def is_kept(plan: Plan, try_out: TryOut) -> bool:
    failed = repeats = 0
    while failed < KEEP_FAILED and repeats < KEEP_REPEATS:
        failed += try_out(plan, CHUNK).failed
        repeats += CHUNK
    return failed >= KEEP_FAILED


def list_smaller(plan: Plan) -> Iterator[Plan]:
    """Candidates, the boldest first: fewer branches, shorter ones, a shorter prefix, one workflow instead of two."""
    if len(plan.branches) > BRANCHES_MIN:
        yield replace(plan, branches=plan.branches[:BRANCHES_MIN])
        yield replace(plan, branches=plan.branches[-BRANCHES_MIN:])
        for number in range(len(plan.branches)):
            yield replace(plan, branches=leave_out(plan.branches, number))
    if any(len(branch) > 1 for branch in plan.branches):
        yield replace(plan, branches=tuple(branch[:1] for branch in plan.branches))
    for number, branch in enumerate(plan.branches):
        for place in range(len(branch) if len(branch) > 1 else 0):
            shorter = leave_out(branch, place)
            yield replace(plan, branches=(*plan.branches[:number], shorter, *plan.branches[number + 1 :]))
    yield from list_shorter_prefixes(plan)
    if plan.workflows > 1:
        for number in range(plan.workflows):
            yield from keep_workflow(plan, number)


def list_shorter_prefixes(plan: Plan) -> Iterator[Plan]:
    if plan.prefix:
        yield replace(plan, prefix=())
    for number in range(len(plan.prefix)):
        yield replace(plan, prefix=plan.prefix[:number])
        yield replace(plan, prefix=leave_out(plan.prefix, number))


def keep_workflow(plan: Plan, number: int) -> Iterator[Plan]:
    """The plan with one workflow alone; what was asked of others is left out."""

    def keep(moves: tuple[Move, ...]) -> tuple[Move, ...]:
        return tuple(replace(move, workflow=0) for move in moves if move.workflow == number)

    branches = tuple(kept for branch in plan.branches if (kept := keep(branch)))
    if len(branches) >= BRANCHES_MIN:
        yield replace(plan, branches=branches, prefix=keep(plan.prefix), workflows=1)


def leave_out(items: tuple[T, ...], number: int) -> tuple[T, ...]:
    return items[:number] + items[number + 1 :]
