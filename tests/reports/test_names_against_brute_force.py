"""Units with names against brute force: a resource whose units a request takes and gives back, one by one, by name.

Brute force tries every order, every choice of unknown effects, and every unit for a request that tells none. The judge
judges the names, the numbers, and both together.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.verdict import Verdict
from tests.reports.building import Record, build, build_history, create

HISTORIES = int(os.environ.get("ONEWINNER_CAPACITIES", "1500"))
AT_ONCE = 100
OPERATIONS_MAX, TIME_MAX = 7, 14
NAMES = "abc"
Held = frozenset[str]
OTHERS = frozenset(f"other-{number}" for number in range(2 * OPERATIONS_MAX))
SHOWN = ("kind", "outcome", "invoked_ns", "returned_ns", "units", "unit", "left")


def is_explained(units: int | None, held: Held, left: Sequence[Record]) -> bool:
    """Whether what is left can follow in some order. An unknown request need not take effect."""
    if all(each["outcome"] == "unknown" for each in left):
        return True
    for index, each in enumerate(left):
        rest = [*left[:index], *left[index + 1 :]]
        if any(other["outcome"] != "unknown" and other["returned_ns"] < each["invoked_ns"] for other in rest):
            continue
        if any(is_explained(units, after, rest) for after in serve(units, held, each)):
            return True
    return False


def serve(units: int | None, held: Held, each: Record) -> Iterator[Held]:
    """What may be held after the request; nothing if this answer cannot be given now. A unit whose name nothing tells
    has the id of its take as its name. Where no create told a number, no number is wrong, and others may hold units.
    """
    asked, unit = each["units"] or 1, each["unit"]
    named = {unit} if unit is not None else set[str]()
    if each["kind"] == "take" and each["outcome"] != "conflict":
        free = {*NAMES, *(f"{each['id']}-{number}" for number in range(asked))} - held - named
        found = [held | named | {*some} for some in combinations(sorted(free), asked - len(named))]
        found = found if not named & held else []
    elif each["kind"] == "give_back":
        one = {*sorted(held & OTHERS)[:asked], *(held - OTHERS)}
        found = [held - named - {*some} for some in combinations(sorted(one - named), asked - len(named))]
        found = found if named <= held else []
    else:
        is_wrong = each["kind"] == "take" and units is not None and units - len(held) >= asked
        found = [] if is_wrong else [held]
    for after in found:
        if units is None or (len(after) <= units and each["left"] in (None, units - len(after))):
            yield after


def draw_history(rng: random.Random) -> tuple[int | None, list[Record]]:
    """Half of the histories come from a resource that works, some of those with one answer changed."""
    units = rng.randint(1, len(NAMES))
    held, found = dict[int, list[str]](), list[Record]()
    names_given_back, amounts = rng.random(), rng.choice([[1], [1], [1, 2]])
    moments = sorted(rng.randint(0, TIME_MAX) for _ in range(rng.randint(2, OPERATIONS_MAX)))
    for number, moment in enumerate(moments):
        asked = rng.choice(amounts)
        free = [name for name in NAMES[:units] if not any(name in hold for hold in held.values())]
        kind = rng.choice(["take", "take", "take", "give_back", "give_back", "read"])
        about: dict[str, Any] = {"outcome": "won", "unit": None, "left": None, "units": asked}
        if kind == "give_back" and not held:
            continue
        if kind == "read":
            about |= {"outcome": "ok", "left": len(free), "units": None}
        elif kind == "give_back":
            hold = held.pop(rng.choice(list(held)))
            about |= {"units": len(hold), "unit": hold[0] if rng.random() < names_given_back else None}
        elif len(free) < asked:
            about |= {"outcome": "conflict"}
        else:
            held[number] = rng.sample(free, k=asked)
            about |= {"unit": held[number][0] if rng.random() < 0.8 else None}
        times = [moment - rng.choice([0, 0, 1, 2]), moment + rng.choice([0, 0, 1, 2])]
        one: Record = build(f"n{number}", kind, times[0], times[1], about)
        if kind != "read" and rng.random() < 0.15:
            told = one["unit"] if kind == "give_back" else None
            one |= {"outcome": "unknown", "returned_ns": None, "unit": told}
        found.append(one)
    for _ in range(rng.choice([0, 1, 2]) if found else 0):
        damage(rng, rng.choice(found))
    return units if rng.random() < 0.6 else None, found


def damage(rng: random.Random, each: Record) -> None:
    what = rng.choice(["unit", "unit", "times", "outcome"])
    if what == "times" or each["kind"] == "read":
        each["invoked_ns"] = rng.randint(0, TIME_MAX)
        each["returned_ns"] = None if each["outcome"] == "unknown" else each["invoked_ns"] + rng.randint(0, 3)
    elif what == "outcome" and each["kind"] == "take":
        each["outcome"] = "won"
        each["returned_ns"] = each["returned_ns"] or each["invoked_ns"] + 1
    elif each["kind"] == "give_back" or each["outcome"] == "won":
        each["unit"] = rng.choice([*NAMES, None])


def judge_all(histories: Sequence[tuple[int | None, list[Record]]]) -> list[Verdict]:
    """What `capacity` says of each of them."""
    records = list[Record]()
    for number, (units, history) in enumerate(histories):
        about = {"workflow": f"w{number}"}
        records.append(create(f"{number}.c", -9, -8, None, left=units) | about)
        records += [each | about | {"id": f"{number}.{each['id']}"} for each in history]
    (result,) = judge(build_history(records), only=["capacity"], limits=Limits(findings_max=10_000)).checks
    found = {finding.workflow: finding.verdict for finding in result.findings}
    return [found.get(f"w{number}", Verdict.PASS) for number in range(len(histories))]


def show(history: Sequence[Record]) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in SHOWN) for each in history]


def test_names_and_numbers_are_judged_as_brute_force_does() -> None:
    rng = random.Random(f"names{os.environ.get('ONEWINNER_SEED', '0')}")
    seen = Counter[bool]()
    while seen.total() < HISTORIES:
        histories = [draw_history(rng) for _ in range(AT_ONCE)]
        histories = [each for each in histories if any(one["kind"] != "read" for one in each[1])]
        for (units, history), verdict in zip(histories, judge_all(histories), strict=True):
            explained = is_explained(units, OTHERS if units is None else frozenset(), history)
            assert verdict is (Verdict.PASS if explained else Verdict.FAIL), (units, show(history))
            seen[explained] += 1
    assert min(seen.values()) > HISTORIES // 10, seen
