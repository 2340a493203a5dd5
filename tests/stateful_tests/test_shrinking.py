"""Goal: a plan that fails now and then is made as small as it goes, and never into one that does not fail.

Method: executions that fail by a rule and a seeded coin, without an engine.
"""

import random
from collections.abc import Callable

from reports.verdict import Judgement, Verdict
from stateful_tests.parallel import Trial
from stateful_tests.plan import Move, Plan
from stateful_tests.shrinking import KEEP_FAILED, KEEP_REPEATS, is_kept, list_smaller, shrink

WIN = Move(route="advance", origin="A", to="B")
OTHER = Move(workflow=1, route="advance", origin="A", to="B")
READ = Move()
BIG = Plan(((READ, WIN), (OTHER, READ), (WIN, READ, READ), (READ,)), (READ, OTHER, READ), 2, "drawn")
JUDGEMENT = Judgement(Verdict.FAIL, "", ())


def fail_when(rule: Callable[[Plan], bool], chance: float, seed: int = 1) -> Callable[[Plan, int], Trial]:
    coin = random.Random(seed)

    def try_out(plan: Plan, repeats: int) -> Trial:
        failed = sum(coin.random() < chance for _ in range(repeats)) if rule(plan) else 0
        return Trial(plan, repeats, failed, JUDGEMENT)

    return try_out


def two_win(plan: Plan) -> bool:
    return sum(WIN in branch for branch in plan.branches) > 1


def test_what_always_fails_becomes_two_branches_of_one_operation() -> None:
    smallest = shrink(BIG, fail_when(two_win, 1.0), 60)
    assert smallest == Plan(((WIN,), (WIN,)), (), 1, "drawn")


def test_what_fails_now_and_then_does_too() -> None:
    found = [shrink(BIG, fail_when(two_win, 0.5, seed), 60) for seed in range(20)]
    assert sum(plan.size == 2 for plan in found) >= 18
    assert all(map(two_win, found)), "never one that cannot fail"


def test_without_time_nothing_is_changed() -> None:
    assert shrink(BIG, fail_when(two_win, 1.0), 0) == BIG


def test_a_candidate_must_fail_more_than_once() -> None:
    trials: list[int] = []

    def fail_once(plan: Plan, repeats: int) -> Trial:
        trials.append(repeats)
        return Trial(plan, repeats, int(len(trials) == 1), JUDGEMENT)

    assert not is_kept(BIG, fail_once)
    assert sum(trials) == KEEP_REPEATS
    assert KEEP_FAILED > 1


def test_candidates_are_smaller_and_keep_two_branches() -> None:
    for candidate in list_smaller(BIG):
        assert candidate.size < BIG.size
        assert len(candidate.branches) >= 2
        assert all(candidate.branches)
