"""A request to run levels on an engine, and what run.json tells of it."""

import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from msgspec import structs

from engine.provision.database import name_source
from onewinner import level_plans
from onewinner.engine_choice import WORKERS_DEFAULT, EngineChoice, hide_password
from onewinner.faults_under_load import FaultPlan, list_fault_sources
from onewinner.level_plans import Level
from onewinner.options import RunOptions, drop_options
from onewinner.schema_inspection import list_sources
from reports.comparison.facts import Facts

PACKAGES = ("onewinner", "sqlalchemy", "asyncpg", "starlette", "uvicorn", "hypothesis", "locust", "polars")


@dataclass(frozen=True)
class RunRequest:
    """What a command asks for: the engine, the levels to run on it, and `facts` of the command's own for run.json.

    `absent` has levels that cannot be run, and why. `faults` are injected meanwhile. An exhaustive run is unknown as
    soon as the outcome of one schedule is. A replay runs the schedule of a race file: it fails by that schedule alone.
    """

    options: RunOptions
    engine: EngineChoice
    levels: tuple[Level, ...]
    facts: Facts
    absent: Mapping[str, str] = field(default_factory=dict)
    faults: FaultPlan | None = None
    is_exhaustive: bool = False
    is_replay: bool = False


def gather_facts(request: RunRequest) -> Facts:
    """Everything that run.json tells beside the judgement. Neither tokens nor passwords are among it."""
    options, engine = request.options, request.engine
    sources = [*list_sources(engine), *list_fault_sources(request.faults)]
    plan = level_plans.plan_sources(engine.target, request.levels, sources)
    return structs.replace(
        request.facts,
        name=engine.name,
        command=describe_command(options),
        target=engine.target.name,
        seed=options.seed,
        database=name_source(engine.database),
        isolation=engine.isolation_asked,
        workers=engine.workers or (WORKERS_DEFAULT if engine.is_reference else None),
        fixed_processes=engine.has_fixed_processes,
        shared_session=engine.target.shares_session,
        pgbouncer=engine.pgbouncer is not None,
        defect=engine.defect,
        control=engine.control,
        **describe_host(),
        plan=structs.replace(plan, accept_partial=options.accepts_partial),
        fault_injector=request.faults.pack() if request.faults is not None else None,
    )


def describe_command(options: RunOptions) -> str:
    """The command that repeats the run: without --out, which is taken now, and without a database's password."""
    shown = [hide_password(argument) for argument in drop_options(options.arguments, ("--out",))]
    is_seeded = any(argument.partition("=")[0] == "--seed" for argument in shown)
    return shlex.join(["onewinner", options.command, *shown, *([] if is_seeded else ["--seed", str(options.seed)])])


def describe_host() -> dict[str, Any]:
    """When a run begins, and on what: the facts of these names."""
    return {
        "started_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "versions": {"python": platform.python_version(), **{name: find_version(name) for name in PACKAGES}},
        "machine": {"system": platform.system(), "release": platform.release(), "cpus": os.cpu_count() or 0},
    }


def find_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
