"""Under what conditions a run was measured: what was planned, and where. Nothing of what the engine got through is
among them, or else a slow engine could not be compared with a fast one. Nor is the seed: another one draws the same mix
in another order. Runs under different conditions are compared in their checks only.
"""

from collections.abc import Mapping
from typing import Any

# What a machine tells that a comparison between sessions allows for anyway.
DRIFTING = ("release",)
CREW = ("scenarios", "races", "contenders", "processes", "together", "rate", "duration")


def describe_conditions(facts: Mapping[str, Any]) -> dict[str, str]:
    """What must agree for measures to be comparable, by name, in words; what a run does not tell is left out."""
    told: dict[str, str] = {}
    for name, value in (facts.get("machine") or {}).items():
        if name not in DRIFTING:
            told[f"machine ({name})"] = str(value)
    if facts.get("database") is not None:
        told["database"] = str(facts["database"])
    plan = facts.get("plan") or {}
    for crew in (plan.get("crews") or ())[:1]:
        told |= {name: describe_plan(name, crew[name]) for name in CREW if name in crew}
    if facts.get("levels"):
        told["levels"] = ", ".join(level["level"] for level in facts["levels"] if not is_absent(level))
    storm = facts.get("storm")
    told["faults under load"] = f"{storm['rate']:g} of the statements, {storm['crashes']} crashes" if storm else "none"
    return told


def describe_plan(name: str, value: Any) -> str:
    """One of CREW, in words."""
    if name == "scenarios":
        return ", ".join(f"{scenario}={weight}" for scenario, weight in value.items())
    if name == "races" and value is None:
        return "as many as the time allows"
    return "none" if value is None else str(value)


def is_absent(level: Mapping[str, Any]) -> bool:
    """Whether a level could not be run at all on this engine."""
    return level["level"] in (level.get("not_applicable") or {})


def find_differences(baseline: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """What differs, one sentence each. What only one of them tells is no difference."""
    ours, theirs = describe_conditions(run), describe_conditions(baseline)
    return [
        f"different {name}: {theirs[name]} in the baseline, {ours[name]} in the run"
        for name in theirs
        if name in ours and theirs[name] != ours[name]
    ]
