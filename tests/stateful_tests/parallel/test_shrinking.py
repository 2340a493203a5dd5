"""Goal: a plan that fails by chance is shrunk as far as possible, and never to one that does not fail.

Method: executions that fail by a rule and a seeded coin, without an engine.
"""

import random
from collections.abc import Callable

from engine.target.call import Call
from reports.judge.verdict import Judgement, Verdict
from stateful_tests.parallel.plan import ParallelPlan
from stateful_tests.parallel.runner import Trial
from stateful_tests.parallel.shrinking import KEEP_FAILED, KEEP_REPEATS, keep_blamed, list_smaller, shrink, try_often

WIN = Call(route="advance", origin="A", to="B")
OTHER = Call(workflow=1, route="advance", origin="A", to="B")
READ = Call()
BIG = ParallelPlan(((READ, WIN), (OTHER, READ), (WIN, READ, READ), (READ,)), (READ, OTHER, READ), 2, "drawn")
JUDGEMENT = Judgement(Verdict.FAIL, "", ())
FAILING = Trial(BIG, 1, JUDGEMENT)


def fail_when(
    rule: Callable[[ParallelPlan], bool], chance: float, seed: int = 1
) -> Callable[[ParallelPlan, int], Trial]:
    coin = random.Random(seed)

    def try_out(plan: ParallelPlan, repeats: int) -> Trial:
        failed = sum(coin.random() < chance for _ in range(repeats)) if rule(plan) else 0
        return Trial(plan, failed, JUDGEMENT)

    return try_out


def count_beside(plan: ParallelPlan) -> int:
    return sum(map(len, plan.branches))


def two_win(plan: ParallelPlan) -> bool:
    return sum(WIN in branch for branch in plan.branches) > 1


def test_a_plan_that_always_fails_becomes_two_branches_of_one_operation() -> None:
    smallest = shrink(FAILING, fail_when(two_win, 1.0), 60)
    assert smallest == ParallelPlan(((WIN,), (WIN,)), (), 1, "drawn")


def test_a_plan_that_fails_by_chance_does_too() -> None:
    found = [shrink(FAILING, fail_when(two_win, 0.5, seed), 60) for seed in range(20)]
    assert sum(plan.size == 2 for plan in found) >= 18
    assert all(map(two_win, found)), "never one that cannot fail"


def test_without_time_nothing_is_changed() -> None:
    assert shrink(FAILING, fail_when(two_win, 1.0), 0) == BIG


def test_a_candidate_must_fail_more_than_once() -> None:
    trials: list[int] = []

    def fail_once(plan: ParallelPlan, repeats: int) -> Trial:
        trials.append(repeats)
        return Trial(plan, int(len(trials) == 1), JUDGEMENT)

    assert try_often(BIG, fail_once).failed < KEEP_FAILED
    assert sum(trials) == KEEP_REPEATS
    assert KEEP_FAILED > 1


def test_what_is_blamed_is_tried_alone_and_after_the_others() -> None:
    alone, after = keep_blamed(BIG, {(0, 1), (2, 0), (-1, 2)})
    assert alone == ParallelPlan(((WIN,), (WIN,)), BIG.prefix, 2, "drawn")
    assert after == ParallelPlan(((WIN,), (WIN,)), (*BIG.prefix, READ, OTHER, READ, READ, READ), 2, "drawn")
    assert not list(keep_blamed(BIG, {(0, 1), (-1, 0)})), "one alone is no plan of branches"
    assert not list(keep_blamed(alone, {(0, 0), (1, 0)})), "nothing is left out"


def test_a_race_of_later_rounds_becomes_one_of_the_first() -> None:
    """It fails only if both have read before."""
    first = ParallelPlan(((READ, WIN), (READ, WIN), (OTHER,)), (), 2, "drawn")

    def read_before(plan: ParallelPlan) -> bool:
        begins = sum(branch[0] == WIN for branch in plan.branches)
        return two_win(plan) and (begins == 0 or plan.prefix.count(READ) > 1)

    smallest = shrink(Trial(first, 1, JUDGEMENT), fail_when(read_before, 1.0), 60)
    assert smallest == ParallelPlan(((WIN,), (WIN,)), (READ, READ), 1, "drawn")


def test_candidates_are_smaller_and_keep_two_branches() -> None:
    for candidate in list_smaller(BIG, [{(0, 1), (2, 0)}]):
        assert count_beside(candidate) < count_beside(BIG) or candidate.size < BIG.size
        assert len(candidate.branches) >= 2
        assert all(candidate.branches)
