"""Goal: the p-values are exact. Method: small samples against every way to set the signs, and a book's table."""

import random
from itertools import product
from math import inf

import pytest

from reports.comparison.signed_rank import (
    find_bound,
    find_center,
    find_critical,
    find_detectable,
    find_interval,
    find_p,
)


def list_signs(differences: list[float], shift: float) -> float:
    """The share of all ways to set the signs in which the ranks below 0 sum to as little, one by one."""
    moved = [value - shift for value in differences if value != shift]
    sizes = sorted(abs(value) for value in moved)
    ranks = [(sizes.index(abs(value)) + len(sizes) - sizes[::-1].index(abs(value)) + 1) / 2 for value in moved]
    below = sum(rank for rank, value in zip(ranks, moved, strict=True) if value < 0)
    ways = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in product((0, 1), repeat=len(ranks))
    ]
    return sum(way <= below for way in ways) / len(ways)


@pytest.mark.parametrize("pairs", [1, 2, 5, 9])
def test_it_counts_as_listing_does(pairs: int) -> None:
    rng = random.Random(pairs)
    for ties in (False, True):
        values = [rng.gauss(0.3, 1) for _ in range(pairs)]
        values = [float(round(value * 2)) for value in values] if ties else values
        for shift in (0.0, 0.5, 1.0):
            assert find_p(values, shift) == list_signs(values, shift)


def test_equal_sides_say_nothing() -> None:
    assert find_p([0.0] * 8) == 1
    assert find_p([]) == 1


def test_pairs_that_all_agree_give_the_smallest_p() -> None:
    assert find_p([1.0, 2, 3, 4, 5, 6, 7, 8]) == 1 / 256
    assert find_p([-1.0, -2, -3]) == 1


def test_one_wild_pair_weighs_no_more_than_its_rank() -> None:
    calm = [0.2 + number / 1000 for number in range(15)]
    assert find_p([*calm, -50.0]) < 0.003


@pytest.mark.parametrize(
    ("pairs", "alpha", "critical"), [(10, 0.025, 8), (12, 0.005, 7), (20, 0.025, 52), (5, 0.01, None)]
)
def test_the_critical_values_are_as_in_the_book(pairs: int, alpha: float, critical: int | None) -> None:
    assert find_critical(pairs, alpha) == critical


def test_the_bound_is_the_last_shift_that_is_rejected() -> None:
    rng = random.Random(3)
    values = [rng.gauss(0.1, 0.04) for _ in range(14)]
    bound = find_bound(values, 0.01)
    assert find_p(values, bound - 1e-9) <= 0.01 < find_p(values, bound + 1e-9)
    assert find_bound(values[:4], 0.01) == -inf
    low, high = find_interval(values, 0.95)
    assert low < find_center(values) < high


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(5)
    covered = 0
    for _ in range(300):
        low, high = find_interval([rng.gauss(0.7, 1) for _ in range(10)], 0.9)
        covered += low <= 0.7 <= high
    assert 0.85 <= covered / 300 <= 0.96


def test_what_is_called_detectable_is_detected() -> None:
    """Of comparisons whose truth is the size that was told, about nine of ten see it, and few see a third of it."""
    rng = random.Random(7)
    margin, alpha = 0.05, 0.002
    noise = [[rng.gauss(0, 0.1) for _ in range(30)] for _ in range(200)]
    told = sum(find_detectable(values, margin, alpha) for values in noise[:20]) / 20
    seen = sum(find_p([value + told for value in values], margin) <= alpha for values in noise) / len(noise)
    assert 0.8 <= seen <= 0.97
    assert sum(find_p([value + told / 3 for value in values], margin) <= alpha for values in noise) / len(noise) < 0.05
    assert find_detectable(noise[0][:5], margin, alpha) == inf
