"""What changed against the baseline: the checks first, then each measure with its verdict and its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.comparison.comparison_result import Change, Comparison, Standing
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
from reports.documents.page.templates import Section, render
from reports.judge.text.short_forms import count
from reports.judge.verdict import Judgement

TONES = {Change.REGRESSED: "fail", Change.IMPROVED: "pass", Change.SAME: "none", Change.INCONCLUSIVE: "unknown"}
STANDINGS = {
    Standing.NEWLY_FAILING: "fail",
    Standing.STILL_FAILING: "fail",
    Standing.UNDECIDED: "unknown",
    Standing.LOST: "unknown",
    Standing.FIXED: "pass",
    Standing.SAME: "none",
}


@dataclass(frozen=True)
class News:
    """A line of the card on the first screen: what became of these checks or measures."""

    tone: str
    word: str
    names: Sequence[str] = ()


def list_news(comparison: Comparison | None) -> list[News]:
    """What changed, worst first; one line says that nothing did."""
    if comparison is None:
        return []
    checks = [News(STANDINGS[each], words, comparison.having(each)) for each, words in CHECK_WORDS.items()]
    measures = []
    for change in (Change.REGRESSED, Change.IMPROVED):
        turned = [
            f"{each.title} {show_ratio(each)}{', acknowledged' if each.acknowledged else ''}"
            for each in comparison.turning(change)
        ]
        measures.append(News(TONES[change], change, turned))
    doubtful = len(comparison.turning(Change.INCONCLUSIVE))
    measures.append(News("unknown", Change.INCONCLUSIVE, [count(doubtful, "measure")] if doubtful else []))
    return [each for each in (*checks, *measures) if each.names] or [News("pass", "nothing changed")]


def list_changes(facts: Facts, _judgement: Judgement) -> Section | None:
    comparison = facts.comparison
    if comparison is None:
        return None
    values = {
        "result": describe_result(comparison),
        "checks": [change for change in comparison.checks if change.standing is not Standing.SAME],
        "measures": order_measures(comparison.measures),
        "notes": [note for note in (describe_method(comparison), *comparison.notes) if note],
        "tones": TONES,
        "standings": STANDINGS,
        "words": CHECK_WORDS,
        "describe_measure": describe_measure,
        "describe_test": describe_test,
        "show_ratio": show_ratio,
        "show_value": show_value,
    }
    how = f"{comparison.baseline[:200]} against {comparison.run[:200]}, {DESIGN_WORDS[comparison.design]}."
    return Section("comparison", "Against the baseline", render("comparison", **values), how)
