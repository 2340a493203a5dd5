"""The first screen: the verdict, what broke, what changed since the baseline, and the commands to see it again."""

from markupsafe import Markup

from reports.comparison.facts import Facts
from reports.documents.page.comparison import list_news
from reports.documents.page.templates import render
from reports.documents.summary import headline
from reports.judge.levels.unfinished_levels import describe_partial
from reports.judge.verdict import Finding, Judgement, Verdict

COUNTS = ("races", "operations", "workflows")


def render_glance(facts: Facts, judgement: Judgement) -> Markup:
    finding = find_first(judgement)
    # The first finding says more than the names of checks, which are in the headline already.
    failed = finding is not None and judgement.verdict is Verdict.FAIL
    return render(
        "glance",
        facts=facts,
        judgement=judgement,
        headline=headline(facts, judgement),
        failed=[result.check for result in judgement.checks if result.verdict is Verdict.FAIL],
        partial=describe_partial(facts.levels),
        reason=finding.title if finding is not None and failed else judgement.reason,
        counts=choose_counts(judgement),
        news=list_news(facts.comparison),
        command=finding.command if finding is not None and judgement.verdict is not Verdict.PASS else "",
    )


def find_first(judgement: Judgement) -> Finding | None:
    """The finding to begin with: of a failed check, if there is one."""
    results = [result for result in judgement.checks if result.verdict is judgement.verdict]
    return next((finding for result in results for finding in result.findings), None)


def choose_counts(judgement: Judgement) -> list[tuple[str, int]]:
    counts = judgement.counts
    shown = [name for name in COUNTS if name in counts] or list(counts)
    shown += ["unknown"] * bool(counts.get("unknown"))
    return [(name, counts[name]) for name in shown]
