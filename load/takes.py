"""Rounds of takes and give-backs, for the scenarios that ask for units of resources. Pure."""

from collections.abc import Iterable, Sequence
from itertools import count

from engine.target.call import Call, spread
from engine.target.target import Target
from load.scripts import Group, Round

NO_CAPACITY = "the target has no [capacity]"
# Where only the answer to the create tells how many units there are, a script ends after so many rounds.
ROUNDS_MAX = 40


def choose_units(contenders: int) -> list[int]:
    """How many units a resource is to have: the last one, a few, half of what is asked for, and all of it."""
    return sorted({1, min(3, contenders), max(1, contenders // 2), contenders})


def find_units(target: Target) -> int | None:
    """How many units every resource has, where the file says it."""
    units = target.capacity.units if target.capacity is not None else None
    return units if isinstance(units, int) else None


def find_too_many(target: Target) -> str | None:
    """Why the units of a resource cannot all be taken, or None."""
    if target.capacity is None:
        return NO_CAPACITY
    units = find_units(target)
    if units is None or units <= ROUNDS_MAX:
        return None
    return f"a resource has {units:,} units, and a script takes {ROUNDS_MAX:,} at most"


def count_rounds(units: int | None, contenders: int) -> int:
    """How many rounds of so many takes take all of the units, and one more."""
    return ROUNDS_MAX if units is None else min(ROUNDS_MAX, -(-units // contenders) + 1)


def make_take_round(target: Target, calls: Sequence[Call], workflow: int = 0, turn: int = 0) -> Round:
    """Takes, give-backs and reads of one resource at one instant. They are no race: several may win."""
    return Round((Group(spread(target, calls, turn), is_race=False, winners_max=0, leads_to=None, workflow=workflow),))


def make_take_rounds(target: Target, calls: Iterable[Sequence[Call]]) -> tuple[Round, ...]:
    """One round after the other; each begins with another user."""
    turns = count(step=3)
    return tuple(make_take_round(target, each, turn=next(turns)) for each in calls)
