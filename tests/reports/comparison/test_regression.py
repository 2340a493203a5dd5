"""Goal: a verdict on a measure needs a change that is surely larger than what does not count.

Method: blocks drawn from a known truth, small and seeded; benchmarks/bench_comparison_simulated.py counts how often it
errs over thousands.
"""

import random
from dataclasses import replace
from math import exp, log

import pytest
from msgspec import structs

from benchmarks.bench_comparison_simulated import CASES, NO_ALARM, Case, simulate
from reports.comparison.blocks import Blocks
from reports.comparison.comparison_result import Change, Design, MeasureChange
from reports.comparison.facts import Progress, Stratum
from reports.comparison.regression import PAIRS_MAX, RULES, Rules, adjust, compare_measures, decide

IN_TURNS, APART = RULES[Design.INTERLEAVED], RULES[Design.SESSIONS]
LATENCY, RATE, SECONDARY = "latency.won.p95", "races_per_second", "latency.conflict.p95"


def draw(level: float, blocks: int = 16, noise: float = 0.01, seed: int = 1) -> list[float]:
    rng = random.Random(f"{seed}/{level}")
    return [level * exp(rng.gauss(0, noise)) for _ in range(blocks)]


def compare(base: list[float], run: list[float], measure: str = LATENCY, rules: Rules = IN_TURNS) -> MeasureChange:
    [change] = compare_measures(Blocks({measure: base}), Blocks({measure: run}), rules)
    return change


@pytest.mark.parametrize(
    ("measure", "level", "verdict"),
    [
        (LATENCY, 110, Change.REGRESSED),
        (LATENCY, 90, Change.IMPROVED),
        (LATENCY, 100.5, Change.SAME),
        (RATE, 90, Change.REGRESSED),
        (RATE, 110, Change.IMPROVED),
        (SECONDARY, 110, Change.REGRESSED),
    ],
)
def test_a_change_in_turns_is_named(measure: str, level: float, verdict: Change) -> None:
    change = compare(draw(100), draw(level), measure)
    assert change.verdict is verdict
    assert change.counts == (verdict is Change.REGRESSED and measure != SECONDARY)
    assert change.ratio == pytest.approx(level / 100, abs=0.02)
    assert change.test is not None
    assert change.test.interval[0] < level / 100 < change.test.interval[1]
    assert (change.test.blocks, change.test.threshold, change.test.allowance) == ((16, 16), 0.05, 0)


def test_size_alone_is_no_regression() -> None:
    change = compare(draw(100, noise=0.3), draw(115, noise=0.3))
    assert change.verdict is Change.INCONCLUSIVE
    assert change.test is not None
    assert change.test.detectable is not None
    assert change.test.detectable > 0.3


def test_evidence_of_less_than_the_threshold_is_no_regression() -> None:
    change = compare(draw(100, noise=0.002), draw(104, noise=0.002))
    assert change.test is not None
    assert change.test.interval[0] > 1.03
    assert change.verdict is Change.SAME
    nearly = compare(draw(100, noise=0.02), draw(104.6, noise=0.02))
    assert nearly.verdict is Change.INCONCLUSIVE


def test_what_would_have_been_seen_grows_with_the_noise() -> None:
    tests = [compare(draw(100, noise=noise), draw(100, noise=noise, seed=2)).test for noise in (0.005, 0.02, 0.08)]
    seen = [test.detectable or 0 for test in tests if test is not None]
    assert 0.05 < seen[0] < seen[1] < seen[2] < 0.4


def test_between_sessions_a_change_must_exceed_the_drift() -> None:
    assert compare(draw(100), draw(110), rules=APART).verdict is Change.INCONCLUSIVE
    assert compare(draw(100), draw(115), rules=APART).verdict is Change.REGRESSED
    assert "the 12% that the machine may drift" in compare(draw(100), draw(110), rules=APART).reason
    assert compare(draw(100), draw(100), rules=APART).verdict is Change.INCONCLUSIVE
    assert compare(draw(100), draw(80), rules=APART).verdict is Change.IMPROVED
    assert compare(draw(100), draw(110), rules=replace(APART, allowance=0.02)).verdict is Change.REGRESSED


def test_between_sessions_a_machine_may_drift_as_it_scatters() -> None:
    change = compare(draw(100, noise=0.2), draw(160, noise=0.2), rules=APART)
    assert change.test is not None
    assert change.test.allowance > 0.5
    assert change.verdict is Change.INCONCLUSIVE
    assert compare(draw(100, noise=0.2), draw(160, noise=0.2)).verdict is Change.REGRESSED


@pytest.mark.parametrize("blocks", [1, 7])
def test_too_few_blocks_are_inconclusive(blocks: int) -> None:
    change = compare(draw(100, blocks), draw(200, blocks))
    assert (change.verdict, change.test) == (Change.INCONCLUSIVE, None)
    assert not change.is_decided
    assert change.ratio == pytest.approx(2, abs=0.05)
    assert change.reason.startswith(f"too few blocks: {blocks} ")


def test_what_one_side_lacks_is_inconclusive() -> None:
    base, run = Blocks({LATENCY: draw(1), "nonsense": [1.0]}), Blocks({RATE: draw(1), LATENCY: [0.0] * 16})
    assert [(change.measure, change.verdict, change.reason) for change in compare_measures(base, run, IN_TURNS)] == [
        (RATE, Change.INCONCLUSIVE, "the baseline has no blocks of it"),
        (LATENCY, Change.INCONCLUSIVE, "a block has no value above 0"),
    ]


def make_strata(times: float, share: float, blocks: int = 16) -> Blocks:
    """Two scenarios, the second ten times as slow as the first; `share` of 100 answers a block are the first one's."""
    rng = random.Random(f"{times}/{share}")

    def measure(level: float, count: float) -> dict[str, Stratum]:
        values = [level * times * exp(rng.gauss(0, 0.01)) for _ in range(blocks)]
        return {"won": Stratum((round(count),) * blocks, tuple(values), tuple(2 * value for value in values))}

    strata = {"fork": measure(1e6, 100 * share), "pipelines": measure(1e7, 100 * (1 - share))}
    mixed = [1e6 * times * (10 - 9 * share)] * blocks
    return Blocks({"latency.won.p50": mixed, LATENCY: mixed}, strata)


def test_another_mix_invents_no_change() -> None:
    changes = compare_measures(make_strata(1, 0.9), make_strata(1, 0.1), IN_TURNS)
    assert {change.verdict for change in changes if change.test} == {Change.SAME}
    assert all(change.ratio == pytest.approx(1, abs=0.02) for change in changes if change.test)


def test_another_mix_hides_no_change() -> None:
    changes = compare_measures(make_strata(1, 0.4), make_strata(1.2, 0.9), IN_TURNS)
    assert changes[0].run is not None
    assert changes[0].baseline is not None
    assert changes[0].run < changes[0].baseline, "the mix alone looks faster"
    assert changes[0].verdict is Change.REGRESSED
    assert changes[0].ratio == pytest.approx(1.2, abs=0.02)


def test_percentiles_of_few_answers_are_compared_with_those_of_as_many() -> None:
    base, run = make_strata(1, 0.9), make_strata(1, 0.8)
    [_, late] = compare_measures(base, run, IN_TURNS)
    assert late.test is not None, "the larger scenario has enough answers on both sides"
    few, fewer = make_strata(1, 0.2), make_strata(1, 0.1)
    none = structs.replace(few.strata["pipelines"]["won"], count=(0,) * 16)
    few = replace(few, strata={**few.strata, "pipelines": {"won": none}})
    [_, late] = compare_measures(few, fewer, IN_TURNS)
    assert late.test is None
    assert late.reason == "no scenario has enough of these answers in both"


def make_plan(run: int, seconds: float, parts: int = 14) -> Blocks:
    return Blocks(plan=Progress((40,) * parts, (run,) * parts, (seconds,) * parts))


@pytest.mark.parametrize(
    ("baseline", "run", "verdict"),
    [
        (make_plan(40, 0.5), make_plan(8, 2.0), Change.REGRESSED),
        (make_plan(40, 0.5), make_plan(0, 2.0), Change.REGRESSED),
        (make_plan(8, 2.0), make_plan(40, 0.5), Change.IMPROVED),
        (make_plan(40, 0.5, 1), make_plan(8, 2.0, 1), Change.REGRESSED),
        (make_plan(40, 0.5), make_plan(40, 2.0), None),
        (make_plan(40, 0.5), make_plan(36, 0.5), None),
        (make_plan(8, 2.0), make_plan(8, 2.0), None),
        (Blocks(), make_plan(8, 2.0), None),
    ],
)
def test_who_does_not_get_through_the_plan_has_regressed_by_that(
    baseline: Blocks, run: Blocks, verdict: Change | None
) -> None:
    changes = compare_measures(baseline, run, IN_TURNS)
    assert [change.verdict for change in changes] == ([verdict] if verdict else [])
    assert all(change.measure == "plan_time" and change.primary for change in changes)


def test_one_busy_moment_is_no_regression() -> None:
    run, seconds = [40] * 14, [0.5] * 14
    run[3:6], seconds[3:6] = [2] * 3, [2.0] * 3
    busy = Blocks(plan=Progress((40,) * 14, tuple(run), tuple(seconds)))
    assert compare_measures(make_plan(40, 0.5), busy, IN_TURNS) == ()


def test_many_measures_are_held_against_more_than_one_is() -> None:
    run = [0.2] * 9
    noise = [0.01 * (number % 3 - 1) + 0.001 * number for number in range(9)]
    alone = decide({"a": run}, IN_TURNS)["a"]
    two = decide({"a": run, "b": noise}, IN_TURNS)["a"]
    assert two.p_value == alone.p_value
    assert two.p_adjusted == pytest.approx(2 * alone.p_value)
    assert (alone.verdict, two.verdict) == (Change.REGRESSED, Change.REGRESSED)
    many = decide({"a": run} | {str(number): noise for number in range(9)}, IN_TURNS)
    assert many == {}, "nine pairs could never say anything of ten measures"


def test_secondary_measures_take_no_power_from_the_primary_ones() -> None:
    base = {RATE: draw(100, 9)} | {f"latency.{name}.p50": draw(100, 9) for name in ("conflict", "ok", "refused")}
    run = {RATE: draw(80, 9)} | {f"latency.{name}.p50": draw(100, 9, seed=2) for name in ("conflict", "ok", "refused")}
    first = compare_measures(Blocks(base), Blocks(run), IN_TURNS)[0]
    assert (first.measure, first.verdict) == (RATE, Change.REGRESSED)
    assert first.test is not None
    assert first.test.p_adjusted == first.test.p_value == 2 / 512


def test_holm_is_as_in_the_book() -> None:
    adjusted = adjust({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


def test_many_pairs_are_averaged_with_their_neighbours() -> None:
    change = compare(draw(100, 400), draw(110, 400))
    assert change.verdict is Change.REGRESSED
    assert change.test is not None
    assert PAIRS_MAX / 2 < change.test.blocks[0] <= PAIRS_MAX
    assert log(change.ratio or 1) == pytest.approx(log(1.1), abs=0.01)


@pytest.mark.parametrize("case", [case for case in CASES if case.asked], ids=str)
def test_it_errs_as_rarely_as_it_says(case: Case) -> None:
    regressed = simulate(case, 200)[Change.REGRESSED] / 200
    assert regressed <= 0.015 if case.asked == NO_ALARM else regressed >= 0.8
