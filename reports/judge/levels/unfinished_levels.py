"""How much of its plan each level of a run did not run, and why.

A level that ran less than half of its plan proves too little, even if its checks pass.
"""

from collections.abc import Iterable, Sequence

from reports.history import events
from reports.history.history import History
from reports.judge.levels.run_plan import LevelRun, ScenarioRun

FLOOR = 0.5
COMPLETE = "complete"
REASONS = {
    "time": "its time was up",
    "out of ids": "no id was left",
    "fail-fast": "a violation ended it",
    "mismatch": "a mismatch ended it",
    "asked to": "it was asked to end",
    "lost track": "answers were lost",
    "silent": "the service answers no more",
    "undecided": "of most schedules of the others it is not known whose statement came next",
    "gave up": "again and again no workflow came to where a race begins, which doctor may explain",
}


def sum_levels(told: Iterable[events.Level]) -> list[LevelRun]:
    """What each level got to, from its sources' `level` events; `ended` has every reason why a source ended early."""
    by_level: dict[str, list[events.Level]] = {}
    for event in told:
        by_level.setdefault(str(event.level), []).append(event)
    return [sum_level(name, mine) for name, mine in by_level.items()]


def sum_level(name: str, told: Sequence[events.Level]) -> LevelRun:
    parts: dict[str, list[events.ScenarioLevel]] = {}
    for part in (part for event in told for part in event.scenarios or ()):
        parts.setdefault(str(part.scenario), []).append(part)
    reasons = dict.fromkeys(event.ended for event in told if event.ended is not None)
    return LevelRun(
        level=name,
        unit=told[0].unit or "",
        planned=add_up(each.planned for each in told),
        run=add_up(each.run for each in told),
        ended=tuple(reason for reason in reasons if reason != COMPLETE),
        scenarios=tuple(sum_scenario(scenario, mine) for scenario, mine in parts.items()),
    )


def sum_scenario(name: str, told: Sequence[events.ScenarioLevel]) -> ScenarioRun:
    planned, run = add_up(each.planned for each in told), add_up(each.run for each in told)
    return ScenarioRun(scenario=name, unit=told[0].unit or "", planned=planned, run=run)


def add_up(counts: Iterable[float | None]) -> int:
    return sum(int(count or 0) for count in counts)


def find_unfinished_levels(history: History) -> list[str]:
    """The levels, and the scenarios of a level, that ran less than half of their plan; one sentence for all."""
    short = [name for level in sum_levels(history.having(events.Level)) for name in name_short(level)]
    told = f"less than half of what was planned of {', '.join(short)} was run (--accept-partial accepts that)"
    return [told] if short else []


def name_short(level: LevelRun) -> list[str]:
    """The level if it ran less than half of its plan, else its scenarios that did."""
    if level.run < FLOOR * level.planned:
        return [level.level]
    return [part.scenario for part in level.scenarios if part.run < FLOOR * part.planned]


def describe_partial(levels: Iterable[LevelRun]) -> str:
    """What share was run of the levels that did not run all of their plan, and why not the rest; else empty."""
    told = [describe_level(level) for level in levels]
    return f"partly run: {'; '.join(filter(None, told))}" if any(told) else ""


def describe_level(level: LevelRun) -> str:
    """10 of 60 plans (parallel: its time was up); empty when all was run. The level's own number holds the races of its
    scenarios, and not their rounds.
    """
    others = [part for part in level.scenarios if part.unit != level.unit]
    amounts: list[LevelRun | ScenarioRun] = [level, *others]
    short = [amount for amount in amounts if amount.run < amount.planned]
    if not short:
        return ""
    shares = ", ".join(
        f"{each.run:,} of {each.planned:,} {each.unit}".strip()
        + (f" of {each.scenario}" if isinstance(each, ScenarioRun) else "")
        for each in short
    )
    reasons = " and ".join(REASONS.get(reason, reason) for reason in level.ended)
    return f"{shares} ({level.level}: {reasons})" if reasons else f"{shares} ({level.level})"
