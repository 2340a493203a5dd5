"""What a run measured beside its verdict, as tables for the documents and as lines for the terminal.

Measures never change a verdict. If one fails, its error is recorded, and the others are still taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reports.comparison.blocks import measure_blocks, measure_plan, measure_strata
from reports.comparison.facts import Latency, Measures, RaceQuality, Spread
from reports.comparison.latency_percentiles import measure_latency
from reports.comparison.race_quality import measure_quality
from reports.history.events import Workload
from reports.history.history import History
from reports.judge.evidence.faults import count_faults
from reports.judge.levels.proxy_facts import count_endings, count_unscheduled
from reports.judge.text.short_forms import show_time

MEASURES: Mapping[str, Callable[[History], Any]] = {
    "race_quality": measure_quality,
    "latency": measure_latency,
    "blocks": measure_blocks,
    "strata": measure_strata,
    "plan": measure_plan,
    "faults": count_faults,
    "endings": count_endings,
    "unscheduled": count_unscheduled,
}
UNTIMED = frozenset({"faults", "endings", "unscheduled"})
OVERLAP_NOTE = (
    "Released: from the first to the last byte that made a contender's request whole. Overlapping: how many others "
    "were in flight together with the winner. Both are by the clients' clocks; a server that handles requests one by "
    "one overlaps by that measure too."
)
ARRIVAL_NOTE = " Arrived: from the first to the last whole request at the server, as it tells; the stronger proof."
SINCE = {
    "release": "From the release of a request to its whole answer.",
    "intended": "From the moment at which a request was meant to start (an open model): free of coordinated omission.",
    "mixed": "From the moment at which a request was meant to start, if the operation says so, else from its release.",
}
LATENCIES = {"p50": "p50_ns", "p90": "p90_ns", "p95": "p95_ns", "p99": "p99_ns", "p99.9": "p99_9_ns", "max": "max_ns"}
QUALITIES = {"released within": "release_ns", "arrived within": "arrival_ns", "overlapping": "overlap"}
STATISTICS = ("p50", "p95", "max")


@dataclass(frozen=True)
class Table:
    """A table of a document. The first column is words, all others are numbers."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def measure(history: History) -> Measures:
    """One measure for each of MEASURES, as their files say. Nothing raises: one that fails is among the errors.

    Sources that run through schedules are not timed: their statements are held back, so their times say nothing.
    """
    timed = history.without({source for source, _ in history.by_source(Workload)})
    found, errors = take_parts(
        {name: partial(take, history if name in UNTIMED else timed) for name, take in MEASURES.items()}
    )
    return Measures(**found, errors=errors)


def take_parts(parts: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Each part that can be taken, and why each of the others cannot."""
    found: dict[str, Any] = {}
    errors = {}
    for name, take in parts.items():
        try:
            found[name] = take()
        except Exception as error:  # noqa: BLE001 - what is shown beside a verdict may neither change one nor end a run
            errors[name] = f"{type(error).__name__}: {error}"
    return found, errors


def tabulate(measures: Measures) -> list[Table]:
    """The tables of what a run measured; none for what it did not."""
    tables = [tabulate_quality(measures.race_quality)] if measures.race_quality else []
    return tables + ([tabulate_latency(measures.latency)] if measures.latency else [])


def tabulate_quality(quality: Sequence[RaceQuality]) -> Table:
    arrived = any(entry.arrival_ns for entry in quality)
    shown = [(title, key) for title, key in QUALITIES.items() if arrived or key != "arrival_ns"]
    head = ("contenders", "races", *(f"{title} {label}" for title, _ in shown for label in STATISTICS))
    rows = [
        (
            str(entry.contenders),
            f"{entry.races:,}",
            *(show_value(getattr(entry, key), key, label) for _, key in shown for label in STATISTICS),
        )
        for entry in quality
    ]
    return Table("How close the races were", OVERLAP_NOTE + (ARRIVAL_NOTE if arrived else ""), head, tuple(rows))


def tabulate_latency(latency: Mapping[str, Latency]) -> Table:
    since = {one.since for one in latency.values()}
    note = SINCE[since.pop() if len(since) == 1 else "mixed"]
    head = ("outcome", "answered", "never", *LATENCIES)
    rows = [
        (
            outcome,
            f"{one.count:,}",
            f"{one.unanswered:,}",
            *(show_time(getattr(one, key)) if one.count else "" for key in LATENCIES.values()),
        )
        for outcome, one in latency.items()
    ]
    return Table("Latency by outcome", note, head, tuple(rows))


def show_value(summed: Spread | None, key: str, label: str) -> str:
    if summed is None:
        return ""
    value = getattr(summed, label)
    return f"{value:,}" if key == "overlap" else show_time(value)


def describe_quality(measures: Measures) -> str:
    """One line on the races of the size that was run most; empty without races."""
    if not measures.race_quality:
        return ""
    most = max(measures.race_quality, key=lambda entry: entry.races)
    parts = [f"released within {show_pair(most.release_ns)} by the clients' clocks"] if most.release_ns else []
    if most.arrival_ns:
        parts.append(f"all at the server within {show_pair(most.arrival_ns)} by its own")
    if most.overlap:
        overlap = f"{most.overlap.p50} of {most.contenders - 1} in flight together with the winner"
        parts.append(f"{overlap} (p50; at least {most.overlap.min})")
    return f"races of {most.contenders} ({most.races:,}): {'; '.join(parts)}"


def show_pair(spread: Spread) -> str:
    return f"{show_time(spread.p50)} (p50), {show_time(spread.p95)} (p95)"
