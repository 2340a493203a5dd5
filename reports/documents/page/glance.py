"""The first screen: whether it is safe, what broke, what changed since the baseline, and how to see it again."""

from reports.comparison.facts import Facts
from reports.documents.page.comparison import summarize_comparison
from reports.documents.page.parts import LABEL, SIGN, command, name_tone
from reports.documents.page.text import show
from reports.documents.summary import headline, sentence
from reports.judge.amounts import say_partial
from reports.judge.text import capital, join
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

COUNTS = ("races", "operations", "workflows")


def render_glance(facts: Facts, judgement: Judgement) -> str:
    tone = name_tone(judgement.verdict)
    chips = "".join(map(render_chip, judgement.checks))
    checks = f'<ul class="chips" aria-label="Checks">{chips}</ul>' if chips else ""
    cards = (summarize_comparison(facts) if judgement.checks else "") + render_again(facts, judgement)
    return (
        f'<header>{render_brand(facts)}<div class="verdict {tone}">'
        f'<p class="word" aria-hidden="true"><span class="sign">{SIGN[tone]}</span>{LABEL[judgement.verdict]}</p>'
        f'<div><h1 id="verdict"><span class="quiet">{LABEL[judgement.verdict]}: </span>'
        f"{render_headline(facts, judgement)}</h1>"
        f"{render_reason(judgement)}{render_counts(judgement)}</div></div>"
        f'<div class="cards">{cards}</div>{checks}</header>'
    )


def render_brand(facts: Facts) -> str:
    told = [facts.name, facts.profile, (facts.started_at or "").replace("T", " ").rstrip("Z")]
    parts = " · ".join(show(part, 80) for part in told if part)
    zone = " UTC" if facts.started_at else ""
    return (
        f'<div class="brand"><p><strong>onewinner</strong> {parts}{zone}</p>'
        '<button id="theme" type="button" hidden>Theme: auto</button></div>'
    )


def render_headline(facts: Facts, judgement: Judgement) -> str:
    failed = [show(result.check) for result in judgement.checks if result.verdict is Verdict.FAIL]
    told = headline(facts, judgement)
    told = f"{told}: {join(failed)} failed" if failed else told
    partial = show(say_partial(facts.levels), 600)
    return f"{told} ({partial})" if partial else told


def render_reason(judgement: Judgement) -> str:
    """The first finding says more than the names of checks, which are in the headline already."""
    finding = find_first(judgement)
    reason = finding.title if finding and judgement.verdict is Verdict.FAIL else judgement.reason
    return f'<p class="lede">{show(capital(sentence(reason)), 600)}</p>'


def find_first(judgement: Judgement) -> Finding | None:
    """The finding to begin with: of a failed check, if there is one."""
    results = [result for result in judgement.checks if result.verdict is judgement.verdict]
    return next((finding for result in results for finding in result.findings), None)


def render_counts(judgement: Judgement) -> str:
    counts = judgement.counts
    shown = [name for name in COUNTS if name in counts] or list(counts)
    shown += ["unknown"] * bool(counts.get("unknown"))
    parts = [f"<b>{counts[name]:,}</b> {show(name, 60)}" for name in shown]
    return f'<p class="counts">{" · ".join(parts)}</p>' if parts else ""


def render_again(facts: Facts, judgement: Judgement) -> str:
    finding = find_first(judgement)
    lines = ""
    if finding is not None and finding.command and judgement.verdict is not Verdict.PASS:
        lines += f"<p>Judge the first finding again</p>{command(finding.command)}"
    if facts.command:
        lines += f"<p>The same run again</p>{command(facts.command)}"
    lines = lines or "<p>No command was recorded.</p>"
    return f'<section class="card" aria-label="See it again"><h2>See it again</h2>{lines}</section>'


def render_chip(result: CheckResult) -> str:
    tone = name_tone(result.verdict)
    number = f" {result.findings_total:,}" if result.findings_total and tone != "pass" else ""
    text = f'<span aria-hidden="true">{SIGN[tone]}</span> {show(result.check, 60)}{number}'
    heard = f'<span class="quiet">: {LABEL[result.verdict]}</span>'
    return f'<li class="{tone}"><a href="#checks">{text}{heard}</a></li>'
