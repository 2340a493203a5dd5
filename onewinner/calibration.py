"""Calibration: how many of the same races, on this machine and with these settings, catch a known mistake.

A green run on a machine on which nothing ever overlaps says nothing. The mistake is the reference engine's, the
narrowest of those that two requests can make together; the engine in question has no part in it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from load.scenario_quotas import keep_races
from onewinner.deployment import run_engine
from onewinner.engine_choice import choose_reference
from onewinner.exits import UsageError
from onewinner.level_plans import Level, RaceLoad, plan_race, plan_sources
from onewinner.level_runs import run_level
from onewinner.standard_streams import say
from reports.comparison.facts import Calibration, Facts
from reports.documents.run_folder import Run, RunError, begin_run, with_judgement
from reports.history.history import HistoryError, read_history
from reports.judge.judge import judge

DEFECT = "narrow-check-then-act"
RACES_MAX = 300
SEED = 1


def with_calibration(run: Run, levels: Sequence[Level], command: str) -> Run:
    """The run with its calibration; without one, and that is told, when none can be made."""
    try:
        found = calibrate(levels, run.folder)
    except (UsageError, RunError, HistoryError) as error:
        say(f"onewinner {command}: --calibrate: {error}")
        return run
    strength = run.facts.strength
    assert strength is not None
    return with_judgement(run, run.judgement, strength=structs.replace(strength, calibration=found))


def calibrate(levels: Sequence[Level], folder: Path) -> Calibration | None:
    """Races run on the defect, and those that had two winners.

    None when none of the levels races. What was recorded is in `calibration` inside `folder`. Raises UsageError,
    RunError and HistoryError.
    """
    load = next((level.load for level in levels if level.load is not None), None)
    if load is None:
        return None
    level, engine = plan_race(take_races(load), SEED), choose_reference(DEFECT)
    with run_engine(engine, folder / "logs" / "calibration.log") as access:
        plan = plan_sources(engine.target, [level])
        run = begin_run(folder / "calibration", engine.file, Facts(name=DEFECT, seed=SEED, plan=plan))
        run_level(level, run.folder, access)
    [result] = judge(read_history(run.history), engine.target.graph, only=["one-winner"]).checks
    return Calibration(DEFECT, result.judged, result.findings_total, load.contenders)


def take_races(load: RaceLoad) -> RaceLoad:
    """The same races, no more of them than are needed, all of them run, and only those that have a winner."""
    races = min(load.races or RACES_MAX, RACES_MAX)
    return replace(load, weights=keep_races(load.weights), races=races, fail_fast=False)
