"""What a measure did, decided from its blocks on both sides. Pure: numbers in, verdicts out.

A regression needs size and evidence. Size: the geometric means differ by at least `threshold`. Evidence: an exact
permutation test over the blocks' logarithms rejects "they differ by no more than the machine may have drifted", after
Holm's correction for all measures that were tested together. Between sessions the drift is the stated one or, where
the blocks scatter more than that, a multiple of their scatter: what moves a block may move a whole session. `same` is
a finding too: two one-sided tests say that the change is smaller than the threshold. All else is inconclusive.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, log, log1p, sqrt

from reports.blocks import Kind, describe_measure
from reports.comparison import BlockTest, Change, Design, MeasureChange
from reports.permutation import SAMPLES_MAX, find_floor, find_interval, find_p, find_p_below

TEST_NAME = "exact two-sided permutation test of the logarithms of the blocks"
CONFIDENCE = 0.95
# How sure `same` must be. It blocks nobody, so the measures are not corrected for each other.
ALPHA_SAME = 0.05


@dataclass(frozen=True)
class Rules:
    """`threshold`: the least change that counts; `allowance`: what the machine may have drifted (shares, 0.05: 5 %),
    and never less than `scatter` standard deviations of a block.

    `alpha`: how often, at most, a comparison in which nothing changed may call any measure changed.
    """

    threshold: float = 0.05
    allowance: float = 0.0
    scatter: float = 0.0
    alpha: float = 0.01


# Between two sessions the drift is not known. Four times the 3 % that a quiet machine of its own has; and three times
# what its blocks scatter by, because a machine that is not quiet drifts as it scatters.
RULES = {Design.SESSIONS: Rules(allowance=0.12, scatter=3.0), Design.INTERLEAVED: Rules()}


@dataclass(frozen=True)
class Decision:
    """What was found about one measure. `effect` is the logarithm of how much worse it became, `drift` that of the
    allowance.
    """

    verdict: Change
    effect: float
    drift: float
    p_value: float
    p_adjusted: float


Blocks = tuple[Sequence[float], Sequence[float]]


def orient(values: Sequence[float], better: str) -> list[float]:
    """The logarithms, turned so that more is worse. Neighbours are averaged where there are too many of them."""
    logs = [log(value) if better == "lower" else -log(value) for value in values]
    group = -(-len(logs) // SAMPLES_MAX)
    parts = [logs[start : start + group] for start in range(0, len(logs), group)]
    return [sum(part) / len(part) for part in parts]


def decide(samples: Mapping[str, Blocks], rules: Rules) -> dict[str, Decision]:
    """The decision on each measure; `samples` are oriented logarithms of the baseline and of the run.

    Measures that have too few blocks for any answer at all are left out; which ones depends on the counts alone.
    """
    tested = {name: samples[name] for name in choose_testable(samples, rules.alpha)}
    drifts = {name: allow_drift(blocks, rules) for name, blocks in tested.items()}
    p_values = {
        name: min(1.0, 2 * min(find_p(base, run, drifts[name]), find_p_below(base, run, drifts[name])))
        for name, (base, run) in tested.items()
    }
    adjusted = adjust(p_values)
    found = {}
    for name, (base, run) in tested.items():
        effect = mean(run) - mean(base)
        verdict = Change.INCONCLUSIVE
        if adjusted[name] <= rules.alpha and abs(effect) >= log1p(rules.threshold):
            verdict = Change.REGRESSED if effect > 0 else Change.IMPROVED
        elif is_same(base, run, log1p(rules.threshold) - drifts[name]):
            verdict = Change.SAME
        found[name] = Decision(verdict, effect, drifts[name], p_values[name], adjusted[name])
    return found


def allow_drift(blocks: Blocks, rules: Rules) -> float:
    """How far the sides may be apart, in logarithms, without anything having changed."""
    squares = [(value - mean(side)) ** 2 for side in blocks for value in side]
    deviation = sqrt(sum(squares) / max(1, len(squares) - 2))
    return max(log1p(rules.allowance), rules.scatter * deviation)


def choose_testable(samples: Mapping[str, Blocks], alpha: float) -> list[str]:
    """The measures whose smallest possible p-value would do, in a family of so many."""
    chosen = list(samples)
    while chosen:
        fit = [name for name in chosen if find_floor(*map(len, samples[name])) <= alpha / len(chosen)]
        if fit == chosen:
            break
        chosen = fit
    return chosen


def adjust(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's correction: the chance that any of them is a false alarm stays below what one alone would have."""
    adjusted, least = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[name] * (len(p_values) - rank)))
        adjusted[name] = least
    return adjusted


def is_same(base: Sequence[float], run: Sequence[float], margin: float) -> bool:
    """Whether the change is surely smaller than the margin, either way."""
    return margin > 0 and find_p(base, run, -margin) <= ALPHA_SAME and find_p_below(base, run, -margin) <= ALPHA_SAME


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def compare_measures(
    baseline: Mapping[str, Sequence[float]], run: Mapping[str, Sequence[float]], rules: Rules
) -> tuple[MeasureChange, ...]:
    """What each measure did; both sides give measure -> its value in each block. Unknown measures are left out."""
    kinds = {name: kind for name in unite(baseline, run) if (kind := describe_measure(name)) is not None}
    samples = {
        name: (orient(baseline[name], kind.better), orient(run[name], kind.better))
        for name, kind in kinds.items()
        if is_usable(baseline.get(name)) and is_usable(run.get(name))
    }
    decisions = decide(samples, rules)
    return tuple(
        make_change(name, kind, baseline.get(name), run.get(name), samples.get(name), decisions.get(name), rules)
        for name, kind in kinds.items()
    )


def unite(first: Iterable[str], second: Iterable[str]) -> list[str]:
    """Every name once, in the order of the first."""
    return list(dict.fromkeys([*first, *second]))


def is_usable(values: Sequence[float] | None) -> bool:
    return bool(values) and all(value > 0 for value in values or ())


def make_change(
    name: str,
    kind: Kind,
    baseline: Sequence[float] | None,
    run: Sequence[float] | None,
    samples: Blocks | None,
    decision: Decision | None,
    rules: Rules,
) -> MeasureChange:
    base_value, run_value = find_level(baseline), find_level(run)
    ratio = run_value / base_value if run_value and base_value else None
    if decision is None or samples is None:
        reason = explain_untested(baseline, run, samples)
        verdict, test = Change.INCONCLUSIVE, None
    else:
        test = make_test(kind, samples, decision, rules)
        verdict, reason = decision.verdict, explain(decision, rules)
    return MeasureChange(name, kind.title, kind.unit, kind.better, base_value, run_value, ratio, verdict, reason, test)


def find_level(values: Sequence[float] | None) -> float | None:
    """The geometric mean of the blocks."""
    if values is None or not is_usable(values):
        return None
    return exp(mean([log(value) for value in values]))


def make_test(kind: Kind, samples: Blocks, decision: Decision, rules: Rules) -> BlockTest:
    low, high = find_interval(*samples, CONFIDENCE)
    interval = (exp(low), exp(high)) if kind.better == "lower" else (exp(-high), exp(-low))
    return BlockTest(
        name=TEST_NAME,
        p_value=decision.p_value,
        p_adjusted=decision.p_adjusted,
        alpha=rules.alpha,
        interval=interval,
        confidence=CONFIDENCE,
        blocks=(len(samples[0]), len(samples[1])),
        threshold=rules.threshold,
        allowance=expm1(decision.drift),
    )


def explain(decision: Decision, rules: Rules) -> str:
    """One sentence: why this verdict."""
    drift = say_drift(expm1(decision.drift))
    if decision.verdict in (Change.REGRESSED, Change.IMPROVED):
        return f"at least {rules.threshold:.0%}, and beyond noise{drift and f' and {drift}'}"
    if decision.verdict is Change.SAME:
        return f"surely less than {rules.threshold:.0%} either way"
    if abs(decision.effect) >= log1p(rules.threshold):
        return f"could be noise{drift and f', or {drift}'}"
    if decision.p_adjusted <= rules.alpha:
        return f"beyond noise, but less than the {rules.threshold:.0%} that counts"
    return f"{rules.threshold:.0%} is neither seen nor ruled out"


def say_drift(allowance: float) -> str:
    """The allowance in words; empty where there is none."""
    if allowance >= 1:
        return f"a drift by a factor of {1 + allowance:.1f}"
    return f"{allowance:.0%} of drift" if allowance else ""


def explain_untested(baseline: Sequence[float] | None, run: Sequence[float] | None, samples: Blocks | None) -> str:
    if not baseline or not run:
        return f"the {'run' if baseline else 'baseline'} has no blocks of it"
    if samples is None:
        return "a block has no value above 0"
    return f"too few blocks: {len(samples[0])} in the baseline and {len(samples[1])} in the run"
