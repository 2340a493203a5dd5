"""Plans the levels of a run: which askers run, and how. `profiles.py` has their sizes, `level_runs.py` runs them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.provision.child import name_module
from engine.provision.ports import find_free_port
from engine.target.child_environment import ROOMS
from engine.target.target import Target
from load.scenario_quotas import Workload, list_quotas, make_workload, name_source, parse_weights
from onewinner.profiles import MIXED, PROFILES, SCOPES, Size
from reports.judge.levels.run_plan import RunPlan, SourceQuota, WorkerGroup


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
        """As options of stateful_tests/interleavings/program.py."""
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
    """A level of PROXIED. `options` are those of stateful_tests/interleavings/program.py.

    `size.amount` is how many schedules of one pairing are run at the most; `number` tells several levels of one kind
    apart.
    """
    name, source, proxy = f"{kind}-{number}" if number else kind, f"{kind}-{number}", proxy or ProxySetup()
    told = ["--level", name, "--source", source, "--schedules", str(size.amount), "--limit-s", str(size.limit_s)]
    told += [*options, *proxy.spell(), *(["--faults"] if kind == "faults" else [])]
    command = tuple(name_module("stateful_tests.interleavings.program", *told))
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
