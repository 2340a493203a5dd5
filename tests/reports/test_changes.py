"""Goal: a verdict on a measure needs size and evidence. Method: blocks drawn from a known truth, small and seeded;
benchmarks/bench_compare.py counts how often it errs over thousands.
"""

import random
from dataclasses import replace
from math import exp

import pytest

from benchmarks.bench_compare import CASES, NO_ALARM, Case, simulate
from reports.changes import RULES, Rules, adjust, compare_measures, decide, orient
from reports.comparison import Change, Design, MeasureChange
from reports.permutation import SAMPLES_MAX

IN_TURNS, APART = RULES[Design.INTERLEAVED], RULES[Design.SESSIONS]
LATENCY, RATE = "latency.won.p95", "races_per_second"


def draw(level: float, blocks: int = 8, noise: float = 0.01, seed: int = 1) -> list[float]:
    rng = random.Random(f"{seed}/{level}")
    return [level * exp(rng.gauss(0, noise)) for _ in range(blocks)]


def compare(base: list[float], run: list[float], measure: str = LATENCY, rules: Rules = IN_TURNS) -> MeasureChange:
    [change] = compare_measures({measure: base}, {measure: run}, rules)
    return change


@pytest.mark.parametrize(
    ("measure", "level", "verdict"),
    [
        (LATENCY, 110, Change.REGRESSED),
        (LATENCY, 90, Change.IMPROVED),
        (LATENCY, 100.5, Change.SAME),
        (RATE, 90, Change.REGRESSED),
        (RATE, 110, Change.IMPROVED),
        ("gate_time", 110, Change.REGRESSED),
    ],
)
def test_a_change_in_turns_is_named(measure: str, level: float, verdict: Change) -> None:
    change = compare(draw(100), draw(level), measure)
    assert change.verdict is verdict
    assert change.ratio == pytest.approx(level / 100, abs=0.02)
    assert change.test is not None
    assert change.test.interval[0] < level / 100 < change.test.interval[1]
    assert (change.test.blocks, change.test.threshold, change.test.allowance) == ((8, 8), 0.05, 0)


def test_size_alone_is_no_regression() -> None:
    change = compare(draw(100, noise=0.3), draw(115, noise=0.3))
    assert change.verdict is Change.INCONCLUSIVE
    assert "could be noise" in change.reason


def test_evidence_alone_is_no_regression() -> None:
    change = compare(draw(100, noise=0.002), draw(104, noise=0.002))
    assert change.test is not None
    assert change.test.p_adjusted < IN_TURNS.alpha
    assert change.verdict is Change.SAME
    nearly = compare(draw(100, noise=0.006), draw(104.6, noise=0.006))
    assert nearly.verdict is Change.INCONCLUSIVE
    assert "beyond noise, but less than the 5% that counts" in nearly.reason


def test_between_sessions_a_change_must_exceed_the_drift() -> None:
    assert compare(draw(100), draw(110), rules=APART).verdict is Change.INCONCLUSIVE
    assert "or 12% of drift" in compare(draw(100), draw(110), rules=APART).reason
    assert compare(draw(100), draw(100), rules=APART).verdict is Change.INCONCLUSIVE
    assert compare(draw(100), draw(120), rules=APART).verdict is Change.REGRESSED
    assert compare(draw(100), draw(80), rules=APART).verdict is Change.IMPROVED
    assert compare(draw(100), draw(110), rules=replace(APART, allowance=0.02)).verdict is Change.REGRESSED


def test_between_sessions_a_machine_may_drift_as_it_scatters() -> None:
    change = compare(draw(100, noise=0.2), draw(160, noise=0.2), rules=APART)
    assert change.test is not None
    assert change.test.allowance > 0.5
    assert change.verdict is Change.INCONCLUSIVE
    assert compare(draw(100, noise=0.2), draw(160, noise=0.2)).verdict is Change.REGRESSED


@pytest.mark.parametrize("blocks", [1, 4])
def test_too_few_blocks_are_inconclusive(blocks: int) -> None:
    change = compare(draw(100, blocks), draw(200, blocks))
    assert (change.verdict, change.test) == (Change.INCONCLUSIVE, None)
    assert change.ratio == pytest.approx(2, abs=0.05)
    assert f"too few blocks: {blocks} in the baseline and {blocks} in the run" in change.reason


def test_what_one_side_lacks_is_inconclusive() -> None:
    changes = compare_measures({LATENCY: draw(1), "nonsense": [1.0]}, {RATE: draw(1), LATENCY: [0.0] * 8}, IN_TURNS)
    assert [(change.measure, change.verdict, change.reason) for change in changes] == [
        (LATENCY, Change.INCONCLUSIVE, "a block has no value above 0"),
        (RATE, Change.INCONCLUSIVE, "the baseline has no blocks of it"),
    ]


def test_many_measures_are_held_against_more_than_one_is() -> None:
    base, run = [float(value) for value in range(7)], [float(value) + 4.5 for value in range(7)]
    alone = decide({"a": (base, run)}, IN_TURNS)["a"]
    noise = [float(value % 3) for value in range(7)]
    many = decide({"a": (base, run)} | {str(number): (noise, noise) for number in range(9)}, IN_TURNS)["a"]
    assert many.p_value == alone.p_value
    assert many.p_adjusted == pytest.approx(10 * alone.p_value)
    assert (alone.verdict, many.verdict) == (Change.REGRESSED, Change.INCONCLUSIVE)


def test_holm_is_as_in_the_book() -> None:
    adjusted = adjust({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


def test_many_blocks_are_averaged_with_their_neighbours() -> None:
    assert orient([1.0] * 40, "lower") == [0.0] * 10
    assert len(orient(draw(1, 13), "higher")) <= SAMPLES_MAX
    assert compare(draw(100, 40), draw(110, 40)).verdict is Change.REGRESSED


@pytest.mark.parametrize("case", [case for case in CASES if case.asked and case.measures == 1], ids=str)
def test_it_errs_as_rarely_as_it_says(case: Case) -> None:
    regressed = simulate(case, 200)[Change.REGRESSED] / 200
    assert regressed <= 0.015 if case.asked == NO_ALARM else regressed >= 0.8
