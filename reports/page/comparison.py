"""What changed against the baseline: the checks first, then each measure with its verdict and its evidence."""

from collections.abc import Mapping
from typing import Any

from reports.comparison import Change, CheckChange, Comparison, MeasureChange, Standing, find_comparison
from reports.page.parts import LABEL, Section, mark, mark_verdict, table
from reports.page.text import count, join, show, show_time
from reports.verdict import Judgement

TONES = {
    Change.REGRESSED: "fail",
    Change.IMPROVED: "pass",
    Change.SAME: "none",
    Change.INCONCLUSIVE: "unknown",
}
STANDINGS = {
    Standing.NEWLY_FAILING: "fail",
    Standing.STILL_FAILING: "fail",
    Standing.UNDECIDED: "unknown",
    Standing.LOST: "unknown",
    Standing.FIXED: "pass",
}


def summarize_comparison(facts: Mapping[str, Any]) -> str:
    """The card of the first screen."""
    try:
        comparison = find_comparison(facts)
    except ValueError as error:
        return card(f"<p>The comparison in run.json cannot be read: {show(error, 300)}</p>")
    if comparison is None:
        body = "<p>Not compared: no baseline was named.</p>"
    else:
        body = f"<ul>{''.join(f'<li>{line}</li>' for line in list_changes(comparison))}</ul>"
        body += f"<p>Baseline: {show(comparison.baseline, 200)} ({LABEL[comparison.baseline_verdict]})</p>"
    return card(body)


def card(body: str) -> str:
    return f'<section class="card" aria-label="Since the baseline"><h2>Since the baseline</h2>{body}</section>'


def list_changes(comparison: Comparison) -> list[str]:
    """What changed, worst first; one line says that nothing did."""
    checks = [
        f"{mark(tone, standing)}: {join([show(check, 60) for check in found])}"
        for standing, tone in STANDINGS.items()
        if (found := comparison.having(standing))
    ]
    measures = [
        f"{mark(TONES[change], change)}: {join([say_measure(each) for each in turned])}"
        for change in (Change.REGRESSED, Change.IMPROVED)
        if (turned := comparison.turning(change))
    ]
    doubtful = len(comparison.turning(Change.INCONCLUSIVE))
    open_ones = [f"{mark('unknown', Change.INCONCLUSIVE)}: {count(doubtful, 'measure')}"] if doubtful else []
    return [*checks, *measures, *open_ones] or [mark("pass", "nothing changed")]


def say_measure(measure: MeasureChange) -> str:
    by = "" if measure.ratio is None else f" {measure.ratio - 1:+.1%}"
    known = ", acknowledged" if measure.acknowledged else ""
    return f"{show(measure.title, 80)}{by}{known}"


def render_comparison(facts: Mapping[str, Any], _judgement: Judgement) -> Section | None:
    comparison = find_comparison(facts)
    if comparison is None:
        return None
    changed = [change for change in comparison.checks if change.standing is not Standing.SAME]
    parts = [
        table("Checks that changed", ("check", "baseline", "this run", ""), map(list_check, changed), captioned=True)
    ] * bool(changed)
    if comparison.measures:
        head = ("measure", "baseline", "this run", "change", "verdict", "evidence")
        parts.append(table("Measures", head, map(list_measure, comparison.measures), (1, 2, 3), captioned=True))
    notes = "".join(f"<li>{show(note)}</li>" for note in comparison.notes)
    parts += [f'<ul class="notes">{notes}</ul>'] * bool(notes)
    title = f"{show(comparison.baseline, 200)} against {show(comparison.run, 200)}, measured {said(comparison)}."
    return Section("comparison", "Against the baseline", "".join(parts), title)


def said(comparison: Comparison) -> str:
    return {"interleaved": "in turns, on one machine", "sessions": "in two sessions"}[comparison.design]


def list_check(change: CheckChange) -> tuple[str, ...]:
    standing = mark(STANDINGS.get(change.standing, "none"), change.standing)
    return show(change.check, 60), mark_verdict(change.baseline), mark_verdict(change.run), standing


def list_measure(measure: MeasureChange) -> tuple[str, ...]:
    by = "" if measure.ratio is None else f"{measure.ratio - 1:+.1%}"
    return (
        show(measure.title, 80),
        show_value(measure.baseline, measure.unit),
        show_value(measure.run, measure.unit),
        by,
        mark(TONES[measure.verdict], measure.verdict),
        f'<span class="words">{show(measure.reason, 400)}{show_test(measure)}{show_acknowledged(measure)}</span>',
    )


def show_value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return show_time(value) if unit == "ns" else f"{value:,.3g} {show(unit, 20)}"


def show_test(measure: MeasureChange) -> str:
    test = measure.test
    if test is None:
        return ""
    low, high = (f"{ratio - 1:+.1%}" for ratio in test.interval)
    numbers = (
        f"p {test.p_value:.2g}, adjusted {test.p_adjusted:.2g}, held against {test.alpha:g}; {test.confidence:.0%} "
        f"interval {low} to {high}; {test.blocks[0]} + {test.blocks[1]} blocks; threshold {test.threshold:.0%}"
    )
    return f"<small>{show(test.name, 120)}: {numbers}</small>"


def show_acknowledged(measure: MeasureChange) -> str:
    known = measure.acknowledged
    return (
        ""
        if known is None
        else f"<small>Acknowledged until {show(known.expires, 20)}: {show(known.reason, 300)}</small>"
    )
