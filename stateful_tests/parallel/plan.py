"""A plan: what several callers ask at once, as data. Drawn before anything runs, saved, and run as often as wanted.

The prefix is asked one by one. Then the branches run side by side: the first operations of all branches are released
together, then the second ones, and so on.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.target.call import Call, find_guard, find_route
from engine.target.file import TargetError, load_target
from engine.target.target import Target

BRANCHES_MIN, BRANCHES_MAX = 2, 4
# Of a plan written by hand: what one execution may ask at most.
OPERATIONS_MAX, WORKFLOWS_MAX = 200, 20


# (branch, place) of an operation in a plan; branch -1 is the prefix.
Place = tuple[int, int]


class PlanError(Exception):
    """A plan that cannot be read, or that asks for what the target does not have; one sentence."""


class ParallelPlan(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A prefix and its branches, on so many new workflows. `name` says where it comes from."""

    branches: tuple[tuple[Call, ...], ...]
    prefix: tuple[Call, ...] = ()
    workflows: int = 1
    name: str = ""

    @property
    def size(self) -> int:
        return len(self.prefix) + sum(map(len, self.branches))

    def walk_rounds(self) -> Iterator[list[Call]]:
        """The operations that are released together, round by round."""
        for round_ in self.number_rounds():
            yield [call for _, call in round_]

    def number_rounds(self) -> Iterator[list[tuple[int, Call]]]:
        """The same, each operation with the number of its branch."""
        for place in range(max(map(len, self.branches), default=0)):
            yield [(number, branch[place]) for number, branch in enumerate(self.branches) if place < len(branch)]

    def in_turn(self) -> "ParallelPlan":
        """The same operations with nobody beside anybody: the branches one after the other."""
        calls = tuple(call for branch in self.branches for call in branch)
        return msgspec.structs.replace(self, branches=(), prefix=(*self.prefix, *calls))


def list_calls(plan: ParallelPlan) -> list[Call]:
    return [*plan.prefix, *(call for branch in plan.branches for call in branch)]


def save_plan(plan: ParallelPlan, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n")


def load_plan(path: Path, target: Target) -> ParallelPlan:
    """A saved plan, if the target can express it. Raises PlanError."""
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=ParallelPlan)
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error.strerror}; name a saved plan") from None
    except msgspec.DecodeError as error:
        raise PlanError(f"{path}: is no plan: {error}") from None
    if len(plan.branches) < BRANCHES_MIN or not all(plan.branches):
        raise PlanError(f"{path}: branches: {BRANCHES_MIN} or more are needed, each with an operation")
    if plan.size > OPERATIONS_MAX or not 0 < plan.workflows <= WORKFLOWS_MAX:
        raise PlanError(f"{path}: a plan has at most {OPERATIONS_MAX} operations, on 1 to {WORKFLOWS_MAX} workflows")
    for call in list_calls(plan):
        check_call(plan, call, path, target)
    return plan


def check_call(plan: ParallelPlan, call: Call, path: Path, target: Target) -> None:
    """Raises PlanError where the target cannot express a call."""
    try:
        if call.route:
            find_route(target, call)
        if call.guard:
            find_guard(target, call)
    except LookupError as error:
        raise PlanError(f"{error}; the plan was made for another") from None
    if call.creates:
        raise PlanError(f'{path}: a plan creates its workflows itself; leave out "creates"')
    if not 0 <= call.workflow < plan.workflows or call.tenant not in ("", *target.tenants):
        raise PlanError(f"{path}: {call} names a workflow or a tenant that is not there")


def main(path: str, target: str) -> int:
    """Whether a saved plan can be run on a target: 0, or 2 and one sentence."""
    try:
        load_plan(Path(path), load_target(Path(target), None))
    except (PlanError, TargetError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
