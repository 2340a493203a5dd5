"""Trends in words, for the terminal: a line per measure, with a picture of eight heights."""

from collections.abc import Sequence
from math import log

from reports.comparison.comparison import ChangePoint, Trend
from reports.comparison.comparison_words import show_value

HEIGHTS = "▁▂▃▄▅▆▇█"
WIDTH_MAX = 40


def draw_line(values: Sequence[float]) -> str:
    """The last values as heights, on a logarithmic scale."""
    logs = [log(value) for value in values[-WIDTH_MAX:]]
    low, span = min(logs), max(logs) - min(logs)
    return "".join(HEIGHTS[round((each - low) / span * (len(HEIGHTS) - 1))] if span else HEIGHTS[3] for each in logs)


def is_worse(trend: Trend, change: ChangePoint) -> bool:
    return (change.after > change.before) == (trend.better == "lower")


def say_change(trend: Trend, change: ChangePoint) -> str:
    """One sentence: what changed, since which run, and how sure."""
    ratio = f"{change.after / change.before - 1:+.1%}"
    since = trend.points[change.index]
    word = "worse" if is_worse(trend, change) else "better"
    levels = f"from {show_value(change.before, trend.unit)} to {show_value(change.after, trend.unit)}"
    return f"{trend.measure} is {word} since {since.run}: {ratio}, {levels} (p = {change.p_value:.2g})"


def say_trend(trend: Trend) -> str:
    """How many change points it has, or why it can have none."""
    if len(trend.changes):
        return f"{len(trend.changes)} change{'s' * (len(trend.changes) > 1)}"
    return "no change" if len(trend.points) >= 8 else f"too few runs ({len(trend.points)}; 8 are needed)"
