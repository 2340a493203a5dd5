"""A plan: the requests of several concurrent clients, as data. It is complete before anything runs; it can be saved
and executed again.

The prefix runs one request at a time. Then the branches run concurrently: one release sends the first operation of
every branch, the next release the second ones, and so on.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.target.call import Call, check_units, find_guard, find_route, find_write, spread
from engine.target.notices import say
from engine.target.plain_file import MALFORMED, read_plain
from engine.target.target import Target
from engine.target.target_file import TargetError, load_target

BRANCHES_MIN, BRANCHES_MAX = 2, 4
# The limits of a plan that is written by hand.
OPERATIONS_MAX, WORKFLOWS_MAX = 200, 20


# (branch, place) of an operation in a plan; branch -1 is the prefix.
Place = tuple[int, int]


class PlanError(Exception):
    """A plan that cannot be read, or that the target cannot express; one sentence."""


class ParallelPlan(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A prefix and its branches, on that many new workflows. `name` says where the plan comes from."""

    branches: tuple[tuple[Call, ...], ...]
    prefix: tuple[Call, ...] = ()
    workflows: int = 1
    name: str = ""

    @property
    def size(self) -> int:
        return len(self.prefix) + sum(map(len, self.branches))

    def number_rounds(self) -> Iterator[list[tuple[int, Call]]]:
        """The operations that one release sends, round by round, each with the number of its branch."""
        for place in range(max(map(len, self.branches), default=0)):
            yield [(number, branch[place]) for number, branch in enumerate(self.branches) if place < len(branch)]

    def in_turn(self) -> "ParallelPlan":
        """The same operations without concurrency: the branches one after the other."""
        calls = tuple(call for branch in self.branches for call in branch)
        return msgspec.structs.replace(self, branches=(), prefix=(*self.prefix, *calls))


def list_calls(plan: ParallelPlan) -> list[Call]:
    return [*plan.prefix, *(call for branch in plan.branches for call in branch)]


def save_plan(plan: ParallelPlan, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n")


def load_plan(path: Path, target: Target) -> ParallelPlan:
    """A saved plan that the target can express. Raises PlanError."""
    try:
        plan = msgspec.json.decode(read_plain(path), type=ParallelPlan)
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}; name a saved plan") from None
    except MALFORMED as error:
        raise PlanError(f"{path}: is no plan: {error}") from None
    if len(plan.branches) < BRANCHES_MIN or not all(plan.branches):
        raise PlanError(f"{path}: branches: {BRANCHES_MIN} or more are needed, each with an operation")
    if plan.size > OPERATIONS_MAX or not 0 < plan.workflows <= WORKFLOWS_MAX:
        raise PlanError(f"{path}: a plan has at most {OPERATIONS_MAX} operations, on 1 to {WORKFLOWS_MAX} workflows")
    for call in list_calls(plan):
        check_call(plan, call, path, target)
    return plan


def check_call(plan: ParallelPlan, call: Call, path: Path, target: Target) -> None:
    """Raises PlanError if the target cannot express the call."""
    try:
        if call.route:
            find_route(target, call)
        if call.guard:
            find_guard(target, call)
        if call.write:
            find_write(target, call)
        check_units(target, call)
    except LookupError as error:
        raise PlanError(f"{error}; the plan was made for another") from None
    if call.creates:
        raise PlanError(f'{path}: a plan creates its workflows itself; leave out "creates"')
    if not 0 <= call.workflow < plan.workflows or call.tenant not in ("", *target.tenants):
        raise PlanError(f"{path}: {call} names a workflow or a tenant that is not there")


def main(path: str, target: str) -> int:
    """Whether a target can express a saved plan: 0, or 2 and one sentence."""
    try:
        load_plan(Path(path), load_target(Path(target), None))
    except (PlanError, TargetError) as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))


def spread_branches(plan: ParallelPlan, target: Target) -> ParallelPlan:
    """The plan with its requests spread over the variants of the target: each branch begins with another one."""
    branches = tuple(spread(target, branch, number) for number, branch in enumerate(plan.branches))
    return replace(plan, branches=branches, prefix=spread(target, plan.prefix))
