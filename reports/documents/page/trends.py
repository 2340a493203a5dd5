"""trend.html: every measure of many runs as a line, with its change points. One file; it loads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from markupsafe import Markup

from reports.comparison.comparison_result import ChangePoint, Trend
from reports.comparison.description import show_value
from reports.comparison.trends import describe_change, describe_trend, is_worse
from reports.documents.page.document import STYLE
from reports.documents.page.shapes import put_together, shape
from reports.documents.page.templates import read_asset, render
from reports.documents.page.text import show
from reports.judge.verdict import Verdict

WIDTH, HEIGHT, MARGIN = 640, 150, 14
# On top of the style that all pages share.
TREND_STYLE = read_asset("trend.css")


def render_trends(trends: Sequence[Trend], notes: Sequence[str], above: str = "") -> str:
    """The whole page. What changed stands first, in words; `above` stands before it."""
    series: dict[str, list[Trend]] = {}
    for trend in trends:
        series.setdefault(trend.series, []).append(trend)
    return render(
        "trend",
        above=above,
        changed=[(trend, change) for trend in trends for change in trend.changes],
        series=series,
        notes=notes,
        width=WIDTH,
        height=HEIGHT,
        style=STYLE + TREND_STYLE,
        script="",
        draw=draw,
        name_tone=name_tone,
        describe_change=describe_change,
        describe_trend=describe_trend,
    )


def name_tone(trend: Trend, change: ChangePoint) -> str:
    return "worse" if is_worse(trend, change) else "better"


@dataclass(frozen=True)
class Plot:
    """Where a run and a value are drawn; values on a logarithmic scale, the lowest at the bottom."""

    runs: int
    low: float
    high: float

    def x(self, index: float) -> float:
        share = index / (self.runs - 1) if self.runs > 1 else 0.5
        return round(MARGIN + (WIDTH - 2 * MARGIN) * share, 1)

    def y(self, value: float) -> float:
        share = log(value / self.low) / log(self.high / self.low) if self.high > self.low else 0.5
        return round(HEIGHT - 2 * MARGIN - (HEIGHT - 4 * MARGIN) * share, 1)


def draw(trend: Trend) -> Markup:
    """The line, a dot per run, the levels, and a vertical line at each change point."""
    values = [point.value for point in trend.points]
    plot = Plot(len(values), min(values), max(values))
    line = " ".join(f"{plot.x(index)},{plot.y(value)}" for index, value in enumerate(values))
    dots = (draw_dot(trend, index, plot) for index in range(len(values)))
    text = '<text x="4" y="{}">{}</text>'
    bounds = [shape(text, y, show_value(value, trend.unit)) for y, value in ((11, plot.high), (HEIGHT - 4, plot.low))]
    return put_together([draw_changes(trend, plot), shape('<polyline points="{}"/>', line), *dots, *bounds])


def draw_changes(trend: Trend, plot: Plot) -> Markup:
    """A vertical line at each change point, and the level of each part between them."""
    if not trend.changes:
        return Markup()
    marks = [
        draw_stroke(name_tone(trend, change), (at, at), (0, HEIGHT))
        for change in trend.changes
        for at in [plot.x(change.index - 0.5)]
    ]
    bounds = [0, *(change.index for change in trend.changes), plot.runs]
    levels = [trend.changes[0].before, *(change.after for change in trend.changes)]
    marks += [
        draw_stroke("level", (plot.x(start), plot.x(end - 1)), (plot.y(level), plot.y(level)))
        for (start, end), level in zip(pairwise(bounds), levels, strict=True)
    ]
    return put_together(marks)


def draw_stroke(tone: str, x: tuple[float, float], y: tuple[float, float]) -> Markup:
    return shape('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>', tone, *x, *y)


def draw_dot(trend: Trend, index: int, plot: Plot) -> Markup:
    """A run: hollow if it did not pass. Its title has the name, the time and the value."""
    point = trend.points[index]
    title = f"{point.run}, {point.started_at}: {show_value(point.value, trend.unit)}, {point.verdict}"
    tone = "" if point.verdict is Verdict.PASS else shape(' class="{}"', point.verdict)
    text = '<circle{} cx="{}" cy="{}" r="3"><title>{}</title></circle>'
    return shape(text, tone, plot.x(index), plot.y(point.value), show(title))
