"""The exact permutation test for two small samples: no distribution is assumed, and no p-value is approximated.

If the two sides do not differ, every way to deal the same values out to them was as likely as the one that happened.
The share of deals whose sums are at least as extreme is the p-value (Fisher 1935; Pitman 1937). There are
C(n + m, m) deals: 12,870 for 8 and 8, 2.7 million for 12 and 12. They are counted, not listed: the values are cut
into halves, and each sum of one half is looked up among the sorted sums of the other.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import comb

# More than this on one side would take long to count, and says hardly more.
SAMPLES_MAX = 12
# Sums that differ by rounding alone are equal.
ROUNDING = 1e-9
BISECTIONS = 20


def find_p(base: Sequence[float], other: Sequence[float], shift: float = 0.0) -> float:
    """The p-value of "`other` lies above `base` by no more than `shift`": small when it lies higher than that.

    Raises ValueError for more than SAMPLES_MAX samples on one side.
    """
    if max(len(base), len(other)) > SAMPLES_MAX:
        raise ValueError(f"{len(base)} and {len(other)} samples are too many: {SAMPLES_MAX} of each at most")
    pool = [*base, *(value - shift for value in other)]
    # Around the pool's mean rounding is least.
    center = sum(pool) / len(pool)
    values = [value - center for value in pool]
    size, bound = len(other), sum(values[len(base) :]) - ROUNDING
    half = len(values) // 2
    left, right = sum_subsets(values[:half]), [sorted(sums) for sums in sum_subsets(values[half:])]
    count = 0
    for taken, sums in enumerate(left):
        if 0 <= size - taken < len(right):
            others = right[size - taken]
            count += sum(len(others) - bisect_left(others, bound - one) for one in sums)
    return count / comb(len(values), size)


def find_p_below(base: Sequence[float], other: Sequence[float], shift: float = 0.0) -> float:
    """The p-value of "`other` lies below `base` by no more than `shift`"."""
    return find_p([-value for value in base], [-value for value in other], shift)


def find_floor(n: int, m: int) -> float:
    """The smallest two-sided p-value that n and m samples can give at all."""
    return min(1.0, 2 / comb(n + m, m))


def find_interval(base: Sequence[float], other: Sequence[float], confidence: float) -> tuple[float, float]:
    """By how much `other` lies above `base`, at least and at most: the shifts that the test does not reject."""
    tail = (1 - confidence) / 2
    span = max(*base, *other) - min(*base, *other) + ROUNDING
    middle = sum(other) / len(other) - sum(base) / len(base)
    low = find_last(lambda shift: find_p(base, other, shift) > tail, middle, middle - 2 * span)
    high = find_last(lambda shift: find_p_below(base, other, -shift) > tail, middle, middle + 2 * span)
    return low, high


def find_last(accepts: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last shift, on the way from `inside` to `outside`, that is accepted."""
    for _ in range(BISECTIONS):
        middle = (outside + inside) / 2
        if accepts(middle):
            inside = middle
        else:
            outside = middle
    return inside


def sum_subsets(values: Sequence[float]) -> list[list[float]]:
    """The sums of all subsets, by the subset's size."""
    sums: list[list[float]] = [[0.0]]
    for value in values:
        sums.append([])
        for size in range(len(sums) - 1, 0, -1):
            sums[size] += [one + value for one in sums[size - 1]]
    return sums
