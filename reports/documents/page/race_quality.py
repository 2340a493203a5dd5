"""Race quality: how close together the contenders were, as a table, and each spread as a range on one axis."""

from collections.abc import Sequence

from markupsafe import Markup

from reports.comparison.facts import Facts, RaceQuality, Spread
from reports.comparison.measure_tables import tabulate_quality
from reports.documents.page.axis import LogAxis, spread
from reports.documents.page.shapes import draw_marks, put_together, shape
from reports.documents.page.templates import Section, render
from reports.judge.text.short_forms import show_time
from reports.judge.verdict import Judgement

ROWS_MAX = 12
ROW = 22  # px


def draw_quality(facts: Facts, _judgement: Judgement) -> Section | None:
    quality = facts.measures.race_quality
    if not quality:
        return None
    table, ranges = tabulate_quality(quality), list_ranges(quality[:ROWS_MAX])
    values = {"table": table, "ranges": ranges, "height": ROW * len(ranges) + 24, "svg": draw_ranges(ranges)}
    return Section("quality", table.title, render("race_quality", **values), table.note)


def list_ranges(quality: Sequence[RaceQuality]) -> list[tuple[str, Spread]]:
    return [
        (f"{entry.contenders} {word}", spread)
        for entry in quality
        for spread, word in ((entry.release_ns, "released"), (entry.arrival_ns, "arrived"))
        if spread is not None
    ]


def draw_ranges(ranges: Sequence[tuple[str, Spread]]) -> Markup:
    """A line from the least to the greatest spread, thick to the 95th percentile, with a dot at the median."""
    if not ranges:
        return Markup()
    axis = LogAxis.around((value for _, each in ranges for value in (each.min, each.max)), 2.0, 98.0)
    bottom = ROW * len(ranges)
    marks = spread((axis.place(tick), show_time(tick)) for tick in axis.ticks())
    lines = [draw_range(each, axis, ROW * index + ROW // 2) for index, (_, each) in enumerate(ranges)]
    return put_together([draw_marks(marks, 0, bottom), *lines])


def draw_range(spread: Spread, axis: LogAxis, y: int) -> Markup:
    low, middle, high, most = (
        f"{axis.place(value):.2f}%" for value in (spread.min, spread.p50, spread.p95, spread.max)
    )
    line = '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>'
    dot = shape('<circle class="middle" cx="{}" cy="{}" r="4"/>', middle, y)
    return shape(line, "whole", low, most, y, y) + shape(line, "most", low, high, y, y) + dot
