"""Goal: several callers at once, any plan: some order explains every answer; if not, the smallest plan that fails.

Method: the pinned plans first, then random ones, each executed a few times and judged at once. The first plan that
fails is shrunk, executed some more to tell how often it fails, and saved with the history of those executions.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from engine.target import Target
from stateful_tests.drawing import list_pinned, plans
from stateful_tests.parallel import Runner, TeeJournal, Trial
from stateful_tests.plan import Plan, load_plan, save_plan
from stateful_tests.shrinking import shrink

SOURCE = "parallel-0"
# How often the smallest plan is executed to tell how often it fails.
TOLD_REPEATS = 10


class ParallelError(AssertionError):
    """A plan whose answers nothing explains."""


@dataclass
class Search:
    """Tries plans out until one fails, the time is up or the amount is reached."""

    runner: Runner
    amount: int
    repeats: int
    deadline: float
    run: int = 0
    failing: Trial | None = None

    @property
    def goes_on(self) -> bool:
        return self.failing is None and self.run < self.amount and (self.run == 0 or time.monotonic() < self.deadline)

    def try_out(self, plan: Plan) -> None:
        if self.goes_on:
            trial = self.runner.try_out(plan, self.repeats)
            self.run += 1
            self.failing = trial if trial.failed else None


def draw_plans(target: Target, first_seed: int, count: int, use: Callable[[Plan], None]) -> None:
    """Lets Hypothesis draw that many plans. Nothing fails in there: what fails now and then it cannot shrink."""

    @seed(first_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(plans(target))
    def draw(plan: Plan) -> None:
        use(plan)

    draw()


def tell(runner: Runner, trial: Trial, folder: Path, shrink_limit_s: float) -> str:
    """Shrinks a failing plan, saves it, and says how often it fails; one sentence."""
    smallest = shrink(trial.plan, runner.try_out, shrink_limit_s) if shrink_limit_s else trial.plan
    in_turn = runner.try_out(smallest.in_turn(), TOLD_REPEATS)
    again = runner.try_out(smallest, TOLD_REPEATS)
    # A race that happens to show every time still needs somebody beside it.
    kind = "logic" if again.failed == in_turn.failed == TOLD_REPEATS else "race"
    save_plan(smallest, folder / "parallel.json")
    branches = [len(branch) for branch in smallest.branches]
    facts = {"plan": "plans/parallel.json", "failed": again.failed, "repeats": TOLD_REPEATS, "kind": kind}
    runner.asker.journal.event("reproduced", name=trial.plan.name, branches=branches, **facts)
    return f"the plan {folder / 'parallel.json'} failed in {again.failed} of {TOLD_REPEATS} repeats: {kind}"


def test_parallel(target: Target, history: Path, pytestconfig: pytest.Config) -> None:
    option = pytestconfig.getoption
    folder = history.parent / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    given_plan = load_plan(option("plan"), target) if option("plan") else None
    journal = TeeJournal(history / f"{SOURCE}.jsonl", folder / "parallel.jsonl")
    runner = Runner(target, journal, SOURCE)
    pinned = [given_plan] * option("plans") if given_plan else list_pinned(target)
    search = Search(runner, option("plans"), option("repeats"), time.monotonic() + option("limit_s"))
    try:
        for plan in pinned:
            search.try_out(plan)
        if search.goes_on:
            draw_plans(target, option("seed"), search.amount - search.run, search.try_out)
        if search.failing is not None:
            shrink_limit_s = 0.0 if option("no_shrink") or given_plan else option("shrink_limit_s")
            raise ParallelError(tell(runner, search.failing, folder, shrink_limit_s))
        journal.end_copy()
        journal.scratch.unlink(missing_ok=True)
    finally:
        journal.event("level", level="parallel", unit="plans", planned=search.amount, run=search.run)
        runner.asker.end()
