"""The findings: each in words, its minimal history, and the command that judges it again."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.comparison.facts import Facts
from reports.documents.page.races import view_for_check
from reports.documents.page.templates import Section, render
from reports.documents.page.text import clip
from reports.documents.summary import sentence
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

SHOWN_MAX = 5
TITLE_MAX = 150
REPEATING = {
    "race": "race, whether it fails depends on the timing",
    "logic": "logic, it fails one request after the other as well",
}
FIRST_MAX, OTHERS_MAX = 10_000, 3_000


@dataclass(frozen=True)
class ShownFinding:
    """A finding as it is shown: a short title, a story, and a table of its operations, plain text."""

    title: str
    story: Sequence[str]
    table: str
    operations: Sequence[str]
    command: str
    length_max: int


def list_findings(facts: Facts, judgement: Judgement) -> Section | None:
    worst_first = sorted(judgement.checks, key=lambda result: result.verdict is not Verdict.FAIL)
    found = [result for result in worst_first if result.findings]
    if not found and not facts.reproductions:
        return None
    checks = [(result, view_for_check(facts, result.check), show_findings(result)) for result in found]
    values = {"checks": checks, "reproductions": facts.reproductions, "repeating": REPEATING}
    return Section("findings", "What was found", render("findings", **values))


def show_findings(result: CheckResult) -> list[ShownFinding]:
    first, *others = result.findings[:SHOWN_MAX]
    return [show_finding(first, FIRST_MAX), *(show_finding(each, OTHERS_MAX) for each in others)]


def show_finding(finding: Finding, length_max: int) -> ShownFinding:
    """The words of a finding repeat its title in full; after the first empty line comes a table."""
    text, _, table = (finding.words or sentence(finding.title)).partition("\n\n")
    title = " ".join(finding.title[: 2 * TITLE_MAX].split())
    return ShownFinding(
        title=title if len(title) <= TITLE_MAX else f"{title[:TITLE_MAX]}...",
        story=clip(text, length_max).split("\n"),
        table=table,
        operations=[str(identity)[:80] for identity in finding.operations[:12]],
        command=finding.command,
        length_max=length_max,
    )
