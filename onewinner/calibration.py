"""Calibration: how many of the same races, on this machine and with these settings, catch a known mistake.

A green run on a machine on which nothing ever overlaps says nothing. The mistake is the reference engine's, the
narrowest of those that two requests can make together; the engine in question has no part in it.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from engine.provision.service import REFERENCE
from load.quotas import keep_races
from onewinner.exits import UsageError
from onewinner.levels import Crew, Level, plan_race, plan_sources, run_level
from onewinner.stage import set_stage
from reports.comparison.facts import Calibration, Facts
from reports.documents.run import Run, RunError, begin_run, with_judgement
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
        print(f"onewinner {command}: --calibrate: {error}", file=sys.stderr)
        return run
    strength = run.facts.strength
    assert strength is not None
    return with_judgement(run, run.judgement, strength=structs.replace(strength, calibration=found))


def calibrate(levels: Sequence[Level], folder: Path) -> Calibration | None:
    """Races run on the defect, and those that had two winners.

    None when none of the levels races. What was recorded is in `calibration` inside `folder`. Raises UsageError,
    RunError and HistoryError.
    """
    crew = next((level.crew for level in levels if level.crew is not None), None)
    if crew is None:
        return None
    level = plan_race(take_races(crew), SEED)
    log = folder / "logs" / "calibration.log"
    with set_stage(REFERENCE, "embedded", None, log, ["--defect", DEFECT]) as stage:
        plan = plan_sources(stage.target, [level])
        run = begin_run(folder / "calibration", REFERENCE, Facts(name=DEFECT, seed=SEED, plan=plan))
        run_level(level, run.folder, stage)
    [result] = judge(read_history(run.history), stage.target.graph, only=["one-winner"]).checks
    return Calibration(DEFECT, result.judged, result.findings_total, crew.contenders)


def take_races(crew: Crew) -> Crew:
    """The same races, no more of them than are needed, all of them run, and only those in which somebody wins."""
    races = min(crew.races or RACES_MAX, RACES_MAX)
    return replace(crew, weights=keep_races(crew.weights), races=races, fail_fast=False)
