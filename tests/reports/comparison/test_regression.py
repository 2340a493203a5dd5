"""Goal: a verdict on a measure needs a change that is surely larger than what does not count.

Method: blocks drawn from a known truth, small and seeded; benchmarks/bench_comparison_simulated.py counts how often it
errs over thousands.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp, log

import pytest
from msgspec import structs

from benchmarks.bench_comparison_simulated import CASES, NO_ALARM, Case, simulate
from reports.comparison.comparison_result import Change, Design, MeasureChange
from reports.comparison.facts import Measured, Progress, Relative, Stratum
from reports.comparison.regression import PAIRS_MAX, RULES, Rules, adjust, compare_measures, compare_relative, decide

IN_TURNS, APART, RELATIVE = RULES[Design.INTERLEAVED], RULES[Design.SESSIONS], RULES[Design.RELATIVE]
LATENCY, RATE, SECONDARY = "latency.won.p95", "races_per_second", "latency.conflict.p95"


def draw(level: float, blocks: int = 16, noise: float = 0.01, seed: int | str = 1) -> list[float]:
    rng = random.Random(f"{seed}/{level}")
    return [level * exp(rng.gauss(0, noise)) for _ in range(blocks)]


def make_blocks(values: Mapping[str, Sequence[float]]) -> Measured:
    return Measured({name: tuple(each) for name, each in values.items()}, {}, Progress())


def compare(base: list[float], run: list[float], measure: str = LATENCY, rules: Rules = IN_TURNS) -> MeasureChange:
    [change] = compare_measures(make_blocks({measure: base}), make_blocks({measure: run}), rules)
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


def take_session(machine: float, service: float, seed: int, races: int = 40) -> Relative:
    """A session on a machine that is so many times slower, with a service that is; both engines meet the same noise."""
    moments = draw(machine, blocks=60, noise=0.3, seed=seed)
    sides = {}
    for side, level in (("service", service), ("reference", 1.0)):
        own = draw(100 * level, blocks=60, noise=0.05, seed=f"{seed}{side}")
        times = [one * moment for one, moment in zip(own, moments, strict=True)]
        sides[side] = Measured({LATENCY: tuple(times), RATE: tuple(1e6 / each for each in times)}, {}, Progress())
    return Relative(sides["service"], sides["reference"], seconds=120, races=races, contenders=10)


@pytest.mark.parametrize(
    ("machine", "service", "verdict"),
    [
        (1.0, 1.0, Change.INCONCLUSIVE),
        (2.0, 1.0, Change.INCONCLUSIVE),
        (1.0, 1.2, Change.REGRESSED),
        (2.0, 1.2, Change.REGRESSED),
        (0.5, 1.2, Change.REGRESSED),
        (2.0, 0.8, Change.IMPROVED),
    ],
)
def test_what_slows_the_machine_slows_the_reference_engine_too(machine: float, service: float, verdict: Change) -> None:
    changes = compare_relative(take_session(1.0, 3.0, 1), take_session(machine, 3.0 * service, 2), RELATIVE)
    assert [change.measure for change in changes] == [RATE, LATENCY]
    assert {change.verdict for change in changes} == {verdict}
    latency = changes[1]
    assert latency.ratio == pytest.approx(service, rel=0.05)
    assert latency.run is not None
    assert latency.baseline is not None
    assert latency.run / latency.baseline == pytest.approx(machine * service, rel=0.25), "the levels are as measured"


def test_only_turns_that_all_four_have_are_compared() -> None:
    before, after = take_session(1.0, 1.0, 1), take_session(1.0, 1.2, 2)
    values = {name: each[:20] for name, each in after.reference.blocks.items()}
    short = structs.replace(after, reference=structs.replace(after.reference, blocks=values))
    changes = compare_relative(before, short, RELATIVE)
    assert {change.test.blocks for change in changes if change.test is not None} == {(20, 20)}


def test_a_service_that_is_ended_far_behind_has_regressed() -> None:
    plans = [Progress((40,) * 14, (run,) * 14, (seconds,) * 14) for run, seconds in ((40, 1.0), (9, 15.0))]
    before, after = (take_session(1.0, 1.0, seed) for seed in (1, 2))
    sides = [
        structs.replace(each, service=structs.replace(each.service, plan=plan))
        for each, plan in zip((before, after), plans, strict=True)
    ]
    first = compare_relative(sides[0], sides[1], RELATIVE)[0]
    assert (first.measure, first.verdict) == ("plan_time", Change.REGRESSED)


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
    base, run = make_blocks({LATENCY: draw(1), "nonsense": [1.0]}), make_blocks({RATE: draw(1), LATENCY: [0.0] * 16})
    assert [(change.measure, change.verdict, change.reason) for change in compare_measures(base, run, IN_TURNS)] == [
        (RATE, Change.INCONCLUSIVE, "the baseline has no blocks of it"),
        (LATENCY, Change.INCONCLUSIVE, "a block has no value above 0"),
    ]


def make_strata(times: float, share: float, blocks: int = 16) -> Measured:
    """Two scenarios, the second ten times as slow as the first; `share` of 100 answers a block are the first one's."""
    rng = random.Random(f"{times}/{share}")

    def measure(level: float, count: float) -> dict[str, Stratum]:
        values = [level * times * exp(rng.gauss(0, 0.01)) for _ in range(blocks)]
        return {"won": Stratum((round(count),) * blocks, tuple(values), tuple(2 * value for value in values))}

    strata = {"fork": measure(1e6, 100 * share), "pipelines": measure(1e7, 100 * (1 - share))}
    mixed = (1e6 * times * (10 - 9 * share),) * blocks
    return Measured({"latency.won.p50": mixed, LATENCY: mixed}, strata, Progress())


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
    few = structs.replace(few, strata={**few.strata, "pipelines": {"won": none}})
    [_, late] = compare_measures(few, fewer, IN_TURNS)
    assert late.test is None
    assert late.reason == "no scenario has enough of these answers in both"


def make_plan(run: int, seconds: float, parts: int = 14) -> Measured:
    return Measured({}, {}, Progress((40,) * parts, (run,) * parts, (seconds,) * parts))


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
        (make_blocks({}), make_plan(8, 2.0), None),
    ],
)
def test_who_does_not_get_through_the_plan_has_regressed_by_that(
    baseline: Measured, run: Measured, verdict: Change | None
) -> None:
    changes = compare_measures(baseline, run, IN_TURNS)
    assert [change.verdict for change in changes] == ([verdict] if verdict else [])
    assert all(change.measure == "plan_time" and change.primary for change in changes)


def test_one_busy_moment_is_no_regression() -> None:
    run, seconds = [40] * 14, [0.5] * 14
    run[3:6], seconds[3:6] = [2] * 3, [2.0] * 3
    busy = Measured({}, {}, Progress((40,) * 14, tuple(run), tuple(seconds)))
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
    first = compare_measures(make_blocks(base), make_blocks(run), IN_TURNS)[0]
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
