"""Trends: many runs over time, a line per measure, and where it changed. Pure.

Change points are found by binary segmentation. The best split is the one that explains most of the variance of the
logarithms. It is a change point if few random orders of the same values have a split as good (a permutation test, which
assumes nothing about the noise), and if the means on both sides differ by the threshold. Then both parts are searched.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, log, log1p

from reports.comparison.blocks import KINDS, take_blocks
from reports.comparison.comparable_conditions import describe_conditions
from reports.comparison.comparison import Side
from reports.comparison.comparison_result import ChangePoint, Trend, TrendPoint
from reports.comparison.description import show_value
from reports.comparison.facts import Facts
from reports.comparison.regression import find_level, mean

# A new level needs so many runs in a row, before and after it: one slow run is none.
SEGMENT_MIN = 4
PERMUTATIONS = 1999
ALPHA = 0.01
THRESHOLD = 0.05
HEIGHTS = "▁▂▃▄▅▆▇█"
WIDTH_MAX = 40


def find_trends(runs: Sequence[Side]) -> tuple[Trend, ...]:
    """A trend for each measure of each series of runs that were made under the same conditions."""
    series: dict[tuple[tuple[str, str], ...], list[Side]] = {}
    for run in runs:
        series.setdefault(tuple(name_series(run.facts).items()), []).append(run)
    names = tell_apart([dict(key) for key in series])
    return tuple(trend for name, members in zip(names, series.values(), strict=True) for trend in trace(name, members))


def name_series(facts: Facts) -> dict[str, str]:
    """What runs of one series have in common, the engine and the profile first."""
    engine = {"engine": facts.name, "profile": facts.profile or ""}
    isolation = {"isolation": facts.isolation} if facts.isolation else {}
    return engine | isolation | describe_conditions(facts) | describe_amounts(facts)


def describe_amounts(facts: Facts) -> dict[str, str]:
    """How much was planned: the gate time of a longer run is no slower one."""
    races = [quota.races for quota in facts.plan.quotas.values()]
    known = [many for many in races if many is not None]
    amounts = {"races": str(sum(known)) if len(known) == len(races) else "as many as the time allows"} if races else {}
    return amounts | {level.unit: str(level.planned) for level in facts.levels if not level.scenarios}


def tell_apart(series: Sequence[Mapping[str, str]]) -> list[str]:
    """A name for each series: engine and profile, and what else differs between any two of the same name."""
    names = []
    for one in series:
        others = [each for each in series if each["engine"] == one["engine"] and each["profile"] == one["profile"]]
        telling = [
            f"{key}: {value}"
            for key, value in one.items()
            if key not in ("engine", "profile") and any(other.get(key) != value for other in others)
        ]
        profile = f" ({one['profile']})" if one["profile"] else ""
        names.append(", ".join([f"{one['engine']}{profile}", *telling]))
    return names


def trace(series: str, runs: Sequence[Side]) -> list[Trend]:
    """The trends of one series, in the order of the measures."""
    blocks = [take_blocks(run.facts).blocks for run in runs]
    present = [name for name in KINDS if any(name in each for each in blocks)]
    trends = []
    for name in present:
        kind = KINDS[name]
        points = tuple(
            TrendPoint(run.name, run.facts.started_at or "", level, run.judgement.verdict)
            for run, values in zip(runs, blocks, strict=True)
            if (level := find_level(values.get(name))) is not None
        )
        if not points:
            continue
        changes = find_changes([point.value for point in points], ALPHA / len(present))
        trends.append(Trend(series, name, kind.title, kind.unit, kind.better, points, changes))
    return trends


def find_changes(values: Sequence[float], alpha: float = ALPHA) -> tuple[ChangePoint, ...]:
    """Where the level of a series changed, in its order."""
    logs = [log(value) for value in values]
    found = sorted(split(logs, 0, len(logs), alpha, random.Random(len(logs))))
    if not found:
        return ()
    bounds = [0, *(index for index, _ in found), len(logs)]
    levels = [exp(mean(logs[start:end])) for start, end in pairwise(bounds)]
    return tuple(
        ChangePoint(index, before, after, p_value)
        for (index, p_value), (before, after) in zip(found, pairwise(levels), strict=True)
    )


def split(logs: Sequence[float], start: int, end: int, alpha: float, rng: random.Random) -> list[tuple[int, float]]:
    """The change points within a part, each with its p-value."""
    part = list(logs[start:end])
    if len(part) < 2 * SEGMENT_MIN:
        return []
    gain, at = find_split(part)
    if abs(mean(part[at:]) - mean(part[:at])) < log1p(THRESHOLD):
        return []
    p_value = find_p_value(part, gain, alpha, rng)
    if p_value > alpha:
        return []
    middle = start + at
    return [(middle, p_value), *split(logs, start, middle, alpha, rng), *split(logs, middle, end, alpha, rng)]


def find_split(part: Sequence[float]) -> tuple[float, int]:
    """The split after which the two means explain most of the variance: how much, and where."""
    total, size, before = sum(part), len(part), sum(part[: SEGMENT_MIN - 1])
    best = (-1.0, SEGMENT_MIN)
    for at in range(SEGMENT_MIN, size - SEGMENT_MIN + 1):
        before += part[at - 1]
        difference = before / at - (total - before) / (size - at)
        best = max(best, (difference * difference * at * (size - at) / size, at))
    return best


def find_p_value(part: list[float], gain: float, alpha: float, rng: random.Random) -> float:
    """The share of random orders with a split as good. Given up as soon as it cannot become small enough."""
    shuffled, as_good = list(part), 0
    for number in range(1, PERMUTATIONS + 1):
        rng.shuffle(shuffled)
        as_good += find_split(shuffled)[0] >= gain - 1e-12
        if as_good + 1 > alpha * (PERMUTATIONS + 1):
            return (as_good + 1) / (number + 1)
    return (as_good + 1) / (PERMUTATIONS + 1)


def draw_line(values: Sequence[float]) -> str:
    """The last values as heights, on a logarithmic scale."""
    logs = [log(value) for value in values[-WIDTH_MAX:]]
    low, span = min(logs), max(logs) - min(logs)
    return "".join(HEIGHTS[round((each - low) / span * (len(HEIGHTS) - 1))] if span else HEIGHTS[3] for each in logs)


def is_worse(trend: Trend, change: ChangePoint) -> bool:
    return (change.after > change.before) == (trend.better == "lower")


def describe_change(trend: Trend, change: ChangePoint) -> str:
    """One sentence: what changed, since which run, and how sure."""
    ratio = f"{change.after / change.before - 1:+.1%}"
    since = trend.points[change.index]
    word = "worse" if is_worse(trend, change) else "better"
    levels = f"from {show_value(change.before, trend.unit)} to {show_value(change.after, trend.unit)}"
    return f"{trend.measure} is {word} since {since.run}: {ratio}, {levels} (p = {change.p_value:.2g})"


def describe_trend(trend: Trend) -> str:
    """How many change points it has, or why it can have none."""
    if len(trend.changes):
        return f"{len(trend.changes)} change{'s' * (len(trend.changes) > 1)}"
    return "no change" if len(trend.points) >= 8 else f"too few runs ({len(trend.points)}; 8 are needed)"
