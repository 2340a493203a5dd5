"""trend.html: every measure of many runs as a line, with its change points. One file; it loads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise
from math import log

from reports.comparison import Trend
from reports.comparison_words import show_value
from reports.trend_words import is_worse, say_change, say_trend
from reports.verdict import Verdict

WIDTH, HEIGHT, MARGIN = 640, 150, 14
STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --faint: #565d66; --paper: #fbfbf9; --line: #dcddd7; --bad: #b3261e;
  --good: #17693a; --own: #0a5c8f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e4; --faint: #a6adb5; --paper: #15171a; --line: #34383d;
  --bad: #ff8f85; --good: #74d19c; --own: #7cc0f2; } }
body { margin: 0 auto; max-width: 84rem; padding: 1rem 1.5rem 3rem; background: var(--paper); color: var(--ink);
  font: 0.9375rem/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; } h3 { font-size: 1rem; margin: 0; }
p, ul { margin: 0.25rem 0; } .faint { color: var(--faint); }
.worse { color: var(--bad); } .better { color: var(--good); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); gap: 1.5rem; }
figure { margin: 0; } svg { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
svg text { fill: var(--faint); font: 11px ui-monospace, monospace; }
polyline { fill: none; stroke: var(--own); stroke-width: 1.5; } circle { fill: var(--own); }
circle.fail { fill: none; stroke: var(--bad); stroke-width: 2; } circle.unknown { fill: none; stroke: var(--faint); }
.level { stroke: var(--faint); stroke-width: 1.5; stroke-dasharray: 5 3; }
line.worse { stroke: var(--bad); } line.better { stroke: var(--good); }
"""


def render_trends(trends: Sequence[Trend], notes: Sequence[str]) -> str:
    """The whole page. What changed stands first, in words."""
    told = [(trend, change) for trend in trends for change in trend.changes]
    lines = "".join(
        f'<li class="{"worse" if is_worse(trend, change) else "better"}">{escape(say_change(trend, change))}'
        f' <span class="faint">{escape(trend.series)}</span></li>'
        for trend, change in told
    )
    found = f"<ul>{lines}</ul>" if told else "<p>No measure changed its level.</p>"
    groups = "".join(render_series(name, list(group)) for name, group in groupby(trends, lambda trend: trend.series))
    left = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>onewinner: trends</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f"<main><h1>Measures over time</h1>\n{found}\n{groups}\n"
        f"{f'<h2>Left out</h2><ul>{left}</ul>' if left else ''}</main>\n</body>\n</html>\n"
    )


def render_series(name: str, trends: Sequence[Trend]) -> str:
    charts = "".join(render_trend(trend) for trend in trends)
    return f'<section><h2>{escape(name)}</h2>\n<div class="charts">{charts}</div></section>\n'


def render_trend(trend: Trend) -> str:
    words = f"{trend.better} is better; {len(trend.points)} runs; {say_trend(trend)}"
    changes = "".join(f"<p>{escape(say_change(trend, change))}</p>" for change in trend.changes)
    return (
        f"<figure><figcaption><h3>{escape(trend.title)}</h3><p class='faint'>{escape(words)}</p></figcaption>"
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
    top, bottom = (escape(show_value(value, trend.unit)) for value in (plot.high, plot.low))
    label = escape(f"{trend.title} over {len(values)} runs")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{draw_changes(trend, plot)}'
        f'<polyline points="{line}"/>{dots}<text x="4" y="11">{top}</text>'
        f'<text x="4" y="{HEIGHT - 4}">{bottom}</text></svg>'
    )


def draw_changes(trend: Trend, plot: Plot) -> str:
    """A vertical line at each change point, and the level of each part between them."""
    marks = "".join(
        draw_stroke("worse" if is_worse(trend, change) else "better", (at, at), (0, HEIGHT))
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
    return f'<circle{tone} {place} r="3"><title>{escape(told)}</title></circle>'
