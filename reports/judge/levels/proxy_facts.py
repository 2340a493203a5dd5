"""What the proxy noted beside the schedules: statements that passed, and how often the service ended after a fault."""

from collections import Counter
from collections.abc import Mapping, Sequence

from reports.history import events
from reports.history.history import History
from reports.judge.levels.run_plan import UnscheduledStatement
from reports.judge.levels.sql import clip

TEXTS_MAX = 20
SHOWN_MAX = 3
EMPTY = "(an empty statement)"


def count_endings(history: History) -> dict[str, int]:
    """How often the service ended by itself after each injected fault, and was started again."""
    return dict(Counter(str(event.fault) for event in history.having(events.Restarted)).most_common())


def count_unscheduled(history: History) -> tuple[UnscheduledStatement, ...]:
    """The statements that passed while schedules ran, the most frequent first."""
    found = [
        UnscheduledStatement(source, clip(event.sql), event.passed, event.why)
        for source, event in history.by_source(events.Unscheduled)
    ]
    return tuple(sorted(found, key=lambda each: -each.passed)[:TEXTS_MAX])


def describe_endings(counts: Mapping[str, int] | None) -> str:
    """One line; empty where it did not end."""
    if not counts:
        return ""
    total = sum(counts.values())
    after = ", ".join(f"{fault} {many}" for fault, many in counts.items())
    return (
        f"the service ended by itself {total} time{'s' * (total != 1)}, each time after an injected fault ({after}), "
        "and was started again as a supervisor would; without one it stays down"
    )


def describe_unscheduled(found: Sequence[UnscheduledStatement] | None) -> str:
    """One line on what passed the proxy unscheduled; empty where nothing did."""
    if not found:
        return ""
    parts = []
    for why, what in (("background", "of background work"), ("set-up", "that concern their session alone")):
        mine = [each for each in found if each.why == why]
        if mine:
            shown = ", ".join(f"{each.sql.strip() or EMPTY} {each.passed:,}" for each in mine[:SHOWN_MAX])
            parts.append(f"{sum(each.passed for each in mine):,} {what} ({shown})")
    return f"passed unscheduled during schedules: {'; '.join(parts)}"
