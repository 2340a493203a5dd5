"""Wilcoxon's signed-rank test for pairs, exact, and the change that it would have detected.

Each pair gives a difference. If nothing differs, every difference was as likely to have the other sign, so each of the
2^n ways to set the signs of their ranks is as likely as the one that happened (Wilcoxon 1945). The sums of ranks are
counted exactly. A pair that a busy moment hit weighs no more than its rank, however long that moment was.
"""

import random
from collections.abc import Sequence
from functools import cache
from math import inf
from statistics import median

# How often of ten a change of the detectable size is seen, and how many times the blocks are drawn again for it.
POWER = 0.9
DRAWS = 400


def find_p(differences: Sequence[float], shift: float = 0.0) -> float:
    """The p-value of "they lie above 0 by no more than `shift`": small when they lie higher than that.

    Differences of exactly the shift say nothing and are left out; equal ones share their rank.
    """
    moved = [value - shift for value in differences if value != shift]
    ranks = rank_twice([abs(value) for value in moved])
    below = sum(rank for rank, value in zip(ranks, moved, strict=True) if value < 0)
    counts = count_sums(tuple(sorted(ranks)))
    return float(sum(counts[: below + 1]) / 2 ** len(ranks))


def rank_twice(values: Sequence[float]) -> list[int]:
    """Twice the rank of each value, so that the mean rank of equal ones is a whole number."""
    ordered = sorted(values)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for place, value in enumerate(ordered, 1):
        first.setdefault(value, place)
        last[value] = place
    return [first[value] + last[value] for value in values]


@cache
def count_sums(ranks: tuple[int, ...]) -> tuple[int, ...]:
    """In how many ways each sum of some of the ranks comes about."""
    counts = [1] + [0] * sum(ranks)
    reach = 0
    for rank in ranks:
        reach += rank
        for total in range(reach, rank - 1, -1):
            counts[total] += counts[total - rank]
    return tuple(counts)


def find_center(differences: Sequence[float]) -> float:
    """The median of the means of all pairs of them (Hodges and Lehmann 1963): the shift that fits best."""
    return median(list_means(differences))


def find_bound(differences: Sequence[float], alpha: float) -> float:
    """By how much they surely lie above 0: the largest shift that is rejected at `alpha`; -inf when none can be."""
    index = find_critical(len(differences), alpha)
    return list_means(differences)[index] if index is not None else -inf


def find_interval(differences: Sequence[float], confidence: float) -> tuple[float, float]:
    """By how much they lie above 0, at least and at most."""
    tail = (1 - confidence) / 2
    return find_bound(differences, tail), -find_bound([-value for value in differences], tail)


def list_means(differences: Sequence[float]) -> list[float]:
    """The means of every two of them, each with itself too, in order."""
    return sorted((one + other) / 2 for number, one in enumerate(differences) for other in differences[: number + 1])


@cache
def find_critical(pairs: int, alpha: float) -> int | None:
    """The largest sum of the ranks below the shift that rejects it; None when not even 0 does."""
    counts = count_sums(tuple(range(1, pairs + 1)))
    ways, most = 0, alpha * 2**pairs
    for total, count in enumerate(counts):
        ways += count
        if ways > most:
            return total - 1 if total else None
    return len(counts) - 1


def find_detectable(differences: Sequence[float], margin: float, alpha: float) -> float:
    """The smallest shift of these very pairs that the test would have called more than `margin`, in POWER of cases.

    The pairs are drawn anew DRAWS times, around 0: from what is left of each without their common shift, with either
    sign. Of each draw the smallest shift that would do is known exactly. inf when no shift would do.
    """
    center = find_center(differences)
    noise = [value - center for value in differences]
    rng = random.Random(len(noise))
    needed = sorted(
        margin - find_bound([rng.choice(noise) * rng.choice((-1, 1)) for _ in noise], alpha) for _ in range(DRAWS)
    )
    return needed[min(DRAWS - 1, int(POWER * DRAWS))]
