"""The specification of a resource with a number of units, and whether some order of its operations explains them all.

A take that wins leaves one unit less; one that is answered with a conflict says that none was left. Where no unit is
given back, takes are interchangeable and the number that is left only falls: then matching takes to the places of a
sequence decides, in n log n. Give-backs, and takes of several units, go to the exact search.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Impossible, Operation
from reports.judge.searches.linearizability_search import Rules, never_past, search
from reports.judge.verdict import Verdict

# The kinds of requests that change how many units are left.
KINDS = ("take", "give_back")
BEGINNING = -NEVER
IMPOSSIBLE_NUMBER = -1


@dataclass(frozen=True, slots=True)
class UnitOperation:
    """One operation of a resource. `kind` is take, give_back or read; `units` is how many a request asks for.

    `left` is how many units the answer told: a read's, a win's after it, a conflict's. `unit` names the unit that was
    taken or given back; `of` is the row of the take whose units a give-back gives back, where that is told. `again`: a
    give-back that takes effect or does not, such as one sent once more. `by_itself`: no request gave the unit back.
    Times in nanoseconds; `returned` is NEVER for an unknown outcome.
    """

    row: int
    kind: str
    outcome: str
    invoked: int
    returned: int
    units: int = 1
    left: int | None = None
    unit: str | None = None
    of: int | None = None
    again: bool = False
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The known and possible takes of one unit, and what the answers say of the number that had been taken by then."""

    won: list[UnitOperation]
    possible: list[UnitOperation]
    told: list[tuple[int, UnitOperation]]


@dataclass(frozen=True, slots=True)
class Places:
    """The places 1..n of a sequence of takes: place i is taken at some moment from begins[i - 1] to ends[i - 1].

    Both lists ascend. `fixed`: the places whose take is known.
    """

    begins: list[int]
    ends: list[int]
    fixed: frozenset[int]


def explain(units: int, operations: Sequence[UnitOperation], deadline_s: float = float("inf")) -> Verdict:
    """Whether some order explains the operations of a resource that had `units` units; UNKNOWN past the deadline."""
    only_falls = all(each.kind != "give_back" or each.outcome not in ("won", "unknown") for each in operations)
    if only_falls and all(each.units == 1 for each in operations):
        return Verdict.PASS if is_explained_by_places(units, operations) else Verdict.FAIL
    laid_out = [lay_out(each) for each in operations]
    rules = Rules(partial(step, units), never_past, branch=partial(branch, units))
    return search(laid_out, [units], None, deadline_s, rules).verdict


def is_explained_by_places(units: int, operations: Iterable[UnitOperation]) -> bool:
    """Decides where every take is of one unit and none is given back."""
    taken = count_taken(units, operations)
    least = max([len(taken.won), *(number for number, _ in taken.told)])
    most = min(units, len(taken.won) + len(taken.possible))
    if least > most or any(number < 0 for number, _ in taken.told):
        return False
    places = lay_places(taken, most)
    if places is None:
        return False
    free = [each for each in taken.won if each.left is None]
    # Unknown takes fill as many places as they can. More places only help the others.
    filled = count_filled(places, [*free, *taken.possible])
    return filled >= least and is_matched(places, free, filled)


def count_taken(units: int, operations: Iterable[UnitOperation]) -> Taken:
    taken = Taken([], [], [])
    for each in operations:
        if each.kind == "take" and each.outcome in ("won", "unknown"):
            (taken.won if each.outcome == "won" else taken.possible).append(each)
        if each.kind == "take" and each.outcome == "conflict":
            # It says that none was left. One that tells a number all the same contradicts itself.
            taken.told.append((IMPOSSIBLE_NUMBER if each.left else units, each))
        elif each.left is not None and each.outcome != "unknown":
            taken.told.append((units - each.left, each))
    return taken


def lay_places(taken: Taken, most: int) -> Places | None:
    """When each place of the sequence is taken, by the answers that told a number; None if they contradict each other.

    A read of the number n lies between place n and place n + 1; a win that told it is place n.
    """
    begins, ends, fixed = [BEGINNING] * most, [NEVER] * most, set()
    for number, each in taken.told:
        is_place = each.kind == "take" and each.outcome == "won"
        if is_place and (number == 0 or number in fixed):
            return None
        if number > 0:
            ends[number - 1] = min(ends[number - 1], each.returned)
        if is_place:
            fixed.add(number)
            begins[number - 1] = max(begins[number - 1], each.invoked)
        elif number < most:
            begins[number] = max(begins[number], each.invoked)
    begins = list(accumulate(begins, max))
    ends = list(accumulate(reversed(ends), min))[::-1]
    if any(begin > end for begin, end in zip(begins, ends, strict=True)):
        return None
    return Places(begins, ends, frozenset(fixed))


def count_filled(places: Places, takes: Iterable[UnitOperation]) -> int:
    """How many places, from the first one on, some of these takes can fill. The earliest end comes first."""
    waiting, ready = sort_by_place(places, takes), list[int]()
    at = 0
    for place in range(1, len(places.begins) + 1):
        while at < len(waiting) and waiting[at][0] <= place:
            heapq.heappush(ready, waiting[at][1])
            at += 1
        if place in places.fixed:
            continue
        while ready and ready[0] < place:
            heapq.heappop(ready)
        if not ready:
            return place - 1
        heapq.heappop(ready)
    return len(places.begins)


def is_matched(places: Places, takes: Iterable[UnitOperation], filled: int) -> bool:
    """Whether each of these takes has a place of its own among the first `filled`."""
    waiting, ready = sort_by_place(places, takes), list[int]()
    at = 0
    for place in range(1, filled + 1):
        while at < len(waiting) and waiting[at][0] <= place:
            heapq.heappush(ready, waiting[at][1])
            at += 1
        if ready and ready[0] < place:
            return False
        if ready and place not in places.fixed:
            heapq.heappop(ready)
    return at == len(waiting) and not ready


def sort_by_place(places: Places, takes: Iterable[UnitOperation]) -> list[tuple[int, int]]:
    """The first and the last place that each take can fill, by the first."""
    return sorted(
        (bisect_left(places.ends, each.invoked) + 1, bisect_right(places.begins, each.returned)) for each in takes
    )


def lay_out(each: UnitOperation) -> Operation:
    """The operation for the search: `mark` is how many units it asks for, `observed` how many it told."""
    left = None if each.left is None or each.outcome == "unknown" else str(each.left)
    mark = str(each.units)
    return Operation(
        each.row, each.kind, each.outcome, (), None, left, each.invoked, each.returned, mark, repeats=each.again
    )


def branch(units: int, left: int, operation: Operation) -> list[int]:
    """How many may be left after an operation that takes units or gives them back. One that was sent again and took no
    effect may have got the first answer again, whose number was right then.
    """
    after = step(units, left, operation)
    return [*([left] if operation.repeats else []), *([] if after is IMPOSSIBLE else [after])]


def step(units: int, left: int, operation: Operation) -> int | Impossible:
    """How many of `units` are left after the operation took effect with `left` of them, or IMPOSSIBLE."""
    asked, told = int(operation.mark or 1), operation.observed
    after = left
    if operation.outcome in ("won", "unknown") and operation.kind in KINDS:
        after = left - asked if operation.kind == "take" else left + asked
    elif operation.kind == "take" and operation.outcome == "conflict" and left >= asked:
        return IMPOSSIBLE
    return after if 0 <= after <= units and told in (None, str(after)) else IMPOSSIBLE
