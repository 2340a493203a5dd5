"""The picture of a race outside of the page, a lane for each request: as text for a terminal, as SVG for a browser."""

import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from reports.judge.text.short_forms import shorten, show_time

Record = Mapping[str, Any]
LANE_WIDTH = 56
TITLE_MAX, TITLE_LINE_MAX = 600, 120
FILL = {"won": "#", "unknown": "?"}
GREY, BROWN, RED = "#6b7280", "#8a5a00", "#b3261e"
COLOURS = {
    "won": "#1a7340",
    "conflict": GREY,
    "stale": GREY,
    "busy": GREY,
    "unknown": BROWN,
    "refused": BROWN,
}
FONT = 'font-family="system-ui, sans-serif" font-size="13"'
ROW_PX, LABEL_PX, LANE_PX, SAID_PX = 22, 330, 560, 160


def sort_lanes(records: Sequence[Record]) -> list[Record]:
    """Winners first, then in the order of the answers; what was never answered last."""
    return sorted(
        records, key=lambda each: (each["outcome"] != "won", each["returned_ns"] is None, each["returned_ns"])
    )


def measure_span(records: Sequence[Record]) -> tuple[int, int]:
    """When the first began, and how many ns until the last moment that is known; at least 1."""
    start = min(record["invoked_ns"] for record in records)
    ends = [moment for each in records for moment in (each["invoked_ns"], each["returned_ns"]) if moment is not None]
    return start, max(1, max(ends) - start)


def draw_lanes(records: Sequence[Record]) -> str:
    """Rows of a history, or records with the same id, outcome, status and times, as text: a bar per request."""
    start, span = measure_span(records)
    label = max(len(str(record["id"])) for record in records)
    head = f"{'':{label}}  0{show_time(span):>{LANE_WIDTH - 1}}"
    return "\n".join([head, *(draw_lane(record, start, span, label) for record in sort_lanes(records))])


def draw_lane(record: Record, start: int, span: int, label: int) -> str:
    first = (record["invoked_ns"] - start) * (LANE_WIDTH - 1) // span
    returned = record["returned_ns"]
    last = LANE_WIDTH - 1 if returned is None else (returned - start) * (LANE_WIDTH - 1) // span
    inside = FILL.get(record["outcome"], "-") * max(0, last - first - 1)
    bar = " " * first + "|" + inside + ("" if last == first else "?" if returned is None else "|")
    return f"{record['id']:>{label}}  {bar:{LANE_WIDTH}}  {describe(record)}"


def describe(record: Record) -> str:
    """WON 200, conflict 409, unknown: no answer."""
    outcome = "WON" if record["outcome"] == "won" else record["outcome"]
    return f"{outcome}: no answer" if record["status"] is None else f"{outcome} {record['status']}"


def draw_svg(records: Sequence[Record], title: str) -> str:
    """The same as a picture, which loads nothing."""
    start, span = measure_span(records)
    told = textwrap.wrap(shorten(title, TITLE_MAX), TITLE_LINE_MAX) or [""]
    top = ROW_PX * (len(told) + 1)
    width, height = LABEL_PX + LANE_PX + SAID_PX, top + ROW_PX * (len(records) + 1)
    # Of several winners none is right.
    colours = COLOURS if [each["outcome"] for each in records].count("won") < 2 else {**COLOURS, "won": RED}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fdfdfb"/>',
    ]
    lines += [
        f'<text x="10" y="{ROW_PX * (row + 1)}" font-size="15">{escape(line)}</text>' for row, line in enumerate(told)
    ]
    for row, record in enumerate(sort_lanes(records)):
        lines += draw_bar(record, start, span, top + ROW_PX * row, colours)
    foot = top + ROW_PX * len(records) + 12
    lines.append(f'<text x="{LABEL_PX}" y="{foot}">0</text>')
    lines.append(f'<text x="{LABEL_PX + LANE_PX}" y="{foot}" text-anchor="end">{show_time(span)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def draw_bar(record: Record, start: int, span: int, top: int, colours: Mapping[str, str]) -> list[str]:
    left = LABEL_PX + LANE_PX * (record["invoked_ns"] - start) / span
    returned = record["returned_ns"]
    right = LABEL_PX + LANE_PX * (1 if returned is None else (returned - start) / span)
    open_end = ' stroke-dasharray="4 3" fill-opacity="0.3"' if returned is None else ""
    colour = colours.get(record["outcome"], BROWN)
    shape = f'height="{ROW_PX - 7}" rx="2" fill="{colour}" stroke="{colour}"{open_end}'
    weight = ' font-weight="700"' if record["outcome"] == "won" else ""
    return [
        f'<text x="{LABEL_PX - 10}" y="{top + 14}" text-anchor="end">{escape(str(record["id"]))}</text>',
        f'<rect x="{left:.1f}" y="{top + 3}" width="{max(2.0, right - left):.1f}" {shape}/>',
        f'<text x="{LABEL_PX + LANE_PX + 10}" y="{top + 14}" fill="{colour}"{weight}>{escape(describe(record))}</text>',
    ]
