"""Goal: the live tally counts every round once, over however many workers, and sees what is plainly wrong."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.tally import Tally, classify, find_spread_ms, list_violations, merge
from tests.load.stub import RICH, Engine, load_text, make_answer, make_source

Twist = Callable[[Request, Answer], Answer]


@pytest.fixture
def rich(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", RICH)


def count(folder: Path, target: Target, quota: Mapping[str, int], twist: Twist | None = None) -> Tally:
    tally = Tally()
    source = make_source(folder, target, Engine(target.graph, twist), quota)
    for result in source.run():
        tally.count(result)
    return tally


def test_a_right_engine_shows_no_violation(rich: Target, tmp_path: Path) -> None:
    scenarios = ("fork", "tenants", "replay-storm", "guards", "cancel-against-advance")
    tally = count(tmp_path / "h", rich, dict.fromkeys(scenarios, 4))
    assert (tally.races, tally.rounds, tally.violations) == (8, 20, 0)
    assert tally.answers == 4 * 6 * 5 + 4 * 3
    assert sum(tally.spreads.values()) == 8
    assert tally.pack()["races"] == 8


def all_win(request: Request, answer: Answer) -> Answer:
    return make_answer(200, state="B") if answer.status == 409 and request.method == "POST" else answer


def none_wins(request: Request, answer: Answer) -> Answer:
    posted = request.method == "POST" and len(request.path) > len("/w")
    return make_answer(409, state="A") if posted and answer.status == 200 else answer


def strangers_come_in(request: Request, answer: Answer) -> Answer:
    return make_answer(409, state="A") if answer.status == 404 else answer


@pytest.mark.parametrize(
    ("twist", "scenario", "words"),
    [
        (all_win, "same-transition", "6 of 6 requests for A -> B won: exactly one of them can have won"),
        (all_win, "replay-storm", "won: none of them can have won"),
        (none_wins, "same-transition", "none of 6 requests for A -> B won: all were told that another one had"),
        (strangers_come_in, "tenants", "another tenant's request was answered as conflict"),
    ],
)
def test_what_is_plainly_wrong_is_seen(twist: Twist, scenario: str, words: str, rich: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", rich, Engine(rich.graph, twist), {scenario: 3})
    tally, told = Tally(), list[str]()
    for result in source.run():
        tally.count(result)
        told += list_violations(result)
    assert 0 < tally.violations <= len(told)
    assert any(words in each for each in told), told


def test_tallies_of_workers_add_up() -> None:
    one, other = Tally(races=2, winners=2), Tally(races=3, winners=4, violations=1)
    one.spreads.update({classify(50_000): 2})
    other.spreads.update({classify(50_000): 1, classify(2_000_000): 2})
    both = merge([one.pack(), other.pack()])
    assert (both.races, both.winners, both.violations) == (5, 6, 1)
    assert 0.05 <= (find_spread_ms(both, 0.5) or 0) <= 0.0625
    assert 2.0 <= (find_spread_ms(both, 0.95) or 0) <= 2.5
    assert find_spread_ms(Tally(), 0.5) is None


def test_spreads_fall_into_few_classes() -> None:
    assert classify(0) == classify(1_000) == 0
    assert len({classify(spread) for spread in range(0, 10**9, 10**6)}) < 70
