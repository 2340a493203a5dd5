"""Goal: only what was asked counts as run, and nothing is asked of a service that answers no more.

Method: an engine in memory that refuses to create more than so many, or that stops answering.
"""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.asker import Asker
from reports.history.journal import Journal
from stateful_tests.level_report import STARVED, MismatchError, explain_end
from stateful_tests.sequential.batches import EXAMPLES_PER_BATCH, STARVED_MAX, Batches
from stateful_tests.sequential.checked_workflows import CheckedWorkflows
from stateful_tests.sequential.sweep import ask_refused, plan_refused
from tests.load.silent_engine import TIMEOUT_S, SlowRelease, answer_first, stop_time
from tests.load.stub import RICH, SMALL, Engine, StubRelease, load_text, make_answer


def make_batches(folder: Path, amount: int, quota: int, *, keeps_refusing: bool = True) -> Batches:
    """Creates are refused after the quota; only once, if not `keeps_refusing`."""
    target = load_text(folder, SMALL)
    created = count(1)

    def refuse(request: Request, answer: Answer) -> Answer:
        number = next(created) if request.path == "/w" else 0
        is_refused = number > quota if keeps_refusing else number == quota + 1
        return make_answer(404) if is_refused else answer

    release: Any = StubRelease(Engine(target.graph, refuse))
    asker = Asker(target, release, Journal(folder / "sequential-0.jsonl"), "sequential")
    return Batches(asker, None, 1, amount)


def run_all(batches: Batches, *phases: Phase) -> None:
    while batches.goes_on:
        batches.try_next(phases or [Phase.generate])


@pytest.mark.parametrize(("quota", "run"), [(0, 0), (5, 0), (10**6, 2)])
def test_batches_without_workflows_do_not_count(tmp_path: Path, quota: int, run: int) -> None:
    batches = make_batches(tmp_path, 2, quota)
    run_all(batches)
    assert batches.run == run
    assert explain_end(batches.asker, batches) == ("complete" if run == batches.amount else STARVED)


def test_a_create_that_is_refused_now_and_then_ends_nothing(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, 1, 3, keeps_refusing=False)
    run_all(batches)
    assert (batches.run, batches.is_starved) == (1, False)
    assert batches.starved < STARVED_MAX < EXAMPLES_PER_BATCH


@pytest.mark.parametrize("phases", [[Phase.generate], [Phase.generate, Phase.shrink]])
@pytest.mark.parametrize("wrong", [{9}, {9, 10, 15, 20}])
def test_a_wrong_answer_that_does_not_come_again_is_one_all_the_same(
    wrong: set[int], phases: list[Phase], tmp_path: Path
) -> None:
    target, asked = load_text(tmp_path, SMALL), count(1)

    def falsify(request: Request, answer: Answer) -> Answer:
        is_win = request.method == "POST" and request.path != "/w" and answer.status == 200
        return make_answer(409) if is_win and next(asked) in wrong else answer

    release: Any = StubRelease(Engine(target.graph, falsify))
    batches = Batches(Asker(target, release, Journal(tmp_path / "s.jsonl"), "sequential"), None, 1, 2)
    with pytest.raises(MismatchError):
        run_all(batches, *phases)


def test_ids_that_are_used_up_are_told_as_such(tmp_path: Path) -> None:
    batches = make_batches(tmp_path, 1, 0)
    run_all(batches)
    batches.asker.is_out = True
    assert not batches.is_starved
    assert explain_end(batches.asker, batches) == "out of ids"


def test_a_service_that_answers_no_more_ends_the_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, target = stop_time(monkeypatch), load_text(tmp_path, RICH)
    release: Any = SlowRelease(Engine(target.graph, answer_first(300)), clock)
    asker = Asker(target, release, Journal(tmp_path / "sequential-0.jsonl"), "sequential")
    batches = Batches(asker, None, 1, 8)
    run_all(batches)
    ask_refused(CheckedWorkflows(asker, None), plan_refused(target), clock.now_s + 1e9)
    assert explain_end(asker, batches) == "silent"
    assert clock.now_s < 20 * TIMEOUT_S
    assert batches.run < 8
