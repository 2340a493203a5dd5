"""The pace of an open model: rounds begin at intended instants, however long the ones before them took."""

import time
from dataclasses import dataclass

# Nobody lines up much earlier than this: a request that is almost whole should not wait long at the server.
EARLY_NS = 5_000_000


@dataclass
class Pace:
    """One source's rounds, `interval_ns` apart, the first at `first_ns`. Without an interval there is none."""

    first_ns: int = 0
    interval_ns: int = 0
    count: int = 0

    def next_ns(self) -> int | None:
        """The intended instant of the next round; None when rounds follow each other as fast as they can."""
        if not self.interval_ns:
            return None
        self.count += 1
        return self.first_ns + (self.count - 1) * self.interval_ns

    def approach(self, intended_ns: int | None) -> None:
        """Waits until it is time to line up for it."""
        if intended_ns is not None:
            time.sleep(max(0, intended_ns - EARLY_NS - time.monotonic_ns()) / 1e9)


def make_pace(rate_per_s: float, number: int, sources: int, began_ns: int) -> Pace:
    """The pace of one of several sources that keep `rate_per_s` together, each in turn; 0: no pace."""
    if not rate_per_s:
        return Pace()
    interval_ns = int(sources / rate_per_s * 1e9)
    return Pace(began_ns + interval_ns * number // sources, interval_ns)
