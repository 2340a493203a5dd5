"""Under what conditions a run was measured. Two runs under different ones can be compared in their checks only."""

from collections.abc import Mapping
from typing import Any

# What a machine tells that a comparison between sessions allows for anyway.
DRIFTING = ("release",)


def describe_conditions(facts: Mapping[str, Any]) -> dict[str, str]:
    """What must agree for measures to be comparable, by name, in words; what a run does not tell is left out."""
    told: dict[str, str] = {}
    for name, value in (facts.get("machine") or {}).items():
        if name not in DRIFTING:
            told[f"machine ({name})"] = str(value)
    if "database" in facts:
        told["database"] = str(facts["database"])
    levels = [level for level in facts.get("levels", ()) if level.get("scenarios")]
    if levels:
        told["scenarios"] = ", ".join(describe_mix(levels[0]["scenarios"]))
        told["racing sources"] = str(len((facts.get("plan") or {}).get("shares") or ()))
    if facts.get("levels"):
        told["levels"] = ", ".join(level["level"] for level in facts["levels"] if level["planned"])
    storm = facts.get("storm")
    told["faults under load"] = f"{storm['rate']:g} of the statements, {storm['crashes']} crashes" if storm else "none"
    measures = facts.get("measures") or {}
    quality, latency = measures.get("race_quality"), measures.get("latency")
    if isinstance(quality, list) and quality:
        told["contenders"] = ", ".join(str(entry["contenders"]) for entry in quality)
    if latency and "error" not in latency:
        told["start of a latency"] = ", ".join(sorted({one["since"] for one in latency.values()}))
    return told


def describe_mix(scenarios: list[dict[str, Any]]) -> list[str]:
    """Each scenario with its share of all that was run, coarsely: rounding and a last life must not matter."""
    whole = sum(each["run"] for each in scenarios) or 1
    return [f"{each['scenario']} {round(20 * each['run'] / whole) * 5} %" for each in scenarios]


def find_differences(baseline: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """What differs, one sentence each. What only one of them tells is no difference."""
    ours, theirs = describe_conditions(run), describe_conditions(baseline)
    return [
        f"different {name}: {theirs[name]} in the baseline, {ours[name]} in the run"
        for name in theirs
        if name in ours and theirs[name] != ours[name]
    ]
