"""Proves that exactly one of N concurrent requests wins: starts the engine, asks it, judges, reports."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from engine.reference.defects import LEVELS
from onewinner import ROOMS, levels
from onewinner.baseline import add_baseline_options
from onewinner.exits import UsageError
from onewinner.gate_matrix import AXES, choose_axes, run_matrix
from onewinner.levels import Level, Share
from onewinner.options import Parser, add_accept_partial, add_calibrate, add_engine_options, bounded, one_of
from onewinner.run import Order, carry_out
from onewinner.stage import choose_footing, find_wire_obstacle, load
from reports.comparison.facts import Facts

REPLAYS, REPLAY_LIMIT_S = 10, 60.0
EXAMPLE = "onewinner gate --defect check-then-act --seed 7"


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.matrix is not None:
        return run_matrix(options, arguments, run_gate)
    return run_gate(arguments)


def run_gate(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.plan is not None:
        share = Share(options.plans or REPLAYS, REPLAY_LIMIT_S)
        plan: tuple[Level, ...] = (levels.plan_parallel(share, options.seed, plan=check_plan(options)),)
        facts = Facts(profile=options.profile)
        return carry_out(Order("gate", arguments, options, plan, facts, accepts_partial=options.accept_partial))
    amounts = {"batches": options.batches, "plans": options.plans, "races": options.races}
    plan = levels.plan_levels(options.profile, options.seed, options.contenders, **amounts)
    wanted = [level for level in plan if not options.level or level.name in options.level]
    obstacle = find_wire_obstacle(load(options.target), choose_footing(options))
    absent = {level.name: obstacle for level in wanted if obstacle is not None and level.wiring is not None}
    if len(absent) == len(wanted):
        raise UsageError(f"--level: none of them can be run: {options.target}: {obstacle}")
    ready = tuple(level for level in wanted if level.name not in absent)
    facts = Facts(profile=options.profile)
    return carry_out(Order("gate", arguments, options, ready, facts, absent, accepts_partial=options.accept_partial))


def check_plan(options: argparse.Namespace) -> Path:
    """The saved plan, which the target must be able to express: a wrong one is no fault of the engine."""
    path: Path = options.plan
    if not path.is_file():
        raise UsageError(
            f"--plan: {path} is no file; name a plan that a run has saved, plans/parallel.json in its folder"
        )
    load(options.target, None)
    # Plans belong to the asker, which is never imported.
    command = [
        sys.executable,
        "-m",
        "stateful_tests.parallel.plan",
        str(path.absolute()),
        str(options.target.absolute()),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOMS)}
    ended = subprocess.run(command, cwd=ROOMS, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise UsageError(f"--plan: {ended.stderr.strip()}")
    return path


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("gate", __doc__ or "", EXAMPLE)
    add_engine_options(parser)
    add = parser.add_argument
    add("--profile", choices=sorted(levels.PROFILES), default="quick", help="quick (default): 90 s; full: 15 min")
    add("--seed", type=bounded(0, 2**31), default=1, metavar="N", help="repeats the same plan (default: 1)")
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
    add_baseline_options(parser)
    add_calibrate(parser)
    add_accept_partial(parser)
    add("--out", type=Path, metavar="DIR", help="the run directory (default: runs/<UTC time>-<name>)")
    return parser.parse_args(arguments)
