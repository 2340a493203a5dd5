"""Goal: a service that is wrong only when a move and the next one are asked for at one instant is found.

Method: sources on engines in memory. One tells with a win the state as it is later; one numbers the rows of its trail
before it moves. A right one passes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.target.target import Target
from engine.target.template import Request
from load.client.release import BeforeRelease, Exchange
from load.scenarios import SCENARIOS
from load.scenarios.successive_moves import list_successive
from reports.judge.verdict import Verdict
from tests.load.stub import RICH, Engine, StubRelease, find_workflow, is_move, judge_folder, load_text, make_answer
from tests.load.stub import make_source as make_plain_source

TELLING = RICH.replace('current_state = "state"', 'current_state = "state"\nwon_state = "state"')


class TellsLater(StubRelease):
    """A win tells the state that was read when all requests of the release had been carried out."""

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        return [
            replace(exchange, answer=make_answer(200, state=self.engine.states[find_workflow(request)]))
            if is_move(request) and exchange.answer.status == 200
            else exchange
            for request, exchange in zip(requests, super().race(requests, before_release), strict=True)
        ]


class OldestLast(StubRelease):
    """The rows of the moves of one release stand in the trail in the wrong order."""

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        lengths = {name: len(rows) for name, rows in self.engine.trails.items()}
        exchanges = super().race(requests, before_release)
        for name, rows in self.engine.trails.items():
            rows[lengths.get(name, 0) :] = rows[lengths.get(name, 0) :][::-1]
        return exchanges


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", TELLING)


def find_failed(folder: Path, target: Target, release: type[StubRelease], scenario: str, amount: int) -> set[str]:
    engine = Engine(target.graph)
    source = make_plain_source(folder, target, engine, {scenario: amount})
    source.asker.release = release(engine)  # type: ignore[assignment]
    list(source.run())
    source.finish()
    return {check.check for check in judge_folder(folder, target).checks if check.verdict is Verdict.FAIL}


@pytest.mark.parametrize(
    ("release", "failed"),
    [(StubRelease, set()), (TellsLater, {"audit", "contract", "linearizable"}), (OldestLast, {"audit"})],
)
def test_they_are_found(release: type[StubRelease], failed: set[str], target: Target, tmp_path: Path) -> None:
    assert find_failed(tmp_path / "h", target, release, "successive-moves", 30) == failed


def test_each_pair_is_a_move_and_one_that_is_due_only_after_it(target: Target) -> None:
    pairs = {(first.origin, first.to, second.to) for first, second in list_successive(target)}
    # To cancel is due before and after a move, by the same request.
    assert pairs == {("A", "B", "C"), ("A", "B", "D"), ("B", "C", "D")}


def test_a_workflow_of_one_step_has_none(tmp_path: Path) -> None:
    text = TELLING.replace('A = ["B", "X"]\nB = ["C", "D", "X"]\nC = ["D"]', 'A = ["B", "X"]')
    text = text.replace('from = ["A", "B"]', 'from = ["A"]').replace('open = ["C", "D"]', 'open = ["B"]')
    obstacle = SCENARIOS["successive-moves"].find_obstacle(load_text(tmp_path, text))
    assert obstacle == "no two moves follow each other"
