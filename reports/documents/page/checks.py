"""Every check: its verdict, how much it judged, and what else is to be known of it."""

from reports.comparison.facts import Facts
from reports.documents.page.parts import Section, mark_verdict, table
from reports.documents.page.text import show
from reports.judge.verdict import CheckResult, Judgement


def render_checks(_facts: Facts, judgement: Judgement) -> Section | None:
    if not judgement.checks:
        return None
    head = ("check", "verdict", "judged", "findings", "")
    return Section("checks", "Checks", table("Checks", head, map(list_cells, judgement.checks), (2, 3)))


def list_cells(result: CheckResult) -> tuple[str, ...]:
    applies = result.verdict is not None
    judged = f"{result.judged:,} {show(result.unit, 60)}" if applies else ""
    found = f"{result.findings_total:,}" if result.findings_total else ""
    reason = f'<span class="words">{show(result.reason, 400)}</span>'
    return show(result.check, 60), mark_verdict(result.verdict), judged, found, reason
