"""What the wire noted beside the orders: what passed it unheld, and how often the service ended under a fault."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from reports.history.history import History
from reports.judge.statements import clip

TEXTS_MAX = 20
SHOWN_MAX = 3


def count_endings(history: History) -> dict[str, int]:
    """How often the service ended by itself after each injected fault, and was started again."""
    return dict(Counter(str(event["fault"]) for event in history.having("restarted")).most_common())


def count_unheld(history: History) -> list[dict[str, Any]]:
    """The statements that passed while orders were chosen, the most frequent first: {level, sql, passed, why}."""
    found = [
        {"source": event["source"], "sql": clip(event["sql"]), "passed": int(event["passed"]), "why": event["why"]}
        for event in history.having("unheld")
    ]
    return sorted(found, key=lambda each: -each["passed"])[:TEXTS_MAX]


def say_endings(facts: Mapping[str, Any]) -> str:
    """One line; empty where it did not end."""
    counts = (facts.get("measures") or {}).get("endings")
    if not counts or "error" in counts:
        return ""
    total = sum(counts.values())
    after = ", ".join(f"{fault} {many}" for fault, many in counts.items())
    return (
        f"the service ended by itself {total} time{'s' * (total != 1)}, each time after an injected fault ({after}), "
        "and was started again as a supervisor would; without one it stays down"
    )


def say_unheld(facts: Mapping[str, Any]) -> str:
    """One line on what passed the wire unheld; empty where nothing did."""
    found = (facts.get("measures") or {}).get("unheld")
    if not isinstance(found, list) or not found:
        return ""
    parts = []
    for why, what in (("background", "of background work"), ("set-up", "that concern their session alone")):
        mine = [each for each in found if each["why"] == why]
        if mine:
            shown = ", ".join(f"{each['sql']} {each['passed']:,}" for each in mine[:SHOWN_MAX])
            parts.append(f"{sum(each['passed'] for each in mine):,} {what} ({shown})")
    return f"passed unheld during schedules: {'; '.join(parts)}"
