"""What changed against the baseline: the checks first, then each measure with its verdict and its evidence."""

from reports.comparison.comparison import Change, CheckChange, Comparison, MeasureChange, Standing
from reports.comparison.description import (
    CHECK_WORDS,
    DESIGN_WORDS,
    describe_measure,
    describe_method,
    describe_result,
    describe_test,
    order_measures,
    show_ratio,
    show_value,
)
from reports.comparison.facts import Facts
from reports.documents.page.parts import LABEL, Section, mark, mark_verdict, table
from reports.documents.page.text import show
from reports.documents.summary import sentence
from reports.judge.text import capital, count, join
from reports.judge.verdict import Judgement

TONES = {Change.REGRESSED: "fail", Change.IMPROVED: "pass", Change.SAME: "none", Change.INCONCLUSIVE: "unknown"}
STANDINGS = {
    Standing.NEWLY_FAILING: "fail",
    Standing.STILL_FAILING: "fail",
    Standing.UNDECIDED: "unknown",
    Standing.LOST: "unknown",
    Standing.FIXED: "pass",
}


def summarize_comparison(facts: Facts) -> str:
    """The card of the first screen."""
    comparison = facts.comparison
    if comparison is None:
        return card("<p>Not compared: no baseline was named (<code>--baseline RUN</code>).</p>")
    lines = "".join(f"<li>{line}</li>" for line in list_changes(comparison))
    named = f"Baseline: {show(comparison.baseline, 200)} ({LABEL[comparison.baseline_verdict]})"
    return card(f'<ul>{lines}</ul><p><a href="#comparison">{named}</a></p>')


def card(body: str) -> str:
    return f'<section class="card" aria-label="Since the baseline"><h2>Since the baseline</h2>{body}</section>'


def list_changes(comparison: Comparison) -> list[str]:
    """What changed, worst first; one line says that nothing did."""
    checks = [
        f"{mark(tone, CHECK_WORDS[standing])}: {join([show(check, 60) for check in found])}"
        for standing, tone in STANDINGS.items()
        if (found := comparison.having(standing))
    ]
    measures = [
        f"{mark(TONES[change], change)}: {join([name_measure(each) for each in turned])}"
        for change in (Change.REGRESSED, Change.IMPROVED)
        if (turned := comparison.turning(change))
    ]
    doubtful = len(comparison.turning(Change.INCONCLUSIVE))
    open_ones = [f"{mark('unknown', Change.INCONCLUSIVE)}: {count(doubtful, 'measure')}"] if doubtful else []
    return [*checks, *measures, *open_ones] or [mark("pass", "nothing changed")]


def name_measure(measure: MeasureChange) -> str:
    known = ", acknowledged" if measure.acknowledged else ""
    return f"{show(measure.title, 80)} {show_ratio(measure)}{known}"


def render_comparison(facts: Facts, _judgement: Judgement) -> Section | None:
    comparison = facts.comparison
    if comparison is None:
        return None
    parts = [f"<p>{show(capital(sentence(describe_result(comparison))), 600)}</p>"]
    changed = [change for change in comparison.checks if change.standing is not Standing.SAME]
    if changed:
        parts.append(table("Checks that changed", ("check", "baseline", "this run", ""), map(list_check, changed)))
    if comparison.measures:
        head = ("measure", "baseline", "this run", "change", "verdict", "evidence")
        parts.append(table("Measures", head, map(list_measure, order_measures(comparison.measures)), (1, 2, 3)))
    notes = [note for note in (describe_method(comparison), *map(sentence, comparison.notes)) if note]
    parts += [f'<ul class="notes">{"".join(f"<li>{show(note)}</li>" for note in notes)}</ul>'] * bool(notes)
    how = f"{show(comparison.baseline, 200)} against {show(comparison.run, 200)}, {DESIGN_WORDS[comparison.design]}."
    return Section("comparison", "Against the baseline", "".join(parts), how)


def list_check(change: CheckChange) -> tuple[str, ...]:
    standing = mark(STANDINGS.get(change.standing, "none"), CHECK_WORDS.get(change.standing, change.standing))
    return show(change.check, 60), mark_verdict(change.baseline), mark_verdict(change.run), standing


def list_measure(measure: MeasureChange) -> tuple[str, ...]:
    numbers = f"<small>{show(describe_test(measure.test))}</small>" if measure.test is not None else ""
    return (
        show(measure.title, 80),
        show(show_value(measure.baseline, measure.unit)),
        show(show_value(measure.run, measure.unit)),
        show_ratio(measure),
        mark(TONES[measure.verdict], measure.verdict),
        f'<span class="words">{show(describe_measure(measure), 600)}{numbers}</span>',
    )
