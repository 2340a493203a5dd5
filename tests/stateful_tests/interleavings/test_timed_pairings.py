"""Goal: the schedules around a move that no request makes ask for what is due before and behind it, in the time that
they may wait.
"""

from pathlib import Path

import pytest

from engine.target.target import WAIT_MAX_S, Target
from stateful_tests.interleavings.timed_pairings import list_timed_pairings
from tests.load.stub import SMALL, load_text
from tests.load.unit_stub import VOUCHERS

# B has C and D behind it, A has B and X.
TIMED = '[[workflow.timed]]\nfrom = "{}"\nto = "{}"\nafter_s = {}\nrequested = false\n'


def load(folder: Path, *moves: tuple[str, str, float]) -> Target:
    return load_text(folder, SMALL + "".join(TIMED.format(*move) for move in moves))


def name(target: Target, time_s: float = 1000.0) -> list[tuple[str, str]]:
    """The state and the next states of each pairing."""
    found = list_timed_pairings(target, time_s)
    assert all(not pairing.is_race(target) for pairing in found)
    return [(pairing.state, "/".join(call.to for call in pairing.calls)) for pairing in found]


def test_first_two_alike_behind_it_and_one_from_before_that_is_over_when_the_other_won(tmp_path: Path) -> None:
    target = load(tmp_path, ("B", "A", 0.5))
    pairs = [pair for state, pair in name(target) if state == "B"]
    assert pairs[:4] == ["B/B", "C/X", "X/X", "D/X"]
    assert sorted(pairs[4:]) == sorted(["C/B", "D/B", "C/C", "D/D", "B/X", "C/D"])


def test_a_move_to_an_end_has_what_is_due_before_it(tmp_path: Path) -> None:
    assert name(load(tmp_path, ("B", "OVER", 0.5))) == [("B", "C/C"), ("B", "D/D"), ("B", "C/D")]


def test_several_such_moves_are_met_in_turn(tmp_path: Path) -> None:
    target = load(tmp_path, ("B", "A", 0.5), ("A", "OVER", 0.5))
    assert [state for state, _ in name(target)][:4] == ["B", "A", "B", "A"]


@pytest.mark.parametrize(("time_s", "after_s", "count"), [(0, 1, 2), (10, 1, 2), (30, 1, 3), (30, 0.1, 10), (7, 0, 5)])
def test_they_are_as_many_as_there_is_time_for(time_s: float, after_s: float, count: int, tmp_path: Path) -> None:
    assert len(name(load(tmp_path, ("B", "A", after_s)), time_s)) == count


@pytest.mark.parametrize("moves", [(), (("B", "A", WAIT_MAX_S + 1),)], ids=["none", "long"])
def test_what_cannot_be_waited_for_is_left_out(moves: tuple[tuple[str, str, float], ...], tmp_path: Path) -> None:
    assert name(load(tmp_path, *moves)) == []


def test_a_request_is_held_no_longer_than_it_may_take(tmp_path: Path) -> None:
    text = SMALL.replace("[tenants.acme]", "timeout_s = 1.6\n[tenants.acme]")
    kept = [bool(name(load_text(tmp_path, text + TIMED.format("B", "A", after_s)))) for after_s in (0.5, 0.7)]
    assert kept == [True, False]


def test_units_come_back(tmp_path: Path) -> None:
    lease = VOUCHERS.replace("[capacity]\n", "[capacity]\nreturns_after_s = 0.5\n")
    found = list_timed_pairings(load_text(tmp_path, lease), 1000.0)
    assert [(pairing.state, pairing.kind) for pairing in found] == [
        ("0 left", "take / take, when units come back by themselves"),
        ("0 left", "give back / take, when units come back by themselves"),
    ]
