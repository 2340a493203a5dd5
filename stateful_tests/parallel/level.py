"""Goal: several clients at once, any plan: some order explains every answer; if none does, the smallest failing plan.

Method: first the pinned plans, then random and pinned ones in turn: chance decides each time whether requests overlap.
Each plan is executed a few times and judged at once. The first plan that fails is shrunk, executed ten times more to
tell how often it fails, and saved. pytest runs this file as the level `parallel`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from typing import Literal

import pytest

from engine.target.target import Target
from reports.history import events
from stateful_tests.level_report import MISMATCH, MismatchError, report_level
from stateful_tests.options import Options
from stateful_tests.parallel.generated_plans import generate_plans
from stateful_tests.parallel.pinned_plans import list_pinned
from stateful_tests.parallel.plan import ParallelPlan, PlanError, load_plan, save_plan
from stateful_tests.parallel.runner import Runner, TeeJournal, Trial
from stateful_tests.parallel.shrinking import shrink

SOURCE = "parallel-0"
# How often each plan is executed, and how long a failing one is shrunk.
REPEATS = 2
SHRINK_LIMIT_S = 20.0
# How often the smallest plan is executed to tell how often it fails.
TOLD_REPEATS = 10


@dataclass
class Search:
    """Tries plans until one fails, the time is up or the amount is reached. `run` counts those executed. It is starved
    after a plan that never had its workflows.
    """

    runner: Runner
    amount: int
    repeats: int
    deadline: float
    run: int = 0
    failing: Trial | None = None
    is_starved: bool = False

    @property
    def goes_on(self) -> bool:
        asker = self.runner.asker
        if self.is_starved or self.failing is not None or self.run >= self.amount or asker.is_out:
            return False
        if asker.silence.is_certain:
            return False
        return self.run == 0 or time.monotonic() < self.deadline

    def try_out(self, plan: ParallelPlan) -> None:
        if self.goes_on:
            trial = self.runner.try_out(plan, self.repeats)
            self.is_starved = not trial.executed
            self.run += not self.is_starved
            self.failing = trial if trial.failed else None

    def try_all(self, pinned: Sequence[ParallelPlan], first_seed: int) -> None:
        """The pinned plans, then a generated one and a pinned one in turn."""
        for plan in pinned:
            self.try_out(plan)
        again = cycle(pinned)

        def use(plan: ParallelPlan) -> None:
            self.try_out(plan)
            for known in islice(again, 1):
                self.try_out(known)

        left = self.amount - self.run
        if self.goes_on:
            generate_plans(self.runner.target, first_seed, ceil(left / 2) if pinned else left, use)


def reproduce(runner: Runner, trial: Trial, folder: Path, shrink_limit_s: float) -> str:
    """Shrinks a failing plan, saves it, and says how often it fails; one sentence."""
    smallest = shrink(trial, runner.try_out, shrink_limit_s) if shrink_limit_s else trial.plan
    in_turn = runner.try_out(smallest.in_turn(), TOLD_REPEATS)
    again = runner.try_out(smallest, TOLD_REPEATS)
    # A race may show every time; but it shows only if requests run concurrently.
    kind: Literal["race", "logic"] = "logic" if again.failed == in_turn.failed == TOLD_REPEATS else "race"
    save_plan(smallest, folder / "parallel.json")
    reproduced = events.Reproduced(
        name=trial.plan.name,
        branches=[len(branch) for branch in smallest.branches],
        plan="plans/parallel.json",
        failed=again.failed,
        repeats=TOLD_REPEATS,
        kind=kind,
    )
    runner.asker.journal.write(reproduced)
    return f"the plan {folder / 'parallel.json'} failed in {again.failed} of {TOLD_REPEATS} repeats: {kind}"


def find_given_plan(path: Path | None, target: Target) -> ParallelPlan | None:
    try:
        return load_plan(path, target) if path is not None else None
    except PlanError as error:
        pytest.exit(f"--plan: {error}", returncode=2)


def test_parallel(target: Target, history: Path, options: Options) -> None:
    folder = history.parent / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    given_plan = find_given_plan(options.plan, target)
    journal = TeeJournal(history / f"{SOURCE}.jsonl", folder / "parallel.jsonl")
    runner = Runner(target, journal)
    pinned = [given_plan] * options.plans if given_plan else list_pinned(target)
    search = Search(runner, options.plans, REPEATS, time.monotonic() + options.limit_s)
    with report_level(runner.asker, "parallel", "plans", search) as report:
        search.try_all(pinned, options.seed)
        if search.failing is not None:
            report.ended = MISMATCH
            shrink_limit_s = 0.0 if options.no_shrink or given_plan else SHRINK_LIMIT_S
            raise MismatchError(reproduce(runner, search.failing, folder, shrink_limit_s))
        journal.end_copy()
        journal.scratch.unlink(missing_ok=True)
