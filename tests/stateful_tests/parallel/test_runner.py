"""Goal: a plan's executions are independent: new workflows, moved to a terminal state, and a judgement for each.

Method: a runner over a release and an engine that are played here, so that what happens side by side is decided and not
left to luck.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.target.call import Call
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.release import BeforeRelease, Exchange
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict
from stateful_tests.level_report import explain_end
from stateful_tests.parallel.level import Search
from stateful_tests.parallel.plan import ParallelPlan
from stateful_tests.parallel.runner import Runner, TeeJournal, Trial, find_end
from tests.load.silent_engine import TIMEOUT_S, SlowRelease, answer_first, stop_time
from tests.load.stub import SMALL, Engine, StubRelease, load_text, make_answer

WIN = Call(route="advance", origin="A", to="B")
PAIR = ParallelPlan(((WIN,), (WIN,)), name="pair")


class PlayedEngine(Engine):
    """Decides by the states before the release (`by_old`), as check-then-act does; answers every request that it won
    (`believes`); loses the answer to the request of that number (`lost`); or refuses to create more than `quota`.
    """

    def __init__(
        self,
        graph: TransitionGraph,
        *,
        by_old: bool = False,
        believes: bool = False,
        lost: int = 0,
        quota: int = 10**6,
    ) -> None:
        super().__init__(graph)
        self.quota = quota
        self.by_old, self.believes, self.lost, self.asked = by_old, believes, lost, 0
        self.before: dict[str, str] = {}

    def answer(self, request: Request) -> Answer:
        self.asked += 1
        if request.path == "/w" and len(self.states) == self.quota:
            return make_answer(404)
        answer = self.decide(request)
        return Answer(None, error="lost") if self.asked == self.lost else answer

    def move(self, name: str, request: Request) -> Answer:
        now = self.states[name]
        if self.by_old:
            self.states[name] = self.before[name]
        answer = super().move(name, request)
        if answer.status == 409:
            self.states[name] = now
            return make_answer(200) if self.believes else answer
        return answer


class PlayedRelease(StubRelease):
    """Tells the engine when requests are released; counts how often all connections were closed."""

    def __init__(self, engine: PlayedEngine) -> None:
        super().__init__(engine)
        self.played, self.closed = engine, 0

    def race(self, requests: Sequence[Request], before_release: BeforeRelease | None = None) -> list[Exchange]:
        self.played.before = dict(self.played.states)
        return super().race(requests, before_release)

    def close(self) -> None:
        self.closed += 1


Make = Callable[..., tuple[Runner, PlayedRelease]]


@pytest.fixture
def play(tmp_path: Path) -> Make:
    target = load_text(tmp_path, SMALL)

    def make(**ways: Any) -> tuple[Runner, PlayedRelease]:
        runner = Runner(target, TeeJournal(tmp_path / "parallel-0.jsonl", tmp_path / "scratch.jsonl"))
        release = PlayedRelease(PlayedEngine(target.graph, **ways))
        runner.asker.release = release  # type: ignore[assignment]
        return runner, release

    return make


def test_a_right_engine_passes_and_ends_in_a_terminal_state(play: Make) -> None:
    runner, release = play()
    trial = runner.try_out(PAIR, 3)
    assert (trial.failed, trial.judgement.verdict) == (0, Verdict.PASS)
    assert len(release.engine.states) == 3, "new workflows each time"
    assert set(release.engine.states.values()) <= runner.target.graph.terminal
    assert release.closed == 3, "and new connections"


def test_a_race_fails_in_parallel_only(play: Make) -> None:
    runner, _ = play(by_old=True)
    assert runner.try_out(PAIR, 4).failed == 4
    assert runner.try_out(PAIR.in_turn(), 4).failed == 0


def test_an_error_of_logic_fails_in_turn_too(play: Make) -> None:
    runner, _ = play(believes=True)
    assert runner.try_out(PAIR, 4).failed == runner.try_out(PAIR.in_turn(), 4).failed == 4


def test_each_trial_is_judged_alone_and_the_journal_keeps_all(play: Make, tmp_path: Path) -> None:
    runner, release = play(by_old=True)
    runner.try_out(PAIR, 2)
    release.played.by_old = False
    assert runner.try_out(PAIR, 2).failed == 0
    runner.asker.end()
    history = read_history(tmp_path / "parallel-0.jsonl")
    assert history.operations.filter(kind="create").height == 4
    judged = judge(history, runner.target.graph, plan=RunPlan(sources=("parallel-0",)))
    verdicts = {result.check: result.verdict for result in judged.checks}
    assert (verdicts["linearizable"], verdicts["accounting"]) == (Verdict.FAIL, Verdict.PASS)


@pytest.mark.parametrize(
    ("quota", "run", "executed"),
    [(0, 0, [0]), (2, 1, [2, 0]), (3, 2, [2, 1, 0]), (100, 4, [2, 2, 2, 2])],
)
def test_a_plan_that_no_workflow_was_created_for_is_not_counted(
    play: Make, quota: int, run: int, executed: list[int]
) -> None:
    """It is the last one: the level ends."""
    runner, _ = play(quota=quota)
    search, seen = Search(runner, 4, 2, time.monotonic() + 60), []

    def note(plan: ParallelPlan, repeats: int) -> Trial:
        trial = Runner.try_out(runner, plan, repeats)
        seen.append(trial.executed)
        return trial

    runner.try_out = note  # type: ignore[method-assign]
    for _ in range(6):
        search.try_out(PAIR)
    assert seen == executed
    assert (search.run, search.is_starved, search.failing) == (run, quota < 100, None)


@pytest.mark.exhaustive
def test_a_service_that_answers_no_more_ends_the_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, target = stop_time(monkeypatch), load_text(tmp_path, SMALL)
    runner = Runner(target, TeeJournal(tmp_path / "parallel-0.jsonl", tmp_path / "copy.jsonl"))
    runner.asker.release = SlowRelease(Engine(target.graph, answer_first(100)), clock)  # type: ignore[assignment]
    search = Search(runner, 1000, 3, time.monotonic() + 600)
    search.try_all([PAIR], 1)
    assert (search.failing, search.goes_on) == (None, False)
    assert clock.now_s < 20 * TIMEOUT_S
    assert explain_end(runner.asker, search) == "silent"


@pytest.mark.parametrize("amount", [1, 2, 5, 8])
def test_pinned_plans_come_first_and_again_between_the_drawn_ones(play: Make, amount: int) -> None:
    runner, _ = play()
    search, seen = Search(runner, amount, 1, time.monotonic() + 60), []

    def note(plan: ParallelPlan, repeats: int) -> Trial:
        seen.append(plan.name)
        return Runner.try_out(runner, plan, repeats)

    runner.try_out = note  # type: ignore[method-assign]
    search.try_all([PAIR, replace(PAIR, name="other")], first_seed=1)
    assert seen == ["pair", "other", "drawn", "pair", "drawn", "other", "drawn", "pair"][:amount]
    assert search.run == amount


@pytest.mark.parametrize("lost", range(4, 7))
def test_a_lost_answer_on_the_way_to_the_end_is_asked_about_again(play: Make, lost: int) -> None:
    """The first three are the create and the pair; then come the read, the call to the end, and the read there."""
    runner, release = play(lost=lost)
    assert runner.try_out(PAIR, 1).failed == 0
    assert set(release.engine.states.values()) <= runner.target.graph.terminal


def test_the_nearest_end_is_chosen() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["C", "X"], "C": ["D"], "R": ["R"]})
    assert find_end(graph, "A") == ("A", "B", "X")
    assert find_end(graph, "D") == ("D",)
    assert find_end(graph, "R") == find_end(graph, "nowhere") == ()
