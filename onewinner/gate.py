"""Proves that exactly one of N concurrent requests wins: starts the engine, asks it, judges, reports."""

import argparse
from pathlib import Path

from onewinner import levels
from onewinner.footings import AXES, choose_axes, run_matrix
from onewinner.options import Parser, add_calibrate, add_engine_options, bounded
from onewinner.run import Order, carry_out

EXAMPLE = "onewinner gate --defect check-then-act --seed 7"


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.matrix is not None:
        return run_matrix(options, arguments, run_gate)
    return run_gate(arguments)


def run_gate(arguments: list[str]) -> int:
    options = parse(arguments)
    plan = levels.plan_levels(
        options.profile, options.seed, options.contenders, batches=options.batches, races=options.races
    )
    return carry_out(Order("gate", arguments, options, plan, {"profile": options.profile}))


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("gate", __doc__ or "", EXAMPLE)
    add_engine_options(parser)
    add = parser.add_argument
    add("--profile", choices=sorted(levels.PROFILES), default="quick", help="quick (default): 90 s; full: 15 min")
    add("--seed", type=bounded(0, 2**31), default=1, metavar="N", help="repeats the same plan (default: 1)")
    add("--contenders", type=bounded(2, 200), default=10, metavar="N", help="requests per race (default: 10)")
    add("--batches", type=bounded(1, 10**6), metavar="N", help="batches of random sequences (default: by profile)")
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
    add_calibrate(parser)
    add("--out", type=Path, metavar="DIR", help="the run directory (default: runs/<UTC time>-<name>)")
    return parser.parse_args(arguments)
