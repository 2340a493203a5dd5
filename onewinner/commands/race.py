"""Presses hard: races by the thousand over all scenarios, in one or more processes; judged and reported like a gate."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.provision.service import REFERENCE
from load.quotas import RACES_DEFAULT, make_workload, parse_weights
from onewinner.baseline import add_baseline_options
from onewinner.exits import UsageError
from onewinner.levels import Crew, plan_race
from onewinner.options import Parser, add_accept_partial, add_calibrate, add_engine_options, bounded, positive
from onewinner.run import Order, carry_out
from onewinner.stage import choose_footing, find_wire_obstacle, load
from onewinner.storm import Storm
from reports.comparison.facts import Facts

EXAMPLE = "onewinner race --scenarios same-transition,fork=2 --races 5000 --processes 2"
PROFILE = "race"
FAULT_RATE_DEFAULT, FAULT_RATE_MAX = 0.01, 0.2


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    crew = Crew(
        weights=options.scenarios,
        races=options.races,
        contenders=options.contenders,
        processes=options.processes,
        duration_s=options.duration or 0.0,
        rate_per_s=options.rate or 0.0,
        together=options.together,
        fail_fast=options.fail_fast,
    )
    refuse_when_nothing_applies(options.target, crew.weights, crew.races)
    levels, facts = (plan_race(crew, options.seed),), Facts(profile=PROFILE)
    order = Order("race", arguments, options, levels, facts, storm=choose_storm(options))
    return carry_out(replace(order, accepts_partial=options.accept_partial))


def choose_storm(options: argparse.Namespace) -> Storm | None:
    """What is to befall the engine's database. Raises UsageError when that cannot be done here."""
    if options.faults is None and not options.crashes:
        return None
    asked = "--faults" if options.faults is not None else "--crashes"
    obstacle = find_wire_obstacle(load(options.target), choose_footing(options), explores=False)
    if obstacle is not None:
        place = "" if options.target == REFERENCE else f"{options.target}: "
        raise UsageError(f"{asked}: {place}{obstacle}")
    if options.crashes and options.database != "embedded":
        raise UsageError("--crashes: only a database that onewinner made is crashed; pass --database embedded")
    if options.crashes and (options.duration is None or options.races is not None):
        raise UsageError("--crashes: they are spread over the --duration, which is needed; leave out --races")
    return Storm(options.faults or 0.0, options.crashes, options.duration or 0.0, options.seed)


def refuse_when_nothing_applies(file: Path, weights: Mapping[str, int], races: int | None) -> None:
    """Raises UsageError when the target can express none of the scenarios."""
    target = load(file, None)
    workload = make_workload(target, weights, races)
    if not workload.amounts:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in workload.obstacles.items())
        raise UsageError(f"--scenarios: none of them applies to the target {target.name}: {reasons}")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("race", __doc__ or "", EXAMPLE)
    add_engine_options(parser)
    add = parser.add_argument
    add(
        "--scenarios",
        type=weights,
        default=weights(""),
        metavar="LIST",
        help="which, with weights: fork,tenants=2 (default: all that the target can express)",
    )
    add("--contenders", type=bounded(2, 200), default=10, metavar="N", help="requests per race (default: 10)")
    add(
        "--races",
        type=bounded(1, 10**8),
        metavar="N",
        help=f"how many races in all (default: {RACES_DEFAULT}, or what --duration allows)",
    )
    add("--duration", type=positive, metavar="S", help="no life of a workflow begins after this many seconds")
    add("--rate", type=positive, metavar="R", help="rounds per second, begun when due: an open model")
    add("--processes", type=bounded(1, 64), default=1, metavar="N", help="Locust worker processes (default: 1)")
    add("--together", action="store_true", help="spread the contenders of each race over all processes")
    add(
        "--faults",
        nargs="?",
        type=rate,
        const=FAULT_RATE_DEFAULT,
        metavar="RATE",
        help="the part of the statements, on their way to the database, that meet a fault: a connection lost before, "
        f"during or after, a backend ended, a delay (default: {FAULT_RATE_DEFAULT})",
    )
    add("--crashes", type=bounded(0, 100), default=0, metavar="N", help="SIGKILL the PostgreSQL so often meanwhile")
    add("--fail-fast", action="store_true", help="end as soon as a violation is seen")
    add("--seed", type=bounded(0, 2**31), default=1, metavar="N", help="repeats the same plan (default: 1)")
    add_baseline_options(parser)
    add_calibrate(parser)
    add_accept_partial(parser)
    add("--out", type=Path, metavar="DIR", help="the run directory (default: runs/<UTC time>-<name>)")
    options = parser.parse_args(arguments)
    if options.together and options.processes == 1:
        raise UsageError("--together spreads each race over several processes; add --processes 2 or more")
    if options.races is None and options.duration is None:
        options.races = RACES_DEFAULT
    return options


def rate(text: str) -> float:
    """An argparse type: a part of the statements."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= FAULT_RATE_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and up to {FAULT_RATE_MAX}")
    return value


def weights(text: str) -> Mapping[str, int]:
    """An argparse type: scenarios with their weights."""
    try:
        return parse_weights(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
