"""Silences: whether the service answers no more, which ends a run; and what that means for the levels after it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from onewinner.level_plans import Level
from reports.judge.levels.run_plan import RunPlan

SILENT, SILENT_WHY = "silent", "the service answers no more"


def is_silent(history: Path, level: Level) -> bool:
    """Whether a source of this level ended because the service answers no more."""
    return any(ended_silent(history / f"{source}.jsonl") for source in level.sources)


def ended_silent(journal: Path) -> bool:
    """Only the `level` line is decoded: a journal has many."""
    if not journal.is_file():
        return False
    with journal.open("rb") as lines:
        told = [line for line in lines if b'"level"' in line and SILENT.encode() in line]
    return any(is_end(line) for line in told)


def is_end(line: bytes) -> bool:
    try:
        event = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return bool(event.get("event") == "level" and event.get("ended") == SILENT)


def describe_left_out(levels: Sequence[Level]) -> str | None:
    """That the levels after a silence did not run; None where there are none."""
    if not levels:
        return None
    *most, last = (level.name for level in levels)
    names = f"the levels {', '.join(most)} and {last}" if most else f"the level {last}"
    return f"since {SILENT_WHY}, {names} did not run"


def without(plan: RunPlan, left_out: Iterable[Level]) -> RunPlan:
    """The plan without the sources of levels that did not run: they owe nothing."""
    gone = {source for level in left_out for source in level.sources}
    quotas = {name: quota for name, quota in plan.quotas.items() if name not in gone}
    return structs.replace(plan, sources=tuple(name for name in plan.sources if name not in gone), quotas=quotas)
