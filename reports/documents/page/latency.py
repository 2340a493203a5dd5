"""Latency by outcome: a percentile table, and the percentile curves that HdrHistogram is known for."""

from collections.abc import Mapping, Sequence
from math import log10

from hdrh.histogram import HdrHistogram
from markupsafe import Markup

from reports.comparison.facts import Facts, Latency
from reports.comparison.measure_tables import tabulate_latency
from reports.documents.page.axis import LogAxis, spread
from reports.documents.page.shapes import draw_marks, put_together, shape
from reports.documents.page.templates import Section, render
from reports.judge.text.short_forms import show_time
from reports.judge.verdict import Judgement

HEIGHT = 260  # px
POINTS_MAX = 120
NARROW = 230.0  # px
# Of a curve: tens of the share that is slower. 50 % is 0.3, 90 % is 1, 99 % is 2.
SHARES = {"50 %": 0.5, "90 %": 0.9, "99 %": 0.99, "99.9 %": 0.999, "99.99 %": 0.9999, "99.999 %": 0.99999}
Point = tuple[float, int]


def draw_latency(facts: Facts, _judgement: Judgement) -> Section | None:
    latency = facts.measures.latency
    if not latency:
        return None
    table = tabulate_latency(latency)
    return Section("latency", table.title, render("latency", table=table, **draw_curves(latency)), table.note)


def draw_curves(latency: Mapping[str, Latency]) -> dict[str, object]:
    """One curve per outcome: which share of its answers (to the right: the slowest) took at most how long."""
    traced = {name: trace(one.histogram) for name, one in latency.items() if one.count}
    curves = {name: points for name, points in traced.items() if points}
    if not curves:
        return {"curves": ""}
    right = max(1.0, *(points[-1][0] for points in curves.values()))
    heights = LogAxis.around((value for points in curves.values() for _, value in points), 96.0, 4.0)
    text = '<path class="curve {}" d="{}"/>'
    return {
        "curves": put_together(shape(text, name, connect(points, right, heights)) for name, points in curves.items()),
        "height": HEIGHT,
        "rules": draw_rules(heights),
        "heights": draw_heights(heights),
        "shares": draw_shares(right),
    }


def trace(encoded: str) -> list[Point]:
    """The curve of a histogram: tens of the slower share, value (ns); at most about POINTS_MAX of them."""
    histogram = HdrHistogram.decode(encoded)
    total, seen, points = histogram.get_total_count(), 0, list[Point]()
    # Its own iterator takes half a second: it computes the value of each of 65,000 empty slots.
    for slot, count in enumerate(histogram.counts):
        if count:
            # An answer stands in the middle of its own share: the slowest of a thousand is the 99.95th percentile.
            seen += count
            value = histogram.get_highest_equivalent_value(histogram.get_value_from_index(slot))
            points.append((-log10(1 - (seen - 0.5) / total), value))
    width = points[-1][0] / POINTS_MAX if points else 0.0
    kept = points[:1]
    for point in points[1:]:
        if point[0] - kept[-1][0] >= width or point is points[-1]:
            kept.append(point)
    return kept


def connect(points: Sequence[Point], right: float, heights: LogAxis) -> str:
    """A path of 100 by 100 through all points."""
    places = [f"{100 * tens / right:.2f} {heights.place(value):.2f}" for tens, value in points]
    return f"M{places[0]}" + "".join(f"L{place}" for place in places[1:]) + ("h0.5" if len(places) == 1 else "")


def draw_rules(heights: LogAxis) -> Markup:
    text = '<line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/>'
    places = [f"{heights.place(tick):.2f}%" for tick in heights.ticks()]
    return put_together(shape(text, place, place) for place in places)


def draw_heights(heights: LogAxis) -> Markup:
    """Beside the curves, and not on them."""
    text = '<text class="axis" x="100%" text-anchor="end" y="{:.2f}%" dy="4">{}</text>'
    return put_together(shape(text, heights.place(tick), show_time(tick)) for tick in heights.ticks())


def draw_shares(right: float) -> Markup:
    """The percentiles that the curves reach."""
    places = [(-100 * log10(1 - share) / right, name) for name, share in SHARES.items()]
    return draw_marks(spread((each for each in places if each[0] <= 100), NARROW), 0, HEIGHT)
