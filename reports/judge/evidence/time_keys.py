"""Time keys: a time and its workflow in one integer, so that one running maximum or one merge serves all workflows."""

from dataclasses import dataclass

import polars as pl

from reports.judge.models.workflow import NEVER

KEY_BITS_MAX = 62


@dataclass(frozen=True)
class TimeKeys:
    """`begins` and `ends` of each operation: the workflow number above `bits` bits of time since its first invoke.

    Within a workflow keys order as times do; over workflows they ascend. Time 0 is before everything, and all ones
    is after everything. `is_ranked`: they are ranks of times, not times.
    """

    begins: pl.Series
    ends: pl.Series
    bits: int
    is_ranked: bool = False

    def bounds(self, w: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """The least and the greatest key of a workflow number."""
        low = w.cast(pl.Int64) * (1 << self.bits)
        return low, low + ((1 << self.bits) - 1)


def make_time_keys(w: pl.Series, invoked: pl.Series, returned: pl.Series, offsets: list[int]) -> TimeKeys:
    """TimeKeys of operations that stand by workflow, then invoke. Times that do not fit are replaced by their ranks."""
    spans = measure(w, invoked, returned, offsets)
    bits = count_bits(spans)
    is_ranked = bits + len(offsets).bit_length() > KEY_BITS_MAX
    if is_ranked:
        times = pl.concat([invoked, returned]).rank("dense").cast(pl.Int64)
        ranked = times.slice(invoked.len())
        ranked = pl.select(pl.when(returned < NEVER).then(ranked).otherwise(NEVER)).to_series()
        spans = measure(w, times.slice(0, invoked.len()), ranked, offsets)
        bits = count_bits(spans)
    low = pl.col("w").cast(pl.Int64) * (1 << bits)
    keys = spans.select(
        begins=low + pl.col("invoked") + 1, ends=low + (pl.col("returned") + 1).clip(0, (1 << bits) - 1)
    )
    return TimeKeys(keys["begins"], keys["ends"], bits, is_ranked)


def measure(w: pl.Series, invoked: pl.Series, returned: pl.Series, offsets: list[int]) -> pl.DataFrame:
    """w, invoked and returned, counted from each workflow's first invoke."""
    base = invoked.gather(offsets[:-1]).gather(w)
    return pl.DataFrame({"w": w, "invoked": invoked - base, "returned": returned - base})


def count_bits(spans: pl.DataFrame) -> int:
    """The bits of the longest finite span, with room for a time before and one after all."""
    finite = pl.col("returned").filter(pl.col("returned") < NEVER // 2)
    longest = spans.select(pl.max_horizontal(pl.col("invoked").max(), finite.max())).item()
    return (int(longest or 0) + 3).bit_length()
