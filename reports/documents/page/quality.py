"""Race quality: how close together the contenders were, as a table, and each spread as a range on one axis."""

from collections.abc import Sequence

from reports.comparison.facts import Facts, RaceQuality, Spread
from reports.comparison.measures import tabulate_quality
from reports.documents.page.axis import LogAxis
from reports.documents.page.parts import Section, table
from reports.documents.page.shapes import label, vertical
from reports.documents.page.text import show
from reports.judge.text import show_time
from reports.judge.verdict import Judgement

ROWS_MAX = 12
ROW = 22  # px


def render_quality(facts: Facts, _judgement: Judgement) -> Section | None:
    quality = facts.measures.race_quality
    if not quality:
        return None
    told = tabulate_quality(quality)
    rows = [[show(cell) for cell in cells] for cells in told.rows]
    body = draw_ranges(quality[:ROWS_MAX]) + table(told.title, told.head, rows, range(len(told.head)))
    return Section("quality", told.title, body, show(told.note))


def draw_ranges(quality: Sequence[RaceQuality]) -> str:
    """A line from the least to the greatest spread, thick to the 95th percentile, with a dot at the median."""
    ranges = [
        (f"{entry.contenders} {word}", spread)
        for entry in quality
        for spread, word in ((entry.release_ns, "released"), (entry.arrival_ns, "arrived"))
        if spread is not None
    ]
    if not ranges:
        return ""
    axis = LogAxis.around((value for _, spread in ranges for value in (spread.min, spread.max)), 2.0, 98.0)
    names = "".join(f"<div>{show(name)}</div>" for name, _ in ranges)
    lines = "".join(draw_range(spread, axis, ROW * index + ROW // 2) for index, (_, spread) in enumerate(ranges))
    bottom = ROW * len(ranges)
    return (
        f'<figure class="ranges"><div class="who" aria-hidden="true">{names}</div>'
        f'<svg height="{bottom + 24}" role="img" aria-labelledby="ranges-title">'
        f'<title id="ranges-title">Spread of the contenders of a race: least to greatest, thick up to the 95th '
        f"percentile, a dot at the median; the table below has the numbers</title>{draw_grid(axis, bottom)}{lines}"
        "</svg></figure>"
    )


def draw_range(spread: Spread, axis: LogAxis, y: int) -> str:
    low, middle, high, most = (
        f"{axis.place(value):.2f}%" for value in (spread.min, spread.p50, spread.p95, spread.max)
    )
    return (
        f'<line class="whole" x1="{low}" x2="{most}" y1="{y}" y2="{y}"/>'
        f'<line class="most" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
        f'<circle class="middle" cx="{middle}" cy="{y}" r="4"/>'
    )


def draw_grid(axis: LogAxis, bottom: int) -> str:
    places = {show_time(tick): f"{axis.place(tick):.2f}%" for tick in axis.ticks()}
    return "".join(vertical("grid", x, 0, bottom + 4) + label(x, bottom + 18, name) for name, x in places.items())
