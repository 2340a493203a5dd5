"""What was planned of a run, and what was run of it: parts of run.json that the judge reads too. Values only."""

from typing import Literal

import msgspec


class ScenarioRun(msgspec.Struct, frozen=True, kw_only=True):
    """How much was planned and run of one scenario, in its unit."""

    scenario: str
    unit: str = ""
    planned: int = 0
    run: int = 0


class LevelRun(msgspec.Struct, frozen=True, kw_only=True):
    """How much was planned and run of one level. `ended` says why not all was run: time, out of ids, mismatch, ...

    `not_applicable`: what the target cannot express, and why: a scenario, or the level itself. `restarts`: how often a
    race was lined up again because a connection died before the release.
    """

    level: str
    unit: str = ""
    planned: int = 0
    run: int = 0
    seconds: float = 0.0
    ended: tuple[str, ...] = ()
    scenarios: tuple[ScenarioRun, ...] = ()
    not_applicable: dict[str, str] = {}
    restarts: int = 0


class SourceQuota(msgspec.Struct, frozen=True):
    """How many races and rounds a source is to run; null: as many as the time allows."""

    races: int | None = None
    rounds: int | None = None


class WorkerGroup(msgspec.Struct, frozen=True, kw_only=True):
    """How a level races: what a comparison of two runs holds to be its conditions. `scenarios`: scenario -> weight.

    Without `races` as many as the time allows; without `rate` as fast as they can; `duration` in seconds.
    """

    scenarios: dict[str, int] = {}
    races: int | None = None
    contenders: int = 0
    processes: int = 1
    together: bool = False
    rate: float | None = None
    duration: float | None = None


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """`sources`: the stems of the history files that there must be. `quotas`: source -> what it is to run.

    `accept_partial`: whether less than half of a level's plan is enough to be judged. `interrupted`: the name of the
    signal that ended the run before it was complete.
    """

    sources: tuple[str, ...] = ()
    quotas: dict[str, SourceQuota] = {}
    worker_groups: tuple[WorkerGroup, ...] = ()
    accept_partial: bool = False
    interrupted: str | None = None


class UnscheduledStatement(msgspec.Struct, frozen=True):
    """A statement that passed the proxy while schedules ran, how often, and why it was not held."""

    source: str
    sql: str
    passed: int
    why: Literal["background", "set-up"]
