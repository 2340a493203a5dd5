"""Pairings: which of them ran in all schedules, and which schedules violate."""

from reports.comparison.facts import Facts, Pairing, ViolatingSchedule
from reports.documents.page.parts import Section, command, fold, mark, table
from reports.documents.page.text import show
from reports.documents.pairings import describe_pairing, describe_pairings, is_proven
from reports.judge.verdict import Judgement

TRACE_MAX = 10_000
HEAD = ("kind of pairing", "pairings", "schedules", "shown", "seen on the way")


def render_pairings(facts: Facts, _judgement: Judgement) -> Section | None:
    """The smallest schedule that violates first; then a table for each level."""
    if not facts.pairings:
        return None
    found = facts.schedules
    body = "".join(render_schedule(each) for each in found[:1])
    others = "".join(fold(show(each.kind, 120), render_schedule(each)) for each in found[1:])
    body += fold(f"The smallest schedule of {len(found) - 1} more kinds of pairings", others) if others else ""
    for level in dict.fromkeys(each.level for each in facts.pairings):
        rows = [list_cells(each) for each in facts.pairings if each.level == level]
        body += table(level, HEAD, rows, (1, 2), captioned=True)
    return Section("pairings", "Every schedule", body, show("; ".join(describe_pairings(facts.pairings)), 400))


def render_schedule(found: ViolatingSchedule) -> str:
    """Its statements in columns, one for each request; one sentence; the command."""
    (check, title), *_ = found.checks.items()
    told = f"<p>{show(found.sentence, 1_000)}</p>" if found.sentence else ""
    trace = f'<pre role="region" tabindex="0" aria-label="The schedule">{show(found.trace, TRACE_MAX)}</pre>'
    again = f'<p class="again">Run this schedule again {command(found.command)}</p>'
    head = f"<h3>{mark('fail', check)} {show(found.kind, 120)}</h3>"
    return f'<article class="finding">{head}<p>{show(title, 1_000)}</p>{trace}{told}{again}</article>'


def list_cells(pairing: Pairing) -> tuple[str, ...]:
    tone = "fail" if pairing.violated else "pass" if is_proven(pairing) else "unknown"
    seen = ", ".join(f"{show(remark, 80)} {many:,}" for remark, many in pairing.remarks.items())
    told = mark(tone, describe_pairing(pairing))
    return show(pairing.kind, 120), f"{pairing.pairings:,}", f"{pairing.schedules:,}", told, seen
