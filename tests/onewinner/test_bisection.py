"""Goal: the two releases between which a race came or went are found with few runs, and never guessed.

Method: releases whose verdicts are known, in a list; the search asks the list.
"""

import math

import pytest

from onewinner.bisection import Bisection, Search, Trial, describe_bisection, describe_trial
from onewinner.exits import FAIL, PASS, UNKNOWN

RACE = frozenset({"one-winner", "linearizable"})


def make_trial(version: str, code: int) -> Trial:
    return Trial(version, code, RACE if code == FAIL else frozenset(), "it does not start" if code == UNKNOWN else "")


def search(codes: list[int]) -> tuple[Bisection, list[str]]:
    versions = [str(number) for number in range(len(codes))]
    return Search(lambda version: make_trial(version, codes[int(version)])).run(versions), versions


@pytest.mark.parametrize("count", range(2, 20))
@pytest.mark.parametrize(("before", "after"), [(PASS, FAIL), (FAIL, PASS)])
def test_the_change_is_found_wherever_it_is(count: int, before: int, after: int) -> None:
    for change in range(1, count):
        found, _ = search([before] * change + [after] * (count - change))
        assert found.neighbours is not None
        assert [trial.version for trial in found.neighbours] == [str(change - 1), str(change)]
        assert found.code == FAIL
        assert len(found.trials) <= 2 + math.ceil(math.log2(count - 1))
        assert len({trial.version for trial in found.trials}) == len(found.trials), "each is asked once"


@pytest.mark.parametrize(("code", "told"), [(PASS, "passes"), (FAIL, "fails")])
def test_equal_ends_name_no_change(code: int, told: str) -> None:
    found, versions = search([code] * 5)
    assert (found.neighbours, found.code, len(found.trials)) == (None, code, 2)
    assert describe_bisection(found, versions) == f"0 {told}, and so does 4: nothing changed between them"


@pytest.mark.parametrize(("codes", "asked"), [([2, 0, 0], 1), ([3, 0, 0], 1), ([0, 0, 3], 2), ([0, 3, 1], 3)])
def test_a_release_without_a_verdict_ends_the_search(codes: list[int], asked: int) -> None:
    codes = [UNKNOWN if code == 2 else code for code in codes]
    found, versions = search(codes)
    assert (found.neighbours, found.code, len(found.trials)) == (None, UNKNOWN, asked)
    last = found.trials[-1]
    assert describe_trial(last) == f"{last.version}: no verdict: it does not start"
    assert describe_bisection(found, versions).startswith(f"bisect ends early: {last.version} has no verdict")


def test_a_release_with_another_defect_says_nothing_about_the_race() -> None:
    trials = {
        "a": make_trial("a", PASS),
        "b": Trial("b", FAIL, frozenset({"no-5xx"})),
        "c": make_trial("c", FAIL),
    }
    found = Search(trials.__getitem__).run(list(trials))
    assert (found.neighbours, found.code) == (None, UNKNOWN)
    told = "b: no verdict: it fails no-5xx, and not linearizable, one-winner: another defect"
    assert describe_trial(found.trials[-1]) == told


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([PASS, FAIL], "the race came with 1: 0 passes, 1 fails"),
        ([FAIL, PASS], "the race went with 1: 0 fails, 1 passes"),
    ],
)
def test_the_result_in_words(codes: list[int], told: str) -> None:
    found, versions = search(codes)
    assert describe_bisection(found, versions) == told
    assert [describe_trial(trial).partition(":")[2] for trial in found.trials if trial.code == FAIL] == [
        " FAIL: linearizable, one-winner"
    ]
