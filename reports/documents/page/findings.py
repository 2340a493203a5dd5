"""The findings: each in words, its minimal history, and the command that judges it again."""

from reports.comparison.facts import Facts, Reproduction
from reports.documents.page.parts import Section, command, fold, mark_verdict
from reports.documents.page.races import draw_for_check
from reports.documents.page.text import show, show_lines
from reports.documents.summary import sentence
from reports.judge.text import count
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

SHOWN_MAX = 10
TITLE_MAX = 150
REPEATING = {
    "race": "race, whether it fails depends on the timing",
    "logic": "logic, it fails one request after the other as well",
}
FIRST_MAX, OTHERS_MAX = 10_000, 3_000


def render_findings(facts: Facts, judgement: Judgement) -> Section | None:
    worst_first = sorted(judgement.checks, key=lambda result: result.verdict is not Verdict.FAIL)
    bodies = [render_check(facts, result) for result in worst_first if result.findings]
    bodies += [render_reproduction(each) for each in facts.reproductions]
    return Section("findings", "What was found", "".join(bodies)) if bodies else None


def render_check(facts: Facts, result: CheckResult) -> str:
    """The first finding in full, with its picture; the others folded."""
    first, *others = result.findings[:SHOWN_MAX]
    total = f'<span class="total">{count(result.findings_total, "finding")}</span>'
    head = f"<h3>{mark_verdict(result.verdict)} {show(result.check, 60)} {total}</h3>"
    told = "".join(fold(shorten(each.title), render_finding(each, OTHERS_MAX)) for each in others)
    more = fold(f"{len(others)} more of {show(result.check, 60)}", told) if others else ""
    left = result.findings_total - 1 - len(others)
    rest = (
        f'<p class="note">{left:,} more are not shown here; run.json has up to twenty of each check.</p>'
        if left > 0
        else ""
    )
    picture = draw_for_check(facts, result.check)
    return f'<article class="finding">{head}{render_finding(first, FIRST_MAX, picture)}{more}{rest}</article>'


def render_reproduction(plan: Reproduction) -> str:
    """A plan that fails, made as small as it went, and how often it failed when it was run again."""
    branches = plan.branches
    told = (
        f"A plan of {count(sum(branches), 'operation')} in {count(len(branches), 'branch', 'branches')} was "
        f"reproduced in {plan.failed:,} of {count(plan.repeats, 'repeat')}: "
        f"{REPEATING.get(plan.kind, show(plan.kind))}."
    )
    again = f'<p class="again">Run the plan again {command(plan.command)}</p>'
    return f'<article class="finding"><h3>The smallest plan of {show(plan.name, 80)}</h3><p>{told}</p>{again}</article>'


def shorten(title: str) -> str:
    text = " ".join(title[: 2 * TITLE_MAX].split())
    return show(text if len(text) <= TITLE_MAX else f"{text[:TITLE_MAX]}...")


def render_finding(finding: Finding, length_max: int, picture: str = "") -> str:
    """Its words, which begin with the title, only more fully; after the first empty line comes a table."""
    text, _, plain = (finding.words or sentence(finding.title)).partition("\n\n")
    story = f"<p>{show_lines(text, length_max)}</p>"
    held = ", ".join(show(identity, 80) for identity in finding.operations[:12])
    title = f"Minimal history: {held}" if held else "Minimal history"
    history = fold(title, show_plain(plain, length_max)) if plain else ""
    again = f'<p class="again">Judge it again {command(finding.command)}</p>' if finding.command else ""
    return f"{story}{picture}{history}{again}"


def show_plain(text: str, length_max: int) -> str:
    return f'<pre role="region" tabindex="0" aria-label="Minimal history">{show(text, length_max)}</pre>'
