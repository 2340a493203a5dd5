"""Goal: a percentile curve is what the histogram says. Method: histograms of known values, traced."""

from math import log10

from hdrh.histogram import HdrHistogram

from reports.comparison.latency_percentiles import DIGITS, HIGHEST_NS, LOWEST_NS
from reports.documents.page.axis import LogAxis
from reports.documents.page.latency import POINTS_MAX, trace


def encode(values: range) -> str:
    histogram = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    for value in values:
        histogram.record_value(value)
    return str(histogram.encode().decode("ascii"))


def test_the_median_and_the_slowest_are_where_they_belong() -> None:
    points = trace(encode(range(1_000, 1_001_000, 1_000)))
    assert len(points) <= POINTS_MAX + 1
    assert points == sorted(points)
    tens, slowest = points[-1]
    assert abs(slowest - 1_000_000) < 2_000
    assert abs(tens - log10(2_000)) < 0.01
    near = min(points, key=lambda point: abs(point[0] - log10(2)))
    assert abs(near[1] - 500_000) < 20_000


def test_one_answer_is_a_curve_too() -> None:
    assert len(trace(encode(range(5, 6)))) == 1


def test_an_axis_holds_its_values_and_has_ticks() -> None:
    for values in ([1.0], [1_000.0, 1_100.0], [40.0, 9e9]):
        axis = LogAxis.around(values)
        assert all(0 <= axis.place(value) <= 100 for value in values)
        assert axis.ticks()
