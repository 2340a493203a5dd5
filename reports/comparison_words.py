"""A comparison in words: the failing checks first, then what fell back, then the rest. Text only."""

from collections.abc import Iterable

from reports.comparison import BlockTest, Change, Comparison, Design, MeasureChange, Standing
from reports.measures import show_time
from reports.verdict import Verdict

CHECK_WORDS = {
    Standing.NEWLY_FAILING: "newly failing",
    Standing.STILL_FAILING: "still failing",
    Standing.UNDECIDED: "could not be decided in the run",
    Standing.LOST: "decided in the baseline, but not made in the run",
    Standing.FIXED: "fixed",
}
DESIGN_WORDS = {
    Design.SESSIONS: "in two sessions: the machine may have drifted between them, so only large changes mean anything",
    Design.INTERLEAVED: "in turns within one job on one machine",
}


def say_result(comparison: Comparison) -> str:
    """One sentence: what decides the exit code, and nothing else."""
    checks = say_checks(comparison)
    if comparison.run_verdict is Verdict.FAIL and checks:
        return "; ".join(checks[:2])
    if comparison.run_verdict is not Verdict.PASS:
        return "; ".join([f"the run's verdict is {comparison.run_verdict}", *checks[:1]])
    if comparison.baseline_verdict is Verdict.UNKNOWN:
        return "the baseline's verdict is unknown: it proves nothing to compare with"
    if comparison.having(Standing.LOST):
        return next(words for words in checks if words.startswith(CHECK_WORDS[Standing.LOST]))
    if comparison.regressions:
        names = ", ".join(f"{change.title} ({show_ratio(change)})" for change in comparison.regressions)
        return f"the checks pass, but regressed: {names}"
    fixed = [words for words in checks if words.startswith(CHECK_WORDS[Standing.FIXED])]
    return "; ".join([*fixed, "no check fails", count_measures(comparison)])


def say_checks(comparison: Comparison) -> list[str]:
    """What became of the checks, a sentence for each standing that any has, the most pressing first."""
    named = [(words, comparison.having(standing)) for standing, words in CHECK_WORDS.items()]
    return [f"{words}: {', '.join(names)}" for words, names in named if names]


def count_measures(comparison: Comparison) -> str:
    """No measure regressed, or how many of which."""
    if not comparison.measures:
        return "there are no measures to compare"
    parts = [f"{len(found)} {change}" for change in Change if (found := comparison.turning(change))]
    known = sum(change.acknowledged is not None for change in comparison.measures)
    return f"of {len(comparison.measures)} measures: {', '.join(parts)}" + (f" ({known} acknowledged)" if known else "")


def order_measures(measures: Iterable[MeasureChange]) -> list[MeasureChange]:
    """What regressed first, then what improved; in the order of the measures otherwise."""
    order = [Change.REGRESSED, Change.IMPROVED, Change.SAME, Change.INCONCLUSIVE]
    return sorted(measures, key=lambda change: order.index(change.verdict))


def say_measure(change: MeasureChange) -> str:
    """Why its verdict is what it is; with the acknowledgement, where it has one."""
    if change.acknowledged is None:
        return change.reason
    return f"acknowledged until {change.acknowledged.expires}: {change.acknowledged.reason}; {change.reason}"


def say_test(test: BlockTest) -> str:
    """The test's numbers."""
    low, high = (f"{bound - 1:+.1%}" for bound in test.interval)
    numbers = f"p = {test.p_value:.2g}, {test.p_adjusted:.2g} after Holm's correction, held against {test.alpha:g}"
    return f"{numbers}; {test.confidence:.0%} interval {low} to {high}; {test.blocks[0]} and {test.blocks[1]} blocks"


def say_method(comparison: Comparison) -> str:
    """One sentence on the test that all measures share; empty when none was tested."""
    tests = [change.test for change in comparison.measures if change.test is not None]
    if not tests:
        return ""
    test = tests[0]
    family = f"{len(tests)} measures were tested together" if len(tests) > 1 else "one measure was tested"
    return (
        f"{test.name.capitalize()}; {family}, corrected by Holm so that the chance of any false alarm is "
        f"{test.alpha:.0%} at most. A change that counts is {test.threshold:.0%} at least, on top of any drift."
    )


def show_value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "ns":
        return show_time(round(value))
    return f"{value:,.1f} {unit}"


def show_ratio(change: MeasureChange) -> str:
    return "" if change.ratio is None else f"{change.ratio - 1:+.1%}"
