"""The specification of a capacity against brute force: every choice of unknown effects, every order, step by step."""

import os
import random
from collections.abc import Collection, Iterator, Sequence
from itertools import permutations, product

import pytest

from reports.judge.models.capacity import UnitOperation, explain
from reports.judge.models.workflow import NEVER
from reports.judge.verdict import Verdict

HISTORIES = int(os.environ.get("ONEWINNER_CAPACITIES", "1500"))
OPERATIONS_MAX, UNITS_MAX, TIME_MAX = 6, 3, 8


def is_explained_by_an_order(units: int, operations: Sequence[UnitOperation]) -> bool:
    """Tries all: independent of the judge, and as simple as can be."""
    unknown = [each for each in operations if each.outcome == "unknown"]
    certain = [each for each in operations if each.outcome != "unknown"]
    again = [each.row for each in certain if each.again and each.outcome == "won"]
    for chosen, void in product(*(list(product([False, True], repeat=len(each))) for each in (unknown, again))):
        happened = certain + [each for each, takes in zip(unknown, chosen, strict=True) if takes]
        without = {row for row, is_void in zip(again, void, strict=True) if is_void}
        if any(is_explained_in_order(units, order, without) for order in permutations(happened)):
            return True
    return False


def is_explained_in_order(units: int, order: Sequence[UnitOperation], without: Collection[int]) -> bool:
    """`without`: the rows of those that were sent again, and took no effect: they may tell an old number."""
    latest, left = -1, units
    for each in order:
        latest = max(latest, each.invoked)
        if latest > each.returned:
            return False
        asked = 0 if each.row in without else each.units
        if each.kind == "take" and each.outcome in ("won", "unknown"):
            left -= asked
        elif each.kind == "give_back" and each.outcome in ("won", "unknown"):
            left += asked
        elif each.kind == "take" and each.outcome == "conflict" and left >= asked:
            return False
        if not 0 <= left <= units:
            return False
        is_first = each.row not in without
        if is_first and each.outcome != "unknown" and each.left is not None and each.left != left:
            return False
    return True


def draw_histories(
    rng: random.Random, count: int, kinds: Sequence[str], amounts: Sequence[int]
) -> Iterator[tuple[int, list[UnitOperation]]]:
    """Half of them come from a resource that works, some of those with one answer changed."""
    for _ in range(count):
        units = rng.randint(0, UNITS_MAX)
        operations = draw_right(rng, units, kinds, amounts)
        if rng.random() < 0.6:
            place = rng.randrange(len(operations))
            operations[place] = damage(rng, operations[place])
        yield units, operations


def draw_right(rng: random.Random, units: int, kinds: Sequence[str], amounts: Sequence[int]) -> list[UnitOperation]:
    """Operations that take effect at their moments, each with an interval around its own."""
    left, found = units, []
    moments = sorted(rng.randint(0, TIME_MAX) for _ in range(rng.randint(1, OPERATIONS_MAX)))
    for row, moment in enumerate(moments):
        kind, asked = rng.choice(kinds), rng.choice(amounts)
        invoked, returned = moment - rng.randint(0, 3), moment + rng.randint(0, 3)
        outcome, happens = "won", True
        if kind == "read":
            outcome = "ok"
        elif (kind == "take" and left < asked) or (kind == "give_back" and left + asked > units):
            outcome, happens = "conflict", False
        if kind != "read" and rng.random() < 0.15:
            happens = happens and rng.random() < 0.5
            outcome, returned = "unknown", NEVER
        again = kind == "give_back" and outcome != "conflict" and rng.random() < 0.3
        happens = happens and not (again and rng.random() < 0.5)
        if happens and kind != "read":
            left += asked if kind == "give_back" else -asked
        told = left if kind == "read" or rng.random() < 0.2 else None
        if again and not happens and told is not None:
            told = rng.randint(0, units)
        if outcome == "unknown":
            told = None
        found.append(UnitOperation(row, kind, outcome, invoked, returned, asked, told, again=again))
    return found


def damage(rng: random.Random, each: UnitOperation) -> UnitOperation:
    outcome, left, returned, invoked = each.outcome, each.left, each.returned, each.invoked
    what = rng.choice(["outcome", "left", "times"])
    if what == "outcome" and each.kind != "read":
        outcome = rng.choice(["won", "conflict"])
        returned = min(returned, invoked + 3)
    elif what == "left":
        left = rng.randint(0, UNITS_MAX)
    else:
        invoked = rng.randint(0, TIME_MAX)
        returned = returned if returned == NEVER else invoked + rng.randint(0, 4)
    return UnitOperation(each.row, each.kind, outcome, invoked, returned, each.units, left, again=each.again)


@pytest.mark.parametrize(
    ("kinds", "amounts"),
    [
        (("take", "take", "read"), (1,)),
        (("take", "take", "take", "give_back", "read"), (1,)),
        (("take", "take", "give_back", "read"), (1, 1, 2)),
    ],
    ids=["takes", "give-backs", "amounts"],
)
def test_a_capacity_is_judged_as_brute_force_does(kinds: Sequence[str], amounts: Sequence[int]) -> None:
    rng = random.Random(f"{kinds}{amounts}{os.environ.get('ONEWINNER_SEED', '0')}")
    seen = {True: 0, False: 0}
    for units, operations in draw_histories(rng, HISTORIES // 3, kinds, amounts):
        expected = is_explained_by_an_order(units, operations)
        seen[expected] += 1
        assert explain(units, operations) is (Verdict.PASS if expected else Verdict.FAIL), (units, operations)
    assert min(seen.values()) > HISTORIES // 30, seen
