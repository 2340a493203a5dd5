"""Every order: which meetings of requests were walked through all orders of their statements, and what violates."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.documents.page.parts import Section, command, fold, mark, table
from reports.documents.page.text import show
from reports.documents.pairings import Row, describe_pairings, describe_row, is_proven, unpack_row
from reports.judge.verdict import Judgement

TRACE_MAX = 10_000
HEAD = ("kind of meeting", "meetings", "schedules", "shown", "seen on the way")


def render_meetings(facts: Mapping[str, Any], _judgement: Judgement) -> Section | None:
    """The smallest order that violates first; then a table for each level."""
    records: Sequence[Mapping[str, Any]] = facts.get("meetings") or ()
    if not records:
        return None
    orders = list(facts.get("orders") or ())
    body = "".join(render_order(each) for each in orders[:1])
    others = "".join(fold(show(each["kind"], 120), render_order(each)) for each in orders[1:])
    body += fold(f"The smallest order of {len(orders) - 1} more kinds of meetings", others) if others else ""
    for level in dict.fromkeys(str(record["level"]) for record in records):
        rows = [unpack_row(record) for record in records if record["level"] == level]
        body += table(level, HEAD, [list_cells(row) for row in rows], (1, 2), captioned=True)
    return Section("meetings", "Every order", body, show("; ".join(describe_pairings(records)), 400))


def render_order(order: Mapping[str, Any]) -> str:
    """Its statements in columns, one for each request; one sentence; the command."""
    (check, title), *_ = order["checks"].items()
    told = f"<p>{show(order['sentence'], 1_000)}</p>" if order["sentence"] else ""
    trace = f'<pre role="region" tabindex="0" aria-label="The order">{show(order["trace"], TRACE_MAX)}</pre>'
    again = f'<p class="again">Run this order again {command(order["command"])}</p>'
    head = f"<h3>{mark('fail', check)} {show(order['kind'], 120)}</h3>"
    return f'<article class="finding">{head}<p>{show(title, 1_000)}</p>{trace}{told}{again}</article>'


def list_cells(row: Row) -> tuple[str, ...]:
    tone = "fail" if row.violated else "pass" if is_proven(row) else "unknown"
    seen = ", ".join(f"{show(remark, 80)} {many:,}" for remark, many in row.remarks.items())
    told = mark(tone, describe_row(row))
    return show(row.kind, 120), f"{row.meetings:,}", f"{row.schedules:,}", told, seen
