"""Proves that exactly one of N concurrent requests wins: starts the engine, asks it, judges, reports."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.provision.child import name_module, prepare
from engine.reference.defects import LEVELS
from onewinner import level_plans
from onewinner.engine_choice import EngineChoice, find_proxy_obstacle
from onewinner.exits import UsageError
from onewinner.gate_matrix import AXES, choose_axes, run_matrix
from onewinner.help_layout import COMPARING, Parser, list_levels, one_of
from onewinner.options import (
    RunOptions,
    add_engine_options,
    add_judged_options,
    add_run_options,
    bounded,
    read_engine,
    read_run_options,
)
from onewinner.profiles import PROFILES, Size
from onewinner.relative_measures import measure_relative
from onewinner.run import carry_out
from onewinner.run_request import RunRequest
from reports.comparison.facts import Facts

REPLAYS, REPLAY_LIMIT_S = 10, 60.0
MEASURE_S = 120
EXAMPLE = "onewinner gate --defect check-then-act --seed 7"


@dataclass(frozen=True)
class GateOptions:
    """What `gate` is asked for; an amount that is None is that of the profile. `plan` is a saved one.

    `axes` are those of --matrix: none for those without an option of their own, None without --matrix.
    """

    engine: EngineChoice
    run: RunOptions
    profile: str
    contenders: int
    levels: Sequence[str] | None
    batches: int | None
    plans: int | None
    races: int | None
    plan: Path | None
    axes: Sequence[str] | None


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.axes is None:
        return carry_out(plan_gate(options), measure_relative)
    return run_matrix(
        options.engine,
        options.run,
        options.axes,
        lambda engine, run: carry_out(plan_gate(replace(options, engine=engine, run=run)), measure_relative),
    )


def plan_gate(options: GateOptions) -> RunRequest:
    """The levels to be run. Raises UsageError when none of them can be."""
    engine, seed = options.engine, options.run.seed
    facts = Facts(profile=options.profile)
    if options.plan is not None:
        size = Size(options.plans or REPLAYS, REPLAY_LIMIT_S)
        level = level_plans.plan_parallel(size, seed, plan=check_plan(options.plan, engine))
        return RunRequest(options.run, engine, (level,), facts)
    amounts = {"batches": options.batches, "plans": options.plans, "races": options.races}
    planned = level_plans.plan_levels(options.profile, seed, options.contenders, **amounts)
    wanted = [level for level in planned if not options.levels or level.name in options.levels]
    obstacle = find_proxy_obstacle(engine)
    absent = {level.name: obstacle for level in wanted if obstacle is not None and level.proxy is not None}
    if len(absent) == len(wanted):
        raise UsageError(f"--level: none of them can be run: {engine.file}: {obstacle}")
    ready = tuple(level for level in wanted if level.name not in absent)
    return RunRequest(options.run, engine, ready, facts, absent)


def check_plan(path: Path, engine: EngineChoice) -> Path:
    """The saved plan, which the target must be able to express: a wrong one is no fault of the engine."""
    if not path.is_file():
        raise UsageError(
            f"--plan: {path} is no file; name a plan that a run has saved, plans/parallel.json in its folder"
        )
    # Plans belong to the asker, which is never imported.
    command = name_module("stateful_tests.parallel.plan", str(path.absolute()), str(engine.file.absolute()))
    ended = subprocess.run(command, env=prepare(), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise UsageError(f"--plan: {ended.stderr.strip()}")
    return path


def build_parser() -> Parser:
    parser = Parser("gate", __doc__ or "", EXAMPLE, exits=COMPARING, lists=(list_levels,))
    add_engine_options(parser)
    add = parser.add_argument
    add("--profile", choices=sorted(PROFILES), default="quick", help="quick (default): 2 to 4 min; full: 15 min")
    add("--contenders", type=bounded(2, 200), default=10, metavar="N", help="requests per race (default: 10)")
    add("--level", type=one_of(LEVELS), action="append", metavar="NAME", help="only this level; repeatable")
    add("--batches", type=bounded(1, 10**6), metavar="N", help="batches of random sequences (default: by profile)")
    add(
        "--plans", type=bounded(1, 10**6), metavar="N", help="how many plans of parallel branches (default: by profile)"
    )
    add("--plan", type=Path, metavar="FILE", help="run nothing but this saved plan, again and again")
    add("--races", type=bounded(1, 10**6), metavar="N", help="how many races (default: by profile)")
    add(
        "--matrix",
        nargs="?",
        type=choose_axes,
        const=(),
        metavar="AXES",
        help=f"the gate for each combination, in one table: {','.join(AXES)} (default: those without an option of "
        "their own)",
    )
    add(
        "--measure",
        nargs="?",
        type=bounded(1, 10**5),
        const=MEASURE_S,
        metavar="S",
        help="when all passed, measure the service in turns with the reference engine, for so many seconds (default: "
        f"{MEASURE_S}): a later --baseline then sees small changes",
    )
    add_judged_options(parser)
    add_run_options(parser, "the same plan")
    return parser


def parse(arguments: list[str]) -> GateOptions:
    given = build_parser().parse_args(arguments)
    engine = read_engine(given)
    run = read_run_options("gate", arguments, given, engine.name if given.matrix is None else "matrix")
    names = ("profile", "contenders", "batches", "plans", "races", "plan")
    same = {name: getattr(given, name) for name in names}
    return GateOptions(engine, replace(run, measure_s=given.measure), levels=given.level, axes=given.matrix, **same)
