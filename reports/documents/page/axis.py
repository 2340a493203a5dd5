"""A logarithmic axis: places in percent, and round ticks."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10


@dataclass(frozen=True)
class LogAxis:
    """From `low` to `high`, both greater than zero, over the percentages `start` to `stop`."""

    low: float
    high: float
    start: float = 0.0
    stop: float = 100.0

    @classmethod
    def around(cls, values: Iterable[float], start: float = 0.0, stop: float = 100.0) -> "LogAxis":
        """An axis that holds all values. Raises ValueError without one."""
        known = [max(value, 1.0) for value in values]
        low, high = min(known), max(known)
        return cls(low / 1.15, max(high * 1.15, low * 2), start, stop)

    def place(self, value: float) -> float:
        share = (log10(max(value, self.low)) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return self.start + (self.stop - self.start) * min(share, 1.0)

    def ticks(self) -> list[float]:
        """The powers of ten within; with two or fewer of them, their doubles and halves too."""
        powers = [10.0**power for power in range(ceil(log10(self.low)), floor(log10(self.high)) + 1)]
        if len(powers) > 2:
            return powers
        decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        fine = [size * 10.0**power for power in decades for size in (1, 2, 5)]
        return [tick for tick in fine if self.low <= tick <= self.high]
