"""Goal: the p-values are exact. Method: small samples against every deal listed, and values that a book has."""

import random
from itertools import combinations

import pytest

from reports.permutation import SAMPLES_MAX, find_floor, find_interval, find_p, find_p_below


def list_deals(base: list[float], other: list[float]) -> float:
    """The share of deals with a sum at least as high, one by one."""
    pool, size = [*base, *other], len(other)
    deals = [sum(pool[index] for index in deal) for deal in combinations(range(len(pool)), size)]
    return sum(deal >= sum(other) - 1e-9 for deal in deals) / len(deals)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 5), (5, 2), (5, 6), (7, 7)])
def test_it_counts_as_listing_does(n: int, m: int) -> None:
    rng = random.Random(n * 100 + m)
    for ties in (False, True):
        base, other = ([rng.gauss(0, 1) for _ in range(size)] for size in (n, m))
        if ties:
            base, other = [round(value) for value in base], [round(value) for value in other]
        assert find_p(base, other) == list_deals(base, other)
        assert find_p_below(base, other) == list_deals([-value for value in base], [-value for value in other])
        assert find_p(base, other, 0.5) == list_deals(base, [value - 0.5 for value in other])


def test_sides_that_nothing_joins_give_the_smallest_p() -> None:
    low, high = [float(value) for value in range(8)], [float(value) for value in range(100, 108)]
    assert 2 * find_p(low, high) == find_floor(8, 8) == 2 / 12_870
    assert find_p(high, low) == 1
    assert find_p(low, low) > 0.5


def test_equal_values_say_nothing() -> None:
    assert find_p([0.1] * 8, [0.1] * 8) == 1
    assert find_p_below([0.1] * 8, [0.1] * 8) == 1


def test_the_interval_holds_what_is_not_rejected() -> None:
    rng = random.Random(3)
    base, other = [rng.gauss(0, 0.04) for _ in range(8)], [rng.gauss(0.1, 0.04) for _ in range(8)]
    low, high = find_interval(base, other, 0.95)
    assert find_p(base, other, low) > 0.025 >= find_p(base, other, low - 0.001)
    assert find_p_below(base, other, -high) > 0.025 >= find_p_below(base, other, -high - 0.001)
    assert low < 0.1 < high


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(5)
    covered = 0
    for _ in range(300):
        base, other = [rng.gauss(0, 1) for _ in range(6)], [rng.gauss(0.7, 1) for _ in range(6)]
        low, high = find_interval(base, other, 0.9)
        covered += low <= 0.7 <= high
    assert 0.85 <= covered / 300 <= 0.96


def test_too_many_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="13 and 1 samples are too many: 12"):
        find_p([0.0] * (SAMPLES_MAX + 1), [0.0])
