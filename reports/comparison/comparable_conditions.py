"""Under what conditions a run was measured: what was planned, and where. How far the engine got is not among them, or
else a slow engine could not be compared with a fast one. Nor is the seed: another one draws the same mix in another
order. Runs under different conditions are compared in their checks only.
"""

from msgspec.structs import asdict

from reports.comparison.facts import Facts

# What a machine tells that a comparison between sessions allows for anyway.
DRIFTING = ("release",)


def describe_conditions(facts: Facts) -> dict[str, str]:
    """What must agree for measures to be comparable, by name, in words; what a run does not tell is left out."""
    conditions = {f"machine ({name})": str(value) for name, value in facts.machine.items() if name not in DRIFTING}
    if facts.database is not None:
        conditions["database"] = facts.database
    for group in facts.plan.worker_groups[:1]:
        conditions |= {name: describe_setting(name, value) for name, value in asdict(group).items()}
    if facts.levels:
        conditions["levels"] = ", ".join(each.level for each in facts.levels if each.level not in each.not_applicable)
    relative = facts.measures.relative
    if relative is not None:
        conditions["turns"] = f"{relative.races} races of {relative.contenders} requests"
    faults = facts.fault_injector
    conditions["faults under load"] = (
        f"{faults.rate:g} of the statements, {faults.crashes} crashes" if faults else "none"
    )
    return conditions


def describe_setting(name: str, value: object) -> str:
    """A field of a worker group, in words."""
    if isinstance(value, dict):
        return ", ".join(f"{scenario}={weight}" for scenario, weight in value.items())
    if name == "races" and value is None:
        return "as many as the time allows"
    return "none" if value is None else str(value)


def find_differences(baseline: Facts, run: Facts) -> list[str]:
    """What differs, one sentence each. What only one of them tells is no difference."""
    ours, theirs = describe_conditions(run), describe_conditions(baseline)
    return [
        f"different {name}: {theirs[name]} in the baseline, {ours[name]} in the run"
        for name in theirs
        if name in ours and theirs[name] != ours[name]
    ]
