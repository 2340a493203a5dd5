"""Latency by outcome, in HdrHistograms of raw nanoseconds, which can be merged. Measured, never judged.

From the release of a request to its whole answer; or, where the operation tells when it was meant to start
(`intended_ns`, an open model), from there: then waiting for a free worker counts, and no omission is coordinated.
"""

import polars as pl
from hdrh.histogram import HdrHistogram

from reports.comparison.facts import Latency, Since
from reports.history.history import History

LOWEST_NS = 1
HIGHEST_NS = 3_600_000_000_000
DIGITS = 3
# A histogram of three digits keeps 11 bits of a value. Two bits more never lead into another of its slots.
BITS = 13
PERCENTILES = {"p50_ns": 50.0, "p90_ns": 90.0, "p95_ns": 95.0, "p99_ns": 99.0, "p99_9_ns": 99.9}
INTENDED = r'"intended_ns":\s*(\d+)'


def measure_latency(history: History) -> dict[str, Latency]:
    """By outcome; the histogram is in the compressed format that all HdrHistogram libraries read (V2, base64)."""
    found: dict[str, Latency] = {}
    for [outcome], part in time_operations(history).group_by("outcome", maintain_order=True):
        times = part["took"].drop_nulls()
        intended = part.filter(pl.col("took").is_not_null())["intended"].sum()
        since: Since = "release" if not intended else "intended" if intended == times.len() else "mixed"
        histogram = fill_histogram(times)
        values = histogram.get_percentile_to_value_dict(PERCENTILES.values())
        found[str(outcome)] = Latency(
            count=times.len(),
            unanswered=part.height - times.len(),
            since=since,
            **{name: int(values.get(share, 0)) for name, share in PERCENTILES.items()},
            max_ns=int(histogram.get_max_value()),
            histogram=histogram.encode().decode("ascii"),
        )
    return found


def time_operations(history: History) -> pl.DataFrame:
    """row, outcome, took (ns; null: no answer), intended (whether it counts from the intended start); by outcome."""
    starts = history.frame.select(pl.col("detail").str.extract(INTENDED).cast(pl.Int64).alias("start")).collect()
    took = pl.col("returned") - pl.coalesce("start", "invoked")
    ops = history.encoded.select("row", "outcome", "invoked", "returned").with_columns(starts["start"])
    return ops.select(
        "row",
        "outcome",
        took.clip(LOWEST_NS, HIGHEST_NS).alias("took"),
        pl.col("start").is_not_null().alias("intended"),
    ).sort("outcome", maintain_order=True)


def fill_histogram(times: pl.Series) -> HdrHistogram:
    """A histogram of times in ns. Equal ones are counted first: a million calls one by one would take a second."""
    histogram = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    shift = (pl.col("took").log(2).floor().cast(pl.Int64) - (BITS - 1)).clip(0)
    step = pl.lit(2, pl.Int64).pow(shift)
    rounded = times.to_frame("took").select((pl.col("took") // step * step).alias("took"))
    for value, count in rounded.group_by("took").len().iter_rows():
        histogram.record_value(value, count)
    return histogram
