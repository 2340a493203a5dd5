"""Runs the levels of a run, each as a process, and counts how far they came. `level_plans.py` plans them."""

import contextlib
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from engine.provision.child import prepare
from engine.provision.processes import run_process
from engine.provision.service import read_tail
from engine.target.login_and_setup_steps import VARIABLE as SAVED
from load.client.workflow_factory import IDS_VARIABLE
from onewinner.deployment import Deployment, EngineAccess, start_engine, with_secrets
from onewinner.faults_under_load import start_injector
from onewinner.level_plans import Level
from onewinner.run_request import RunRequest
from onewinner.service_restarts import supervise
from onewinner.silent_service import is_silent
from onewinner.standard_streams import say
from onewinner.terminal_display import LIVE, Display, LevelLine
from reports.documents.run_folder import Run
from reports.history import events
from reports.judge.levels.run_plan import LevelRun
from reports.judge.levels.unfinished_levels import sum_levels

POLL_S = 0.1
# What a level began may take so much longer than its limit before it is ended.
GRACE_S = 60.0


@dataclass(frozen=True)
class LevelResult:
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


def run_levels(request: RunRequest, run: Run, deployment: Deployment) -> tuple[list[LevelResult], str | None]:
    """Runs the levels that share one service, then those that start one of their own behind the proxy; no more levels
    once the service fell silent.

    Also that the shared service ended in the middle, in words; None when it did not.
    """
    direct = [level for level in request.levels if level.proxy is None]
    results: list[LevelResult] = []
    ended, saved = None, dict[str, str]()
    with contextlib.closing(Display(run.folder, levels=len(request.levels))) as display:
        if direct:
            log = run.folder / "logs" / "service.log"
            with (
                start_injector(request.faults, deployment.database) as injector,
                start_engine(replace(deployment, database=injector.database), log) as access,
                injector.inject(run.history),
            ):
                with supervise(access, run.history, wanted=request.faults is not None) as asked:
                    for turn, level in enumerate(direct):
                        ids = f"{turn}/{len(direct)}"
                        results.append(run_level(level, run.folder, asked, display, ids=ids))
                        if is_silent(run.history, level):
                            break
                    # What is due may come later than the last answer, and only from the service that answered.
                    deployment.sinks.await_due(run.history, [name for each in results for name in each.level.sources])
                saved = {name: access.environment[name] for name in (SAVED,) if name in access.environment}
                ended = access.describe_end()
                if ended is not None:
                    say(f"onewinner {request.options.command}: {ended}{read_tail(log)}")
        # The shared service has ended by now: it may poll the database, or listen where the next one will.
        proxied = [level for level in request.levels if level.proxy is not None]
        if proxied and not direct and deployment.target.setup:
            # Without a level that shares a service, the set-up is sent to one that runs for that alone.
            with start_engine(deployment, run.folder / "logs" / "service.log") as access:
                saved = {SAVED: access.environment[SAVED]}
        access = deployment.give_access()
        access = replace(access, environment=with_secrets({**access.environment, **saved}))
        for level in proxied:
            if not any(is_silent(run.history, each.level) for each in results):
                results.append(run_level(level, run.folder, access, display))
    return results, ended


def run_level(
    level: Level, folder: Path, access: EngineAccess, display: Display | None = None, *, ids: str = "0/1"
) -> LevelResult:
    """Runs the asker to its end, showing how it gets on. `ids` is its part of the ids that the target lists."""
    folder = folder.absolute()
    place = ["--target", str(folder / "target.toml"), "--base-url", access.target.base_url]
    live = ["--live", str(folder / "logs" / LIVE)] if level.load is not None else []
    command = [*level.command, *place, "--history", str(folder / "history"), *live]
    environment = {**prepare(access.environment), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", IDS_VARIABLE: ids}
    races = level.load.races if level.load is not None else None
    line = display.begin(level.name, level.sources, live=bool(live), races=races) if display is not None else None
    return run_asker(level, command, folder, environment, GRACE_S, line)


def run_asker(
    level: Level,
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    grace_s: float,
    line: LevelLine | None = None,
) -> LevelResult:
    """Runs the process of a level until it ends, or has taken `grace_s` longer than its limit."""
    began, code = time.monotonic(), None
    log = folder / "logs" / f"{level.name}.log"
    log.parent.mkdir(exist_ok=True)
    with (
        log.open("ab") as output,
        run_process(command, output=output, environment=environment, cwd=folder, hides=True) as process,
    ):
        while code is None and (level.limit_s is None or time.monotonic() < began + level.limit_s + grace_s):
            if line is not None:
                line.show()
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(POLL_S)
    result = LevelResult(level, code, round(time.monotonic() - began, 2))
    if line is not None:
        line.end(result.seconds, met_mismatch=result.met_mismatch)
    return result


def count_levels(told: Sequence[events.Level], asked: Iterable[LevelResult]) -> tuple[LevelRun, ...]:
    """What each level got to, from what its sources say; of those that race, their scenarios, too.

    A level may tell of parts that have amounts of their own, the sweeps of `sequential`: they come last.
    """
    summed = {level.level: level for level in sum_levels(told)}
    counted = []
    for each in asked:
        mine = [event for event in told if event.level == each.level.name]
        found = summed.get(each.level.name, LevelRun(level=each.level.name))
        found = structs.replace(
            found,
            planned=found.planned if each.level.amount is None or found.unit == "rounds" else each.level.amount,
            ended=found.ended if mine else ("its asker told nothing",),
            scenarios=(),
            seconds=each.seconds,
        )
        if each.level.load is not None:
            found = structs.replace(
                found,
                scenarios=summed[each.level.name].scenarios if mine else (),
                not_applicable={name: why for event in mine for name, why in (event.not_applicable or {}).items()},
                restarts=sum(event.restarts or 0 for event in mine),
            )
        counted.append(found)
    named = {level.level for level in counted}
    return (*counted, *(level for level in summed.values() if level.level not in named))
