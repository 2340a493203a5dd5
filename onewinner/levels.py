"""The levels of a gate: which askers run, with what share of the time, and what they got to."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.processes import run_process
from onewinner import ROOMS
from onewinner.display import Display
from onewinner.stage import Stage

POLL_S = 0.1
USERS = 1
# No level begins anything new after its limit; what it began may take this much longer before it is ended.
GRACE_S = 60.0


@dataclass(frozen=True)
class Share:
    """How much of a level a profile wants, and how long it may go on beginning it, in seconds."""

    amount: int
    limit_s: float


PROFILES: Mapping[str, Mapping[str, Share]] = {
    "quick": {"sequential": Share(8, 30), "race": Share(300, 30)},
    "full": {"sequential": Share(120, 300), "race": Share(10_000, 400)},
}


@dataclass(frozen=True)
class Level:
    """One asker, to be run as a process. `mismatch_code` is its exit code for "the engine was wrong"."""

    name: str
    sources: tuple[str, ...]
    command: tuple[str, ...]
    limit_s: float
    amount: int
    mismatch_code: int = 0


@dataclass(frozen=True)
class Asked:
    """A level that was run: the asker's exit code (None: it took too long and was ended), and the seconds."""

    level: Level
    code: int | None
    seconds: float

    @property
    def met_mismatch(self) -> bool:
        return self.code == self.level.mismatch_code != 0

    @property
    def is_broken(self) -> bool:
        return self.code not in (0, self.level.mismatch_code)


def plan_levels(
    profile: str, seed: int, contenders: int, *, batches: int | None = None, races: int | None = None
) -> tuple[Level, ...]:
    """The levels of a profile; `batches` and `races`, when given, replace its amounts."""
    sequential, race = PROFILES[profile]["sequential"], PROFILES[profile]["race"]
    return (
        plan_sequential(replace(sequential, amount=batches or sequential.amount), seed),
        plan_race(replace(race, amount=races or race.amount), seed, contenders),
    )


def plan_sequential(share: Share, seed: int) -> Level:
    folder = str(ROOMS / "stateful_tests")
    # The folder in which onewinner was called may have a pytest configuration and plugins of its own.
    alone = ["-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin"]
    options = ["--seed", str(seed), "--batches", str(share.amount), "--limit-s", str(share.limit_s)]
    command = (sys.executable, "-m", "pytest", "-q", *alone, f"{folder}/test_sequential.py", *options)
    return Level("sequential", ("sequential-0",), command, share.limit_s, share.amount, mismatch_code=1)


def plan_race(share: Share, seed: int, contenders: int) -> Level:
    users = min(USERS, share.amount)
    options = ["--seed", str(seed), "--races", str(share.amount), "--contenders", str(contenders)]
    headless = ["--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(users)]
    file = ["-f", str(ROOMS / "load" / "locustfile.py"), "--limit-s", str(share.limit_s)]
    command = (sys.executable, "-m", "locust", *file, *headless, *options)
    return Level("race", tuple(f"race-{user}" for user in range(users)), command, share.limit_s, share.amount)


def run_level(level: Level, folder: Path, stage: Stage, display: Display) -> Asked:
    """Runs the asker to its end, showing how it gets on."""
    where = ["--target", str(folder / "target.toml"), "--base-url", stage.target.base_url]
    command = [*level.command, *where, "--history", str(folder / "history")]
    path = os.pathsep.join([str(ROOMS), *filter(None, [stage.environment.get("PYTHONPATH")])])
    environment = {**stage.environment, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    began = time.monotonic()
    log = folder / "logs" / f"{level.name}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output, run_process(command, output=output, environment=environment) as process:
        code: int | None = None
        while code is None and time.monotonic() < began + level.limit_s + GRACE_S:
            display.show(level.name, level.sources)
            try:
                code = process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                continue
    display.show(level.name, level.sources)
    return Asked(level, code, round(time.monotonic() - began, 1))


def count_levels(events: Iterable[Mapping[str, Any]], asked: Iterable[Asked]) -> list[dict[str, Any]]:
    """What each level got to, from what its sources say: {level, unit, planned, run, seconds}."""
    told = list(events)
    counted = []
    for each in asked:
        mine = [event for event in told if event["level"] == each.level.name]
        unit = mine[0]["unit"] if mine else ""
        run = sum(event["run"] for event in mine)
        facts = {"level": each.level.name, "unit": unit, "planned": each.level.amount, "run": run}
        counted.append({**facts, "seconds": each.seconds})
    return counted
