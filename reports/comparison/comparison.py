"""A run against its baseline: every check of both, and every measure, made into one comparison. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from reports.comparison.acknowledged import acknowledge
from reports.comparison.blocks import take_blocks
from reports.comparison.comparable_conditions import find_differences
from reports.comparison.comparison_result import (
    Acknowledgement,
    Change,
    CheckChange,
    Comparison,
    Design,
    MeasureChange,
    Standing,
)
from reports.comparison.facts import Facts
from reports.comparison.regression import RULES, Rules, compare_measures, compare_relative, unite
from reports.judge.verdict import CheckResult, Judgement, Verdict


@dataclass(frozen=True)
class Side:
    """A run that is compared: what the user calls it, what is known of it, and its judgement."""

    name: str
    facts: Facts
    judgement: Judgement


@dataclass(frozen=True)
class Terms:
    """How two runs are compared. `rules` are those of the design unless they are given."""

    design: Design = Design.SESSIONS
    rules: Rules | None = None
    acknowledged: Sequence[Acknowledgement] = ()
    today: date = field(default_factory=lambda: datetime.now(UTC).date())


def compare(baseline: Side, run: Side, terms: Terms) -> Comparison:
    """What changed from the baseline to the run."""
    rules = terms.rules or RULES[terms.design]
    before, after = baseline.facts.measures.relative, run.facts.measures.relative
    if terms.design is Design.RELATIVE and before is not None and after is not None:
        measures = compare_relative(before, after, rules)
    else:
        measures = compare_measures(take_blocks(baseline.facts), take_blocks(run.facts), rules)
    differences = find_differences(baseline.facts, run.facts)
    if differences:
        measures = tuple(set_aside(change) for change in measures)
    measures, expired = acknowledge(measures, terms.acknowledged, terms.today)
    return Comparison(
        baseline=baseline.name,
        baseline_verdict=baseline.judgement.verdict,
        run=run.name,
        run_verdict=run.judgement.verdict,
        design=terms.design,
        checks=compare_checks(baseline.judgement.checks, run.judgement.checks),
        measures=measures,
        notes=(*differences, *note_target(baseline.facts, run.facts), *expired),
    )


def set_aside(change: MeasureChange) -> MeasureChange:
    """The change without a verdict: the two runs measured it under different conditions."""
    return replace(change, verdict=Change.INCONCLUSIVE, reason="taken under other conditions: see the notes", test=None)


def note_target(baseline: Facts, run: Facts) -> list[str]:
    theirs, ours = baseline.target, run.target
    return [] if theirs == ours else [f"different target: {theirs} in the baseline, {ours} in the run"]


def compare_checks(baseline: Iterable[CheckResult], run: Iterable[CheckResult]) -> tuple[CheckChange, ...]:
    """Every check of either run; failures first, else in the order of the checks."""
    theirs = {result.check: result.verdict for result in baseline}
    ours = {result.check: result.verdict for result in run}
    changes = [
        CheckChange(check, theirs.get(check), ours.get(check), find_standing(theirs.get(check), ours.get(check)))
        for check in unite(theirs, ours)
    ]
    order = list(Standing)
    return tuple(sorted(changes, key=lambda change: order.index(change.standing)))


def find_standing(baseline: Verdict | None, run: Verdict | None) -> Standing:
    if run is Verdict.FAIL:
        return Standing.STILL_FAILING if baseline is Verdict.FAIL else Standing.NEWLY_FAILING
    if run is Verdict.UNKNOWN:
        return Standing.UNDECIDED
    if run is None:
        return Standing.SAME if baseline is None else Standing.LOST
    return Standing.FIXED if baseline is Verdict.FAIL else Standing.SAME
