"""The pairings around the moment from which something may happen without a request: a workflow leaves its state, or
units that were taken come back. Pure.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations_with_replacement, zip_longest
from typing import Any

from msgspec.structs import replace

from engine.target.call import GIVE_BACK, TAKE, Call, expect, spread
from engine.target.graph import Timed
from engine.target.target import WAIT_MAX_S, Target
from stateful_tests.interleavings.pairings import list_calls, name_call
from stateful_tests.interleavings.schedule import Pairing, Wait

# A request that is held until the moment is to be answered in its time all the same.
SPARE_S = 1.0
# About so many schedules a pairing has. Each waits for the moment, and takes about so long besides.
SCHEDULES, BESIDES_S = 8, 0.15
LEAST = 2


def list_timed_pairings(target: Target, time_s: float) -> list[Pairing]:
    """As many pairings as about so many seconds allow, at least LEAST of what can be waited for."""
    found = [*list_unit_returns(target), *take_in_turn(*(list_around(target, move) for move in target.graph.timed))]
    chosen: list[Pairing] = []
    for pairing in found:
        assert pairing.wait is not None
        time_s -= SCHEDULES * (pairing.wait.seconds + BESIDES_S)
        if time_s < 0 and len(chosen) >= LEAST:
            break
        chosen.append(pairing)
    return chosen


def list_around(target: Target, move: Timed) -> list[Pairing]:
    """The pairings of requests that are due before or after a move that no request makes. First, in turn, two requests
    for the same move behind it, and one from before it that is not due any more once the other has won.
    """
    if not can_wait(target, move.after_s) or target.graph.path(target.graph.initial, move.origin) is None:
        return []
    before, behind = (list_calls(target, state, target.owner) for state in (move.origin, move.to))
    across = [(early, late) for early in before for late in behind]
    across.sort(key=lambda pair: pair[1].to in expect(target, pair[0]))
    pairs = [
        *take_in_turn([(call, call) for call in behind], across),
        *((call, call) for call in before),
        *combinations_with_replacement(behind, 2),
        *combinations_with_replacement(before, 2),
    ]
    ends = f"when {move.origin} ends by itself"
    return [make_timed(target, move.origin, pair, move.after_s, ends) for pair in dict.fromkeys(pairs)]


def list_unit_returns(target: Target) -> list[Pairing]:
    """Of a resource all of whose units are taken, until they come back."""
    capacity = target.capacity
    if capacity is None or capacity.returns_after_s is None or not can_wait(target, capacity.returns_after_s):
        return []
    take, give_back = (replace(each, tenant=target.owner) for each in (TAKE, GIVE_BACK))
    pairs = [(take, take), *([(give_back, take)] if capacity.give_back is not None else [])]
    ends = "when units come back by themselves"
    return [make_timed(target, "0 left", pair, capacity.returns_after_s, ends) for pair in pairs]


def can_wait(target: Target, after_s: float) -> bool:
    return after_s <= min(WAIT_MAX_S, target.timeout_s - SPARE_S)


def make_timed(target: Target, state: str, calls: tuple[Call, Call], after_s: float, ends: str) -> Pairing:
    names = [call.kind.replace("_", " ") if call.is_of_units else name_call(target, call) for call in calls]
    return Pairing(state, spread(target, calls), f"{' / '.join(names)}, {ends}", wait=Wait(after_s))


def take_in_turn(*lists: Iterable[Any]) -> Iterator[Any]:
    """The first of each, then the second of each, and so on."""
    for row in zip_longest(*lists):
        yield from (each for each in row if each is not None)
