"""Amounts: what of its plan each level of a run got to, and why not to the rest.

A level that ran less than half of its plan proves too little, whatever its checks say of the part that was run.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from reports.history.history import History

FLOOR = 0.5
WHOLE = "share"
REASONS = {
    "time": "its time was up",
    "out of ids": "no id was left",
    "fail-fast": "a violation ended it",
    "mismatch": "a mismatch ended it",
    "asked to": "it was asked to end",
}

Amount = Mapping[str, Any]


def sum_levels(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """{level, unit, planned, run, ended, scenarios} of each level, from its sources' `level` events.

    `ended` has every reason why a source ended with less than its share; a scenario is {scenario, unit, planned, run}.
    """
    levels: dict[str, dict[str, Any]] = {}
    scenarios: dict[str, dict[str, dict[str, Any]]] = {}
    for event in events:
        name, ended = str(event.get("level")), str(event.get("ended", WHOLE))
        begun = {"level": name, "unit": str(event.get("unit", "")), "planned": 0, "run": 0, "ended": []}
        total = levels.setdefault(name, begun)
        add(total, event)
        total["ended"] += [ended] if ended not in (WHOLE, *total["ended"]) else []
        parts = scenarios.setdefault(name, {})
        for part in event.get("scenarios") or ():
            add(parts.setdefault(part["scenario"], {**part, "planned": 0, "run": 0}), part)
    return [{**level, "scenarios": list(scenarios[name].values())} for name, level in levels.items()]


def add(total: dict[str, Any], part: Mapping[str, Any]) -> None:
    for count in ("planned", "run"):
        total[count] += int(part.get(count) or 0)


def find_shortfalls(history: History) -> list[str]:
    """The levels, and the scenarios of a level, that ran less than half of their plan; one sentence for all."""
    short = [name for level in sum_levels(history.having("level")) for name in name_short(level)]
    told = f"less than half of what was planned of {', '.join(short)} was run (--accept-partial accepts that)"
    return [told] if short else []


def name_short(level: Amount) -> list[str]:
    """The level if it ran less than half of its plan, else its scenarios that did."""
    if level["run"] < FLOOR * level["planned"]:
        return [str(level["level"])]
    return [part["scenario"] for part in level["scenarios"] if part["run"] < FLOOR * part["planned"]]


def say_partial(levels: Iterable[Amount]) -> str:
    """What share was run of the levels that did not run all of their plan, and why not the rest; else empty."""
    told = [say_level(level) for level in levels]
    return f"partly run: {'; '.join(filter(None, told))}" if any(told) else ""


def say_level(level: Amount) -> str:
    """10 of 60 plans (parallel: its time was up); empty when all was run. The level's own number holds the races of its
    scenarios, and not their rounds.
    """
    others = [part for part in level.get("scenarios") or () if part["unit"] != level["unit"]]
    short = [amount for amount in (level, *others) if amount["run"] < amount["planned"]]
    if not short:
        return ""
    shares = ", ".join(
        f"{each['run']:,} of {each['planned']:,} {each['unit']}".strip()
        + (f" of {each['scenario']}" if each in others else "")
        for each in short
    )
    reasons = " and ".join(REASONS.get(reason, reason) for reason in level.get("ended") or ())
    return f"{shares} ({level['level']}: {reasons})" if reasons else f"{shares} ({level['level']})"
