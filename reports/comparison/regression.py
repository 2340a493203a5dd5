"""Changes: the verdict on each measure, from the same blocks of both sides. Pure: numbers in, verdicts out.

Each block of the run is paired with the same block of the baseline: the same part of the plan, and in turns nearly the
same moment. A pair gives the logarithm of how much worse the run was; a latency is compared within each scenario, and
the pair's value is their mean, weighted by the answers. A regression is a change that is surely larger than the margin:
an exact signed-rank test of the pairs rejects "not worse by more than that". The margin is the threshold, or what the
machine may have drifted where that is more.

Only the primary measures can fail a comparison, and they are few: Holm's correction is for three, not for a dozen. Each
tells the change that it would have detected (`BlockTest.detectable`). The other measures are only reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, isfinite, log, log1p, sqrt

from reports.comparison.blocks import KINDS, RATE, Kind, Strata
from reports.comparison.comparison_result import BlockTest, Change, Design, MeasureChange
from reports.comparison.facts import Measured, Relative
from reports.comparison.plan_time import compare_plans
from reports.comparison.signed_rank import find_center, find_detectable, find_interval, find_p

TEST_NAME = "exact signed-rank test of the logarithms of the ratios, block by block"
PRIMARY = (RATE, "latency.won.p50", "latency.won.p95")
CONFIDENCE = 0.95
# How sure `same` must be. It never decides an exit code, so the measures are not corrected for each other.
ALPHA_SAME = 0.05
# More pairs than this are averaged with their neighbours: an even number, so that each turn's order comes as often.
PAIRS_MAX = 60
# A percentile of fewer answers than this is not compared.
COUNT_MIN = {"p50": 1, "p95": 5}
# A percentile of fewer answers than this is compared only with one of as many answers.
COUNT_FEW = 40


@dataclass(frozen=True)
class Rules:
    """`threshold`: a change that counts is larger; `allowance`: what the machine may have drifted (shares, 0.05: 5 %),
    and never less than `scatter` standard deviations of a block.

    `alpha`: how often, at most, a comparison in which nothing changed may call any primary measure changed.
    """

    threshold: float = 0.05
    allowance: float = 0.0
    scatter: float = 0.0
    alpha: float = 0.01


# The drift between two sessions is not known. Allowed are four times the 3 % of a quiet machine, or three times the
# scatter of the blocks: a busy machine drifts as much as it scatters.
# Two starts of one service differ by some percent, relative to the reference engine, too.
RULES = {
    Design.SESSIONS: Rules(allowance=0.12, scatter=3.0),
    Design.RELATIVE: Rules(allowance=0.08),
    Design.INTERLEAVED: Rules(),
}


@dataclass(frozen=True)
class Decision:
    """What was found about one measure. `effect` is the logarithm of how much worse it became, `margin` that of the
    change that does not count.
    """

    verdict: Change
    effect: float
    margin: float
    p_value: float
    p_adjusted: float
    alpha: float


def decide(samples: Mapping[str, Sequence[float]], rules: Rules) -> dict[str, Decision]:
    """The decision on each measure; `samples` are the logarithms of how much worse the run was, pair by pair.

    Measures that have too few pairs for any answer at all are left out; which ones depends on the counts alone.
    """
    tested = {name: samples[name] for name in choose_testable(samples, rules.alpha)}
    margins = {name: find_margin(pairs, rules) for name, pairs in tested.items()}
    p_values = {
        name: min(1.0, 2 * min(find_p(pairs, margins[name]), find_p(negate(pairs), margins[name])))
        for name, pairs in tested.items()
    }
    adjusted = adjust(p_values)
    found = {}
    for name, pairs in tested.items():
        effect, verdict = find_center(pairs), Change.INCONCLUSIVE
        if adjusted[name] <= rules.alpha:
            verdict = Change.REGRESSED if effect > 0 else Change.IMPROVED
        elif not rules.allowance and is_same(pairs, log1p(rules.threshold)):
            verdict = Change.SAME
        found[name] = Decision(
            verdict, effect, margins[name], p_values[name], adjusted[name], rules.alpha / 2 / len(tested)
        )
    return found


def find_margin(pairs: Sequence[float], rules: Rules) -> float:
    """How far the sides may be apart, in logarithms, without any change that counts."""
    center = sum(pairs) / len(pairs)
    # A difference of two blocks scatters by the root of two times as much as one.
    deviation = sqrt(sum((value - center) ** 2 for value in pairs) / max(1, len(pairs) - 1) / 2)
    return max(log1p(rules.threshold), log1p(rules.allowance), rules.scatter * deviation)


def choose_testable(samples: Mapping[str, Sequence[float]], alpha: float) -> list[str]:
    """The measures with enough pairs: their smallest possible p-value suffices, in a family of that size."""
    chosen = list(samples)
    while chosen:
        fit = [name for name in chosen if 2 * 0.5 ** len(samples[name]) <= alpha / len(chosen)]
        if fit == chosen:
            break
        chosen = fit
    return chosen


def adjust(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's correction: the chance of any false alarm among them is at most that of a single test."""
    adjusted, least = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[name] * (len(p_values) - rank)))
        adjusted[name] = least
    return adjusted


def is_same(pairs: Sequence[float], margin: float) -> bool:
    """Whether the change is surely smaller than the margin, either way."""
    return find_p(pairs, -margin) <= ALPHA_SAME and find_p(negate(pairs), -margin) <= ALPHA_SAME


def negate(pairs: Sequence[float]) -> list[float]:
    return [-value for value in pairs]


def compare_measures(baseline: Measured, run: Measured, rules: Rules) -> tuple[MeasureChange, ...]:
    """What each measure did. Unknown measures are left out; the primary ones come first."""
    kinds = list_kinds(baseline, run)
    samples = {name: [*match(name, kind, baseline, run).values()] for name, kind in kinds.items()}
    return judge_samples(baseline, run, kinds, samples, rules)


def compare_relative(baseline: Relative, run: Relative, rules: Rules) -> tuple[MeasureChange, ...]:
    """The same of two sessions: of each turn, how much more the service changed than the reference engine."""
    theirs, ours, before, after = baseline.service, run.service, baseline.reference, run.reference
    kinds = list_kinds(theirs, ours)
    samples = {}
    for name, kind in kinds.items():
        service, machine = match(name, kind, theirs, ours), match(name, kind, before, after)
        samples[name] = [worse - machine[turn] for turn, worse in service.items() if turn in machine]
    return judge_samples(theirs, ours, kinds, samples, rules)


def list_kinds(baseline: Measured, run: Measured) -> dict[str, Kind]:
    """The measures of either, the primary ones first."""
    known = unite(baseline.blocks, run.blocks)
    return {name: KINDS[name] for name in unite(PRIMARY, known) if name in known and name in KINDS}


def judge_samples(
    baseline: Measured,
    run: Measured,
    kinds: Mapping[str, Kind],
    matched: Mapping[str, Sequence[float]],
    rules: Rules,
) -> tuple[MeasureChange, ...]:
    """The verdict on each measure, from how much worse the run was in each block; first whether one of them was
    ended far behind the other.
    """
    samples = {name: average(values) for name, values in matched.items() if values}
    decisions: dict[str, Decision] = {}
    for is_primary in (True, False):
        decisions |= decide({name: each for name, each in samples.items() if (name in PRIMARY) is is_primary}, rules)
    changes = [
        make_change(
            name, kind, (baseline.blocks.get(name), run.blocks.get(name)), samples.get(name), decisions.get(name), rules
        )
        for name, kind in kinds.items()
    ]
    behind = compare_plans(baseline.plan, run.plan)
    return (*([behind] if behind is not None else ()), *changes)


def unite(first: Iterable[str], second: Iterable[str]) -> list[str]:
    """Every name once, in the order of the first."""
    return list(dict.fromkeys([*first, *second]))


def match(name: str, kind: Kind, baseline: Measured, run: Measured) -> dict[int, float]:
    """The logarithm of how much worse the run was, for each block that both have, by its number."""
    if name.startswith("latency.") and baseline.strata and run.strata:
        _, outcome, percentile = name.split(".")
        return match_strata(baseline.strata, run.strata, outcome, percentile)
    both = enumerate(zip(baseline.blocks.get(name, ()), run.blocks.get(name, ()), strict=False))
    sign = 1 if kind.better == "lower" else -1
    return {block: log(mine / theirs) * sign for block, (theirs, mine) in both if theirs > 0 and mine > 0}


def average(pairs: Sequence[float]) -> list[float]:
    """The pairs; if there are too many, the means of neighbours."""
    group = -(-len(pairs) // PAIRS_MAX)
    group += group % 2 if group > 1 else 0
    return [mean(pairs[start : start + group]) for start in range(0, len(pairs) - group + 1, group)]


def match_strata(baseline: Strata, run: Strata, outcome: str, percentile: str) -> dict[int, float]:
    """The same for a latency: each scenario is compared with itself, and weighs as much as it has answers."""
    if percentile not in COUNT_MIN:
        return {}
    sums: dict[int, list[tuple[float, float]]] = {}
    for scenario in baseline.keys() & run.keys():
        theirs, ours = baseline[scenario].get(outcome), run[scenario].get(outcome)
        if theirs is None or ours is None:
            continue
        columns = (theirs.count, ours.count, getattr(theirs, percentile), getattr(ours, percentile))
        for block, (many, more, before, after) in enumerate(zip(*columns, strict=False)):
            least = min(many or 0, more or 0)
            alike = many == more or least >= COUNT_FEW or percentile == "p50"
            if least >= COUNT_MIN[percentile] and alike and before and after:
                sums.setdefault(block, []).append((least, log(after / before)))
    return {
        block: sum(weight * value for weight, value in parts) / sum(weight for weight, _ in parts)
        for block, parts in sorted(sums.items())
    }


def is_usable(values: Sequence[float] | None) -> bool:
    return bool(values) and all(value > 0 for value in values or ())


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def make_change(
    name: str,
    kind: Kind,
    values: tuple[Sequence[float] | None, Sequence[float] | None],
    pairs: Sequence[float] | None,
    decision: Decision | None,
    rules: Rules,
) -> MeasureChange:
    """`ratio` is that of the pairs where there are any: of the same scenarios in the same blocks."""
    base, run = (find_level(side) for side in values)
    ratio = run / base if run and base else None
    if pairs:
        ratio = exp(find_center(pairs) if kind.better == "lower" else -find_center(pairs))
    if decision is None or pairs is None:
        verdict, test, reason = Change.INCONCLUSIVE, None, explain_untested(*values, pairs)
    else:
        verdict, test, reason = decision.verdict, make_test(kind, pairs, decision, rules), explain(decision, rules)
    return MeasureChange(
        name, kind.title, kind.unit, kind.better, base, run, ratio, verdict, reason, test, primary=name in PRIMARY
    )


def find_level(values: Sequence[float] | None) -> float | None:
    """The geometric mean of the blocks."""
    if values is None or not is_usable(values):
        return None
    return exp(mean([log(value) for value in values]))


def make_test(kind: Kind, pairs: Sequence[float], decision: Decision, rules: Rules) -> BlockTest:
    low, high = find_interval(pairs, CONFIDENCE)
    interval = (exp(low), exp(high)) if kind.better == "lower" else (exp(-high), exp(-low))
    seen = find_detectable(pairs, decision.margin, decision.alpha)
    return BlockTest(
        name=TEST_NAME,
        p_value=decision.p_value,
        p_adjusted=decision.p_adjusted,
        alpha=rules.alpha,
        interval=interval,
        confidence=CONFIDENCE,
        blocks=(len(pairs), len(pairs)),
        threshold=rules.threshold,
        allowance=expm1(decision.margin) if decision.margin > log1p(rules.threshold) else 0.0,
        detectable=express(seen, kind) if isfinite(seen) else None,
    )


def express(effect: float, kind: Kind) -> float:
    """A change for the worse as a share: what a latency gains, what a rate loses."""
    return expm1(effect) if kind.better == "lower" else -expm1(-effect)


def explain(decision: Decision, rules: Rules) -> str:
    """One sentence: why this verdict."""
    margin = describe_margin(decision, rules)
    if decision.verdict in (Change.REGRESSED, Change.IMPROVED):
        return f"surely more than {margin}"
    if decision.verdict is Change.SAME:
        return f"surely less than {rules.threshold:.0%} either way"
    if abs(decision.effect) > decision.margin:
        return f"not surely more than {margin}"
    return f"not more than {margin}, which is neither seen nor ruled out"


def describe_margin(decision: Decision, rules: Rules) -> str:
    """The margin in words."""
    share = expm1(decision.margin)
    if decision.margin <= log1p(rules.threshold):
        return f"{share:.0%}"
    return f"a drift by a factor of {1 + share:.1f}" if share >= 1 else f"the {share:.0%} that the machine may drift"


def explain_untested(
    baseline: Sequence[float] | None, run: Sequence[float] | None, pairs: Sequence[float] | None
) -> str:
    if not baseline or not run:
        return f"the {'run' if baseline else 'baseline'} has no blocks of it"
    if pairs:
        return f"too few blocks: {len(pairs)} {'is' if len(pairs) == 1 else 'are'} in both"
    if not is_usable(baseline) or not is_usable(run):
        return "a block has no value above 0"
    return "no scenario has enough of these answers in both"
