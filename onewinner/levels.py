"""The levels of a gate: which askers run, and how far they came. `profiles.py` has how much of each."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from msgspec import structs

from engine.provision.child import name_module, prepare
from engine.provision.ports import find_free_port
from engine.provision.processes import run_process
from engine.target.program_environment import ROOMS
from engine.target.target import Target
from load.quotas import Workload, list_quotas, make_workload, name_source, parse_weights
from onewinner.deployment import EngineAccess
from onewinner.display import LIVE, Display
from onewinner.profiles import MIXED, PROFILES, SCOPES, Size
from reports.history import events
from reports.judge import plan as amounts
from reports.judge.plan import RunPlan, SourceQuota, WorkerGroup
from reports.judge.shortfalls import sum_levels

POLL_S = 0.1
IDS_VARIABLE = "ONEWINNER_IDS"
# What a level began may take so much longer than its limit before it is ended.
GRACE_S = 60.0


@dataclass(frozen=True)
class RaceLoad:
    """Who races, and how hard: scenarios by weight, `races` in all (None: as many as the time allows)."""

    weights: Mapping[str, int]
    races: int | None
    contenders: int
    processes: int = 1
    duration_s: float = 0.0
    rate_per_s: float = 0.0
    together: bool = False
    fail_fast: bool = False


@dataclass(frozen=True)
class ProxySetup:
    """How a service is started behind the proxy: more arguments, and what every database session is set to."""

    arguments: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)

    def spell(self) -> list[str]:
        """As options of stateful_tests/interleavings/explore.py."""
        told = [f"--service-argument={argument}" for argument in self.arguments]
        return told + [f"--parameter={name}={value}" for name, value in self.parameters.items()]


@dataclass(frozen=True)
class Level:
    """One asker, to be run as a process. `mismatch_code` is its exit code for "the engine was wrong".

    `limit_s` is after how many seconds it begins nothing new, None for never; `amount` what it was asked to run,
    None for as much as it can. One that has a `proxy` starts the service by itself, behind the proxy.
    """

    name: str
    sources: tuple[str, ...]
    command: tuple[str, ...]
    limit_s: float | None
    amount: int | None
    mismatch_code: int = 0
    load: RaceLoad | None = None
    proxy: ProxySetup | None = None


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


def plan_levels(
    profile: str,
    seed: int,
    contenders: int,
    *,
    batches: int | None = None,
    plans: int | None = None,
    races: int | None = None,
) -> tuple[Level, ...]:
    """The levels of a profile; `batches`, `plans` and `races`, when given, replace its amounts."""
    sequential, parallel, race, interleavings, faults = PROFILES[profile].values()
    walked = ["--scope", SCOPES[profile], "--mixed", str(MIXED[profile]), "--seed", str(seed)]
    return (
        plan_sequential(replace(sequential, amount=batches or sequential.amount), seed),
        plan_parallel(replace(parallel, amount=plans or parallel.amount), seed),
        plan_race(RaceLoad(parse_weights(""), races or race.amount, contenders, duration_s=race.limit_s), seed),
        plan_proxied("interleavings", interleavings, walked),
        plan_proxied("faults", faults, ["--scope", "kinds"]),
    )


def plan_sequential(size: Size, seed: int, *, shrink: bool = True) -> Level:
    options = ["--seed", str(seed), "--batches", str(size.amount), "--limit-s", str(size.limit_s)]
    options += [] if shrink else ["--no-shrink"]
    command = call_pytest("sequential/level.py", options)
    return Level("sequential", ("sequential-0",), command, size.limit_s, size.amount, mismatch_code=1)


def plan_parallel(size: Size, seed: int, *, shrink: bool = True, plan: Path | None = None) -> Level:
    """`plan`: a saved one, to be executed so often instead of pinned and random ones."""
    options = ["--seed", str(seed), "--plans", str(size.amount), "--limit-s", str(size.limit_s)]
    options += [] if shrink else ["--no-shrink"]
    options += ["--plan", str(plan.absolute())] if plan is not None else []
    command = call_pytest("parallel/level.py", options)
    # What was begun may end in shrinking, which has a limit of its own.
    return Level("parallel", ("parallel-0",), command, size.limit_s, size.amount, mismatch_code=1)


def plan_proxied(
    kind: str, size: Size, options: Sequence[str] = (), *, number: int = 0, proxy: ProxySetup | None = None
) -> Level:
    """A level of PROXIED. `options` are those of stateful_tests/interleavings/explore.py.

    `size.amount` is how many schedules of one pairing are run at the most; `number` tells several levels of one kind
    apart.
    """
    name, source, proxy = f"{kind}-{number}" if number else kind, f"{kind}-{number}", proxy or ProxySetup()
    told = ["--level", name, "--source", source, "--schedules", str(size.amount), "--limit-s", str(size.limit_s)]
    told += [*options, *proxy.spell(), *(["--faults"] if kind == "faults" else [])]
    command = tuple(name_module("stateful_tests.interleavings.explore", *told))
    return Level(name, (source,), command, size.limit_s, None, proxy=proxy)


def call_pytest(file: str, options: Sequence[str]) -> tuple[str, ...]:
    folder = str(ROOMS / "stateful_tests")
    # The folder in which onewinner was called may have a pytest configuration and plugins of its own.
    alone = ["-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin"]
    return tuple(name_module("pytest", "-q", *alone, f"{folder}/{file}", *options))


def plan_race(load: RaceLoad, seed: int) -> Level:
    """The level that Locust runs: one source in each process, so that nothing comes between its last bytes."""
    scenarios = ",".join(f"{name}={weight}" for name, weight in load.weights.items())
    options = ["--seed", str(seed), "--contenders", str(load.contenders), "--scenarios", scenarios]
    options += ["--races", str(load.races or 0), "--duration", str(load.duration_s), "--rate", str(load.rate_per_s)]
    options += ["--together"] if load.together else []
    options += ["--fail-fast"] if load.fail_fast else []
    count = str(load.processes)
    headless = ["--headless", "--only-summary", "--users", count, "--spawn-rate", count, "--exit-code-on-error", "0"]
    if load.processes > 1:
        port = str(find_free_port())
        headless += ["--processes", count, "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        headless += ["--master-port", port]
    command = tuple(name_module("locust", "-f", str(ROOMS / "load" / "locustfile.py"), *headless, *options))
    sources = tuple(name_source(worker, 0) for worker in range(load.processes))
    return Level("race", sources, command, load.duration_s or None, load.races, load=load)


def plan_sources(target: Target, plan: Sequence[Level], more: Sequence[str] = ()) -> RunPlan:
    """run.json's plan: every source (`more` are those of no level), the share of those that race, and how they race."""
    quotas: dict[str, SourceQuota] = {}
    groups = []
    for level in plan:
        if level.load is None:
            continue
        load = level.load
        workload = make_workload(target, load.weights, load.races)
        quotas |= list_quotas(workload, load.processes, load.processes, together=load.together)
        groups.append(describe_load(load, workload))
    sources = (*(source for level in plan for source in level.sources), *more)
    return RunPlan(sources=sources, quotas=quotas, worker_groups=tuple(groups))


def describe_load(load: RaceLoad, workload: Workload) -> WorkerGroup:
    """What was planned of a level that races, for a comparison of runs; without the scenarios that do not apply."""
    return WorkerGroup(
        scenarios=dict(workload.weights),
        races=load.races,
        contenders=load.contenders,
        processes=load.processes,
        together=load.together,
        rate=load.rate_per_s or None,
        # With an amount to be run, the limit only stops what is far too slow.
        duration=None if load.races is not None else load.duration_s or None,
    )


def run_level(
    level: Level, folder: Path, access: EngineAccess, display: Display | None = None, *, ids: str = "0/1"
) -> LevelResult:
    """Runs the asker to its end, showing how it gets on. `ids` is its part of the ids that the target lists."""
    folder = folder.absolute()
    place = ["--target", str(folder / "target.toml"), "--base-url", access.target.base_url]
    live = ["--live", str(folder / "logs" / LIVE)] if level.load is not None else []
    command = [*level.command, *place, "--history", str(folder / "history"), *live]
    environment = {**prepare(access.environment), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", IDS_VARIABLE: ids}
    show = partial(display.show, level.name, level.sources, live=bool(live)) if display is not None else None
    return run_asker(level, command, folder, environment, GRACE_S, show)


def run_asker(
    level: Level,
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    grace_s: float,
    show: Callable[[], None] | None = None,
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
            if show is not None:
                show()
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(POLL_S)
    if show is not None:
        show()
    return LevelResult(level, code, round(time.monotonic() - began, 2))


def count_levels(told: Sequence[events.Level], asked: Iterable[LevelResult]) -> tuple[amounts.LevelRun, ...]:
    """What each level got to, from what its sources say; of those that race, their scenarios, too.

    A level may tell of parts that have amounts of their own, the sweeps of `sequential`: they come last.
    """
    summed = {level.level: level for level in sum_levels(told)}
    counted = []
    for each in asked:
        mine = [event for event in told if event.level == each.level.name]
        found = summed.get(each.level.name, amounts.LevelRun(level=each.level.name))
        found = structs.replace(
            found,
            planned=found.planned if each.level.amount is None else each.level.amount,
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
