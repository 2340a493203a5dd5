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


@dataclass(frozen=True)
class Mark:
    """A text at a place of a horizontal axis, in percent. A `fine` one is left out where there is little room."""

    place: float
    text: str
    anchor: str
    is_fine: bool


CHARACTER, GAP = 6.7, 8.0  # px
NARROW, WIDE = 150.0, 480.0  # px: how wide an axis is on a phone, and where there is room
EDGE = 12.0  # %: a text so near to an edge does not cross it


def spread(labels: Iterable[tuple[float, str]], narrow: float = NARROW) -> list[Mark]:
    """Those of the labels that fit beside each other: the fine ones only where there is room.

    `narrow`: how many px wide the axis is at least.
    """
    every = [(place, text, find_anchor(place)) for place, text in labels]
    coarse = pick(every, narrow, [])
    both = pick(every, WIDE, coarse)
    return [Mark(*each, is_fine=each not in coarse) for each in sorted(both)]


Label = tuple[float, str, str]


def find_anchor(place: float) -> str:
    return "start" if place < EDGE else "end" if place > 100 - EDGE else "middle"


def pick(labels: Iterable[Label], width: float, kept: Iterable[Label]) -> list[Label]:
    """The labels to keep, and each other one that overlaps none of those so far."""
    picked = list(kept)
    for each in labels:
        begin, end = measure(each, width)
        others = [measure(other, width) for other in picked if other != each]
        if each not in picked and all(end + GAP <= low or high + GAP <= begin for low, high in others):
            picked.append(each)
    return picked


def measure(label: Label, width: float) -> tuple[float, float]:
    """From where to where a text reaches, in px."""
    place, text, anchor = label
    long = len(text) * CHARACTER
    begin = place / 100 * width - {"start": 0.0, "middle": long / 2, "end": long}[anchor]
    return begin, begin + long
