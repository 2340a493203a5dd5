"""A comparison in words: failing checks first, then regressions, then the rest. Text only."""

from collections.abc import Iterable

from reports.comparison.comparison_result import BlockTest, Change, Comparison, Design, MeasureChange, Standing
from reports.judge.text.short_forms import show_time
from reports.judge.verdict import Verdict

CHECK_WORDS = {
    Standing.NEWLY_FAILING: "newly failing",
    Standing.STILL_FAILING: "still failing",
    Standing.UNDECIDED: "could not be decided in the run",
    Standing.LOST: "decided in the baseline, but not made in the run",
    Standing.FIXED: "fixed",
}
DESIGN_WORDS = {
    Design.SESSIONS: "in two sessions: the machine may have drifted between them, so only large changes mean anything",
    Design.RELATIVE: "in two sessions, each in turns with the reference engine: what slows the machine slows both",
    Design.INTERLEAVED: "in turns within one job on one machine",
}


def describe_result(comparison: Comparison) -> str:
    """One sentence: what decides the exit code, and nothing else."""
    checks = describe_checks(comparison)
    if comparison.run_verdict is Verdict.FAIL and checks:
        return "; ".join(checks[:2])
    if comparison.run_verdict is not Verdict.PASS:
        return "; ".join([f"the run's verdict is {comparison.run_verdict}", *checks[:1]])
    if comparison.baseline_verdict is Verdict.UNKNOWN:
        return "the baseline's verdict is unknown: it proves nothing to compare with"
    if comparison.having(Standing.LOST):
        return next(words for words in checks if words.startswith(CHECK_WORDS[Standing.LOST]))
    if comparison.regressions:
        return f"the checks pass, but regressed: {name_changes(comparison.regressions)}"
    fixed = [words for words in checks if words.startswith(CHECK_WORDS[Standing.FIXED])]
    return "; ".join([*fixed, "no check fails", *describe_measures(comparison)])


def name_changes(changes: Iterable[MeasureChange]) -> str:
    return ", ".join(f"{change.title} ({show_ratio(change)})" for change in changes)


def describe_measures(comparison: Comparison) -> list[str]:
    """If no primary measure regressed: what changed, and the smallest regression that would have been seen."""
    if not comparison.primaries:
        return [f"no measure could be compared: {explain_nothing(comparison)}"]
    known = [change for change in comparison.primaries if change.acknowledged is not None]
    better = [change for change in comparison.primaries if change.verdict is Change.IMPROVED]
    parts = [
        f"{word}: {name_changes(found)}" for word, found in (("acknowledged", known), ("improved", better)) if found
    ]
    return [*parts, f"no {'other ' if known else ''}regression", *describe_detectable(comparison)]


def describe_detectable(comparison: Comparison) -> list[str]:
    """The smallest regression that would have been seen, as the blocks of this comparison say."""
    tests = [(change.measure, change.test) for change in comparison.primaries if change.test is not None]
    seen = [f"{test.detectable:.0%} in {measure}" for measure, test in tests if test.detectable is not None]
    blind = [measure for measure, test in tests if test.detectable is None]
    parts = [f"at least {', '.join(seen)} would have been seen"] if seen else []
    return parts + ([f"no change of {', '.join(blind)} would have been seen"] if blind else [])


def explain_nothing(comparison: Comparison) -> str:
    """Why no primary measure could be compared."""
    primary = [change for change in comparison.measures if change.primary]
    if not primary:
        return "there are no races in both"
    return "; ".join(list(dict.fromkeys([*(change.reason for change in primary), *comparison.notes]))[:3])


def describe_checks(comparison: Comparison) -> list[str]:
    """The checks that changed: a sentence for each standing, failures first."""
    named = [(words, comparison.having(standing)) for standing, words in CHECK_WORDS.items()]
    return [f"{words}: {', '.join(names)}" for words, names in named if names]


def order_measures(measures: Iterable[MeasureChange]) -> list[MeasureChange]:
    """The primary ones first; of each sort what regressed, then what improved, then the order of the measures."""
    order = [Change.REGRESSED, Change.IMPROVED, Change.SAME, Change.INCONCLUSIVE]
    return sorted(measures, key=lambda change: (not change.primary, order.index(change.verdict)))


def describe_measure(change: MeasureChange) -> str:
    """Why its verdict is what it is; with the acknowledgement, where it has one."""
    reason = change.reason if change.primary else f"{change.reason} (reported only)"
    if change.acknowledged is None:
        return reason
    return f"acknowledged until {change.acknowledged.expires}: {change.acknowledged.reason}; {reason}"


def describe_test(test: BlockTest) -> str:
    """The test's numbers."""
    low, high = (f"{bound - 1:+.1%}" for bound in test.interval)
    numbers = f"p = {test.p_value:.2g}, {test.p_adjusted:.2g} after Holm's correction, held against {test.alpha:g}"
    seen = f"; {test.detectable:.0%} would have been seen" if test.detectable is not None else ""
    return f"{numbers}; {test.confidence:.0%} interval {low} to {high}; {test.blocks[0]} pairs of blocks{seen}"


def describe_method(comparison: Comparison) -> str:
    """What the primary measures share, in a few sentences; empty when none was tested."""
    tests = [change.test for change in comparison.primaries if change.test is not None]
    if not tests:
        return ""
    test = tests[0]
    margin = f"{test.threshold:.0%}" + (" and the drift that is allowed for" if any(t.allowance for t in tests) else "")
    family = f"{len(tests)} measures decide" if len(tests) > 1 else "one measure decides"
    return (
        f"{test.name.capitalize()}; {family}, corrected by Holm so that the chance of any false alarm is "
        f"{test.alpha:.0%} at most. A change that counts is surely more than {margin}. What would have been seen is "
        "what these blocks, drawn anew, show in 9 of 10 cases."
    )


def show_value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "ns":
        return show_time(value)
    return f"{value:,.1f} {unit}"


def show_ratio(change: MeasureChange) -> str:
    return "" if change.ratio is None else f"{change.ratio - 1:+.1%}"
