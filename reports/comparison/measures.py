"""What a run measured beside its verdict, and how it is told: tables for the documents, a line for the terminal.

Measures never change a verdict; one that cannot be taken says so and leaves the rest alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reports.comparison.blocks import measure_blocks, measure_plan, measure_strata
from reports.comparison.latency import measure_latency
from reports.comparison.race_quality import measure_quality
from reports.history.history import History
from reports.judge.faults import count_faults, say_faults
from reports.judge.proxy_facts import count_endings, count_unheld

MEASURES: Mapping[str, Callable[[History], Any]] = {
    "race_quality": measure_quality,
    "latency": measure_latency,
    "blocks": measure_blocks,
    "strata": measure_strata,
    "plan": measure_plan,
    "faults": count_faults,
    "endings": count_endings,
    "unheld": count_unheld,
}
UNTIMED = frozenset({"faults", "endings", "unheld"})
OVERLAP_NOTE = (
    "Released: from the first to the last byte that made a contender's request whole. Overlapping: how many others "
    "were in flight together with the winner. Both are by the clients' clocks; a server that handles requests one by "
    "one overlaps by that measure too."
)
ARRIVAL_NOTE = " Arrived: from the first to the last whole request at the server, as it tells; the stronger proof."
SINCE = {
    "release": "From the release of a request to its whole answer.",
    "intended": "From the moment at which a request was meant to start (an open model): free of coordinated omission.",
    "mixed": "From the moment at which a request was meant to start where that is told, else from its release.",
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


def measure(history: History) -> dict[str, Any]:
    """One entry for each of MEASURES, as their files say. Nothing raises: {error} stands where one failed.

    Sources that walk through orders are not timed: their statements are held back, so their times say nothing.
    """
    timed = history.without({event["source"] for event in history.having("agenda")})
    found: dict[str, Any] = {}
    for name, take in MEASURES.items():
        try:
            found[name] = take(history if name in UNTIMED else timed)
        except Exception as error:  # noqa: BLE001 - a measure decides nothing, so it may not end anything either
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    return found


def tabulate(facts: Mapping[str, Any]) -> list[Table]:
    """The tables of what a run measured; none for what it did not."""
    measures = facts.get("measures") or {}
    quality, latency = measures.get("race_quality"), measures.get("latency")
    tables = [tabulate_quality(quality)] if isinstance(quality, list) and quality else []
    if latency and "error" not in latency:
        tables.append(tabulate_latency(latency))
    return tables


def tabulate_quality(quality: list[dict[str, Any]]) -> Table:
    arrived = any(entry["arrival_ns"] for entry in quality)
    shown = [(title, key) for title, key in QUALITIES.items() if arrived or key != "arrival_ns"]
    head = ("contenders", "races", *(f"{title} {label}" for title, _ in shown for label in STATISTICS))
    rows = [
        (
            str(entry["contenders"]),
            f"{entry['races']:,}",
            *(show_value(entry[key], key, label) for _, key in shown for label in STATISTICS),
        )
        for entry in quality
    ]
    return Table("How close the races were", OVERLAP_NOTE + (ARRIVAL_NOTE if arrived else ""), head, tuple(rows))


def tabulate_latency(latency: Mapping[str, Mapping[str, Any]]) -> Table:
    since = {one["since"] for one in latency.values()}
    note = SINCE[since.pop() if len(since) == 1 else "mixed"]
    head = ("outcome", "answered", "never", *LATENCIES)
    rows = [
        (
            outcome,
            f"{one['count']:,}",
            f"{one['unanswered']:,}",
            *(show_time(one[key]) if one["count"] else "" for key in LATENCIES.values()),
        )
        for outcome, one in latency.items()
    ]
    return Table("Latency by outcome", note, head, tuple(rows))


def show_value(summed: Mapping[str, int] | None, key: str, label: str) -> str:
    if summed is None:
        return ""
    return f"{summed[label]:,}" if key == "overlap" else show_time(summed[label])


def show_time(nanoseconds: int) -> str:
    """Three digits are enough for a reader: 84 µs, 1.31 ms, 2.05 s."""
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1e3:.0f} µs"
    return f"{nanoseconds / 1e6:.3g} ms" if nanoseconds < 999_500_000 else f"{nanoseconds / 1e9:.2f} s"


def describe_quality(facts: Mapping[str, Any]) -> str:
    """One line on the races of the size that was run most; empty without races."""
    quality = (facts.get("measures") or {}).get("race_quality")
    if not isinstance(quality, list) or not quality:
        return ""
    most = max(quality, key=lambda entry: entry["races"])
    release, arrival, overlap = most["release_ns"], most["arrival_ns"], most["overlap"]
    parts = [f"released within {show_pair(release)} by the clients' clocks"]
    if arrival:
        parts.append(f"all at the server within {show_pair(arrival)} by its own")
    if overlap:
        others = most["contenders"] - 1
        parts.append(
            f"{overlap['p50']} of {others} in flight together with the winner (p50; at least {overlap['min']})"
        )
    return f"races of {most['contenders']} ({most['races']:,}): {'; '.join(parts)}"


def describe_injected(facts: Mapping[str, Any]) -> str:
    """One line on the faults that were injected; empty without any."""
    counts = (facts.get("measures") or {}).get("faults")
    return say_faults(counts) if isinstance(counts, dict) and "error" not in counts else ""


def show_pair(summed: Mapping[str, int]) -> str:
    return f"{show_time(summed['p50'])} (p50), {show_time(summed['p95'])} (p95)"
