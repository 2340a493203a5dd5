"""trend.html: every measure of many runs as a line, with its change points. One file; it loads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log

from reports.comparison.comparison import ChangePoint, Trend
from reports.comparison.description import show_value
from reports.documents.page.document import STYLE, digest
from reports.documents.page.parts import Section
from reports.documents.page.text import show
from reports.documents.trend import describe_change, describe_trend, is_worse
from reports.judge.verdict import Verdict

WIDTH, HEIGHT, MARGIN = 640, 150, 14
# On top of the style that all pages share.
TREND_STYLE = """
header { padding: 0.75rem 0 1.25rem; } .charts { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); }
.worse { --tone: var(--fail); } .better { --tone: var(--pass); } li { color: var(--tone); }
.charts svg { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
polyline { fill: none; stroke: var(--won); stroke-width: 1.5; } circle { fill: var(--won); stroke: none; }
circle.fail, circle.unknown { fill: var(--paper); stroke: var(--tone); stroke-width: 2; }
line.worse, line.better { stroke: var(--tone); stroke-width: 2; }
.level { stroke: var(--faint); stroke-width: 1.5; stroke-dasharray: 5 3; }
"""


def render_trends(trends: Sequence[Trend], notes: Sequence[str]) -> str:
    """The whole page. What changed stands first, in words."""
    groups = groupby(trends, lambda trend: trend.series)
    sections = [render_series(f"series-{number}", name, list(group)) for number, (name, group) in enumerate(groups)]
    if notes:
        left = "".join(f"<li>{show(note)}</li>" for note in notes)
        sections.append(Section("left-out", "Left out", f"<ul>{left}</ul>"))
    style = STYLE + TREND_STYLE
    policy = f"default-src 'none'; style-src '{digest(style)}'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>onewinner: measures over time</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>Measures over time</h1>{render_changes(trends)}</header>\n"
        f"<main>{''.join(section.render() for section in sections)}</main>\n"
        "<footer><p>Made by onewinner. This file loads nothing.</p></footer>\n</body>\n</html>\n"
    )


def render_changes(trends: Sequence[Trend]) -> str:
    """Every change point of every trend, in words."""
    lines = "".join(
        f'<li class="{name_tone(trend, change)}">{show(describe_change(trend, change))}'
        f' <span class="total">{show(trend.series)}</span></li>'
        for trend in trends
        for change in trend.changes
    )
    return f"<ul>{lines}</ul>" if lines else "<p>No measure changed its level.</p>"


def name_tone(trend: Trend, change: ChangePoint) -> str:
    return "worse" if is_worse(trend, change) else "better"


def render_series(anchor: str, name: str, trends: Sequence[Trend]) -> Section:
    charts = "".join(render_trend(trend) for trend in trends)
    return Section(anchor, name, f'<div class="charts">{charts}</div>')


def render_trend(trend: Trend) -> str:
    words = f"{trend.better} is better; {len(trend.points)} runs; {describe_trend(trend)}"
    changes = "".join(f"<p>{show(describe_change(trend, change))}</p>" for change in trend.changes)
    return (
        f"<figure><figcaption><h3>{show(trend.title)}</h3><p>{show(words)}</p></figcaption>"
        f"{draw(trend)}{changes}</figure>\n"
    )


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


def draw(trend: Trend) -> str:
    """The line, a dot per run, the levels, and a vertical line at each change point."""
    values = [point.value for point in trend.points]
    plot = Plot(len(values), min(values), max(values))
    line = " ".join(f"{plot.x(index)},{plot.y(value)}" for index, value in enumerate(values))
    dots = "".join(draw_dot(trend, index, plot) for index in range(len(values)))
    top, bottom = (show(show_value(value, trend.unit)) for value in (plot.high, plot.low))
    label = show(f"{trend.title} over {len(values)} runs")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{draw_changes(trend, plot)}'
        f'<polyline points="{line}"/>{dots}<text x="4" y="11">{top}</text>'
        f'<text x="4" y="{HEIGHT - 4}">{bottom}</text></svg>'
    )


def draw_changes(trend: Trend, plot: Plot) -> str:
    """A vertical line at each change point, and the level of each part between them."""
    marks = "".join(
        draw_stroke(name_tone(trend, change), (at, at), (0, HEIGHT))
        for change in trend.changes
        for at in [plot.x(change.index - 0.5)]
    )
    if not trend.changes:
        return marks
    bounds = [0, *(change.index for change in trend.changes), plot.runs]
    levels = [trend.changes[0].before, *(change.after for change in trend.changes)]
    return marks + "".join(
        draw_stroke("level", (plot.x(start), plot.x(end - 1)), (plot.y(level), plot.y(level)))
        for (start, end), level in zip(pairwise(bounds), levels, strict=True)
    )


def draw_stroke(tone: str, x: tuple[float, float], y: tuple[float, float]) -> str:
    return f'<line class="{tone}" x1="{x[0]}" x2="{x[1]}" y1="{y[0]}" y2="{y[1]}"/>'


def draw_dot(trend: Trend, index: int, plot: Plot) -> str:
    """A run: hollow when it did not pass. Its name, time and value are read on it."""
    point = trend.points[index]
    told = f"{point.run}, {point.started_at}: {show_value(point.value, trend.unit)}, {point.verdict}"
    tone = "" if point.verdict is Verdict.PASS else f' class="{point.verdict}"'
    place = f'cx="{plot.x(index)}" cy="{plot.y(point.value)}"'
    return f'<circle{tone} {place} r="3"><title>{show(told)}</title></circle>'
