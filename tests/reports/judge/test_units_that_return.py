"""Goal: where units come back by themselves, `capacity` accuses no right service, and finds a unit given out too early.

Method: what is right and what is not, by hand; a service with leases is simulated, with a sweeper that may be late.
"""

import os
import random
from typing import Any

import pytest

from reports.judge.judge import judge
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, build_history, create
from tests.reports.judge.test_capacity import give_back, left, take

AFTER = 100
Hold = tuple[str, ...]
HISTORIES = int(os.environ.get("ONEWINNER_CAPACITIES", "300"))


def make(units: int | None, after: int | None = AFTER) -> Record:
    return create("c", 0, 1, None, left=units, returns_after_ns=after)


def check(*records: Record) -> CheckResult:
    return judge(build_history(list(records)), only=["capacity"]).checks[0]


@pytest.mark.parametrize("named", [{}, {"unit": "u"}], ids=["a number", "names"])
@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        ([take("b", 2 + AFTER - 5, 2 + AFTER - 1)], Verdict.FAIL),
        ([take("b", 2 + AFTER - 5, 2 + AFTER)], Verdict.PASS),
        ([take("b", 300, 305)], Verdict.PASS),
        ([take("b", 300, 305), take("d", 301, 306)], Verdict.FAIL),
        ([take("b", 300, 305), take("d", 450, 455)], Verdict.PASS),
        ([give_back("g", 10, 12), take("b", 20, 21), take("d", 102, 110)], Verdict.FAIL),
        ([give_back("g", 10, 12), take("b", 20, 21), take("d", 120, 125)], Verdict.PASS),
        ([take("b", 120, 125), give_back("g", 130, 131)], Verdict.PASS),
        ([take("b", 300, 305, "conflict")], Verdict.PASS),
    ],
    ids=[
        "early", "as soon as it may", "later", "two when it came back", "each after a lease",
        "early, given back before", "after the second lease", "the first one gives back late", "it never comes back",
    ],
)  # fmt: skip
def test_a_unit_is_free_no_earlier_than_it_may_come_back(
    named: dict[str, Any], later: list[Record], verdict: Verdict
) -> None:
    told = [each | (named if each["outcome"] == "won" else {}) for each in (take("a", 2, 5), *later)]
    assert check(make(1), *told).verdict is verdict
    if verdict is Verdict.PASS and later[0]["outcome"] == "won" and later[0]["kind"] == "take":
        assert check(make(1, None), *told).verdict is Verdict.FAIL, "without a word about it nothing comes back"


def test_a_finding_shows_requests_alone() -> None:
    found = check(make(1), take("a", 2, 5), take("b", 300, 305), take("d", 301, 306))
    operations = found.findings[0].operations
    assert len(operations) == len(set(operations))
    assert {"a", "b", "d"} >= set(operations)


def test_a_give_back_without_a_name_may_be_of_a_take_that_tells_one() -> None:
    """The unit of `a` may have been given back, then that of `b`, which tells no name, comes back by itself."""
    both = (make(2), take("a", 2, 5, unit="u"), take("b", 6, 8))
    again = (*both, give_back("g", 10, 12), take("d", 20, 21))
    assert check(*again, take("e", 6 + AFTER, 110)).verdict is Verdict.PASS
    assert check(*again, take("e", 2 + AFTER, 6 + AFTER - 1)).verdict is Verdict.PASS, "it may have been that of b"
    assert check(*again, take("e", 2, 2 + AFTER - 1)).verdict is Verdict.FAIL
    assert check(*again, take("e", 6 + AFTER, 110), take("f", 107, 111)).verdict is Verdict.FAIL, "one comes back"
    named = take("e", 2 + AFTER, 6 + AFTER - 1, unit="u")
    assert check(*again, named, take("f", 107, 111)).verdict is Verdict.FAIL


def test_give_backs_that_may_be_of_too_many_takes_are_a_doubt() -> None:
    takes = [take(f"t{number}", 2, 5, unit=f"u{number}") for number in range(9)]
    found = check(make(9), *takes, *(give_back(f"g{number}", 10, 12) for number in range(6)))
    assert found.verdict is Verdict.UNKNOWN
    assert "more than 16 ways" in found.findings[0].words


@pytest.mark.parametrize("named", [{}, {"unit": "u"}], ids=["a number", "names"])
@pytest.mark.parametrize("of", [None, "a"], ids=["not told", "told"])
def test_a_late_give_back_frees_no_unit_of_the_next_holder(named: dict[str, Any], of: str | None) -> None:
    """That of `a` comes when its lease is over, and `b` has the unit. Without a word it may be of `b`."""
    first, late = take("a", 2, 5, **named), give_back("g", 300, 312, **named, of=of)
    both = (make(1), first, late, take("b", 301, 306, **named))
    assert check(*both).verdict is Verdict.PASS
    assert check(*both, take("d", 320, 325, "conflict")).verdict is Verdict.PASS
    assert check(*both, take("d", 320, 325, **named)).verdict is (Verdict.FAIL if of else Verdict.PASS)
    before = give_back("g", 290, 300, **named, of=of)
    assert check(make(1), first, before, take("b", 301, 306), take("d", 320, 325, **named)).verdict is Verdict.FAIL
    assert check(*both, take("d", 301 + AFTER, 405, **named)).verdict is Verdict.PASS


@pytest.mark.parametrize("of", [None, "a"], ids=["not told", "told"])
def test_several_late_give_backs_of_one_take_are_right_and_free_its_unit_once(of: str | None) -> None:
    late = [give_back(f"g{number}", 200 + number, 210 + number, unit="u", of=of) for number in (0, 20, 40)]
    both = (make(1), take("a", 2, 5, unit="u"), *late)
    assert check(*both).verdict is Verdict.PASS
    again = (*both, take("b", 300, 301, unit="u"))
    assert check(*again).verdict is Verdict.PASS
    assert check(*again, take("d", 310, 311, unit="u")).verdict is Verdict.FAIL


def test_a_give_back_is_of_the_take_that_is_told() -> None:
    """Without a word it may be of the last one."""
    takes = (make(1), take("a", 2, 5, unit="u"), take("b", 301, 306, unit="u"))
    for of, verdict in ((None, Verdict.PASS), ("b", Verdict.PASS), ("a", Verdict.FAIL)):
        after = (give_back("g", 310, 312, unit="u", of=of), take("d", 320, 325, unit="u"))
        assert check(*takes, *after).verdict is verdict


def test_a_late_give_back_may_come_before_the_unit_returns_by_itself() -> None:
    takes = (make(1), take("a", 2, 5), give_back("g", 95, 103, of="a"))
    assert check(*takes, take("b", 96, 99)).verdict is Verdict.PASS
    assert check(*takes, take("b", 90, 94)).verdict is Verdict.FAIL
    assert check(*takes, take("b", 96, 99), take("d", 110, 115)).verdict is Verdict.FAIL, "it returns once"


def test_a_number_that_a_read_tells_may_have_grown() -> None:
    assert check(make(2), take("a", 2, 5), left("r", 50, 51, 1), left("s", 120, 121, 2)).verdict is Verdict.PASS
    assert check(make(2), take("a", 2, 5), left("r", 50, 51, 2)).verdict is Verdict.FAIL


def test_a_give_back_is_of_a_take_of_as_many_units() -> None:
    """The give-back of one unit says nothing about the return of the two units that a later take got."""
    first = (make(2), take("a", 2, 5, left=1), give_back("g", 10, 14, left=2))
    both = (*first, take("b", 12, 16, units=2, left=0))
    assert check(*both, take("d", 12 + AFTER, 115, left=1)).verdict is Verdict.PASS
    assert check(*both, take("d", 10 + AFTER, 111, left=1)).verdict is Verdict.FAIL, "the two are still held"


@pytest.mark.parametrize("named", [0, 0.5, 1], ids=["a number", "some names", "names"])
def test_a_right_service_with_leases_is_not_accused(named: float) -> None:
    rng = random.Random(f"{named}{os.environ.get('ONEWINNER_SEED', '0')}")
    returned = accused = doubts = 0
    for _ in range(HISTORIES // 3):
        records, came_back, extra = simulate(rng, named=named)
        returned += came_back
        verdict = check(*records).verdict
        assert verdict in (Verdict.PASS, Verdict.UNKNOWN, None), records
        doubts += verdict is Verdict.UNKNOWN
        accused += extra is not None and check(*records, extra).verdict is Verdict.FAIL
    assert min(returned, accused) > HISTORIES // 60
    assert doubts <= HISTORIES // 30


def simulate(rng: random.Random, *, named: float) -> tuple[list[Record], int, Record | None]:
    """A history of a right service, how many units came back by themselves, and a take that must not have won. A hold
    is what one take got: one unit, or two where they have no names. `named`: the share of requests that tell a name.
    """
    units, amounts = rng.randint(1, 3), [1] if named or rng.random() < 0.5 else [1, 1, 2]
    free = [f"u{number}" for number in range(units)]
    held, ended, takers = dict[Hold, int](), list[tuple[Hold, str]](), dict[Hold, str]()
    tells_of = rng.random() < 0.5
    given = set[str]()
    records, came_back, extra = [make(None if named and rng.random() < 0.5 else units)], 0, None
    moment = 5
    for number in range(rng.randint(3, 9)):
        moment += rng.choice([1, 2, 3, 40, 120])
        # The sweeper frees a hold at once, later, or not yet.
        for hold in [hold for hold, since in held.items() if moment >= since + AFTER and rng.random() < 0.7]:
            del held[hold]
            free += hold
            ended.append((hold, takers[hold]))
            came_back += 1
        times = (moment - rng.randint(0, 4), moment + rng.randint(0, 4))
        kind, asked = rng.choice(["take", "take", "take", "give_back", "read"]), rng.choice(amounts)
        if kind == "take" and len(free) >= asked:
            hold = tuple(free.pop(rng.randrange(len(free))) for _ in range(asked))
            held[hold], takers[hold] = moment, f"t{number}"
            told = tell(rng, len(free)) | ask(hold, is_named=rng.random() < named)
            if rng.random() < 0.1:
                lost = {key: value for key, value in told.items() if key == "units"}
                records.append(take(f"t{number}", times[0], None, "unknown", **lost))
            else:
                records.append(take(f"t{number}", *times, **told))
        elif kind == "take":
            records.append(take(f"t{number}", *times, "conflict", units=asked))
            if held and all(moment + 4 < since + AFTER for since in held.values()):
                one = rng.choice(list(held))[:asked]
                wrong = ask(one, is_named=named > 0) | {"units": asked}
                extra = take("extra", invoked=moment, returned=moment, **wrong)
        elif kind == "give_back" and held:
            hold = rng.choice(list(held))
            del held[hold]
            free += hold
            told = tell(rng, len(free)) | ask(hold, is_named=rng.random() < named)
            records.append(give_back(f"g{number}", *times, **told, of=takers[hold] if tells_of else None))
            given.add(takers[hold])
            if rng.random() < 0.5:
                ended.append((hold, takers[hold]))
        elif kind == "give_back" and ended:
            # Its lease has ended, or it was given back before: the service says yes or no, and frees nothing.
            hold, taker = ended.pop()
            told = ask(hold, is_named=rng.random() < named)
            says = "conflict" if taker in given or rng.random() < 0.5 else "won"
            records.append(give_back(f"g{number}", *times, says, **told, of=taker if tells_of else None))
        elif kind == "read":
            records.append(left(f"r{number}", *times, len(free)))
    return records, came_back, extra


def tell(rng: random.Random, number: int) -> dict[str, Any]:
    return {"left": number} if rng.random() < 0.2 else {}


def ask(hold: Hold, *, is_named: bool) -> dict[str, Any]:
    return {"units": len(hold)} | ({"unit": hold[0]} if is_named else {})
