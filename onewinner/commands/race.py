"""Presses hard: races by the thousand over all scenarios, in one or more processes; judged and reported like a gate."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.target.target import Target
from load.scenario_quotas import RACES_DEFAULT, make_workload
from onewinner.engine_choice import EngineChoice, find_proxy_obstacle
from onewinner.exits import UsageError
from onewinner.faults_under_load import FaultPlan
from onewinner.help_layout import COMPARING, Parser, list_scenarios
from onewinner.level_plans import RaceLoad, plan_race
from onewinner.options import (
    RunOptions,
    add_engine_options,
    add_judged_options,
    add_run_options,
    bounded,
    number,
    positive,
    read_engine,
    read_run_options,
    weights,
)
from onewinner.run import carry_out
from onewinner.run_request import RunRequest
from reports.comparison.facts import Facts

EXAMPLE = "onewinner race --scenarios same-transition,fork=2 --races 5000 --processes 2"
PROFILE = "race"
FAULT_RATE_DEFAULT, FAULT_RATE_MAX = 0.01, 0.2
RATE = number(f"a number above 0 and up to {FAULT_RATE_MAX}", lambda value: 0 < value <= FAULT_RATE_MAX)


@dataclass(frozen=True)
class RaceOptions:
    """What `race` is asked for. `faults` is the part of the statements that meet one, None where no option names it."""

    engine: EngineChoice
    run: RunOptions
    load: RaceLoad
    faults: float | None
    crashes: int


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    refuse_when_nothing_applies(options.engine.target, options.load.weights, options.load.races)
    levels, facts = (plan_race(options.load, options.run.seed),), Facts(profile=PROFILE)
    return carry_out(RunRequest(options.run, options.engine, levels, facts, faults=plan_faults(options)))


def plan_faults(options: RaceOptions) -> FaultPlan | None:
    """The faults to inject. Raises UsageError when that cannot be done here."""
    if options.faults is None and not options.crashes:
        return None
    engine, load = options.engine, options.load
    asked = "--faults" if options.faults is not None else "--crashes"
    obstacle = find_proxy_obstacle(engine, explores=False)
    if obstacle is not None:
        place = "" if engine.is_reference else f"{engine.file}: "
        raise UsageError(f"{asked}: {place}{obstacle}")
    if options.crashes and engine.database != "embedded":
        raise UsageError("--crashes: only a database that onewinner made is crashed; pass --database embedded")
    if options.crashes and (not load.duration_s or load.races is not None):
        raise UsageError("--crashes: they are spread over the --duration, which is needed; leave out --races")
    return FaultPlan(options.faults or 0.0, options.crashes, load.duration_s, options.run.seed)


def refuse_when_nothing_applies(target: Target, weights: Mapping[str, int], races: int | None) -> None:
    """Raises UsageError when the target can express none of the scenarios."""
    workload = make_workload(target, weights, races)
    if not workload.amounts:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in workload.obstacles.items())
        raise UsageError(f"--scenarios: none of them applies to the target {target.name}: {reasons}")


def build_parser() -> Parser:
    parser = Parser("race", __doc__ or "", EXAMPLE, exits=COMPARING, lists=(list_scenarios,))
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
    add("--duration", type=positive, metavar="S", help="no script of a workflow begins after this many seconds")
    add("--rate", type=positive, metavar="R", help="rounds per second, begun when due: an open model")
    add("--processes", type=bounded(1, 64), default=1, metavar="N", help="Locust worker processes (default: 1)")
    add("--together", action="store_true", help="spread the contenders of each race over all processes")
    add(
        "--faults",
        nargs="?",
        type=RATE,
        const=FAULT_RATE_DEFAULT,
        metavar="RATE",
        help="the part of the statements, on their way to the database, that meet a fault: a connection lost before, "
        f"during or after, a backend ended, a delay (default: {FAULT_RATE_DEFAULT})",
    )
    add("--crashes", type=bounded(0, 100), default=0, metavar="N", help="SIGKILL the PostgreSQL so often meanwhile")
    add("--fail-fast", action="store_true", help="end as soon as a violation is seen")
    add_judged_options(parser)
    add_run_options(parser, "the same plan")
    return parser


def parse(arguments: list[str]) -> RaceOptions:
    given = build_parser().parse_args(arguments)
    if given.together and given.processes == 1:
        raise UsageError("--together spreads each race over several processes; add --processes 2 or more")
    load = RaceLoad(
        weights=given.scenarios,
        races=RACES_DEFAULT if given.races is None and given.duration is None else given.races,
        contenders=given.contenders,
        processes=given.processes,
        duration_s=given.duration or 0.0,
        rate_per_s=given.rate or 0.0,
        together=given.together,
        fail_fast=given.fail_fast,
    )
    engine = read_engine(given)
    return RaceOptions(
        engine, read_run_options("race", arguments, given, engine.name), load, given.faults, given.crashes
    )
