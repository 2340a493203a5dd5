"""Walks every order in which the statements of concurrent requests can reach the database: proves, or shows the order.

A wire between the service and its database holds every statement, and lets one through at a time. Two requests meet on
a workflow in every state, over every two routes; each order has a fresh workflow, and the judge has the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from onewinner import levels
from onewinner.display import open_console, print_schedule, say
from onewinner.engine_choice import ISOLATIONS, EngineChoice, find_proxy_obstacle
from onewinner.exits import UsageError
from onewinner.levels import Level, ProxySetup, Size
from onewinner.options import (
    Parser,
    RunOptions,
    add_engine_options,
    add_run_options,
    bounded,
    positive,
    read_engine,
    read_run_options,
)
from onewinner.run import carry_out
from onewinner.run_request import RunRequest
from reports.comparison.facts import Facts, Pairing
from reports.documents.pairings import describe_pairing, is_proven
from reports.documents.run import Run, read_run
from reports.judge.schedules import LEFT, Race, RaceFileError, read_race

KILLS_MAX = 10_000
EXAMPLE = "onewinner explore --defect check-then-act --isolation all"


@dataclass(frozen=True)
class ExploreOptions:
    """What `explore` is asked for. `isolations` are explored one after the other; None: the engine's own.

    `race` is the one schedule to replay, from the file `replay`.
    """

    engine: EngineChoice
    run: RunOptions
    isolations: tuple[str | None, ...]
    scope: str
    contenders: int
    schedules: int
    limit_s: float
    mixed: int
    faults: bool
    replay: Path | None
    race: Race | None
    times: int


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if obstacle := find_proxy_obstacle(options.engine):
        raise UsageError(f"{options.engine.file}: {obstacle}")
    plan = tuple(plan_level(options, number, isolation) for number, isolation in enumerate(options.isolations))
    facts, is_replay = Facts(profile="explore"), options.race is not None
    code = carry_out(RunRequest(options.run, options.engine, plan, facts, is_exhaustive=True, is_replay=is_replay))
    show(read_run(options.run.folder), options.isolations, options.race)
    return code


def parse(arguments: list[str]) -> ExploreOptions:
    parser = Parser("explore", __doc__ or "", EXAMPLE)
    add_engine_options(parser, isolations=(*ISOLATIONS, "all"))
    add = parser.add_argument
    add(
        "--scope",
        choices=("kinds", "all"),
        default="all",
        help="all (default): every two routes from every state; kinds: one meeting of each kind",
    )
    add("--contenders", type=bounded(2, 4), default=2, metavar="N", help="requests per meeting (default: 2)")
    add("--schedules", type=bounded(1, 10**6), default=1000, metavar="N", help="at most so many orders of one meeting")
    add("--limit-s", type=positive, default=600.0, metavar="S", help="no meeting begins after so long (default: 600)")
    add("--mixed", type=bounded(0, 10**5), default=30, metavar="N", help="meetings drawn by Hypothesis (default: 30)")
    add(
        "--faults", action="store_true", help="one fault at each statement of the plainest order, instead of all orders"
    )
    add("--replay", type=Path, metavar="FILE", help="run the one order of a race file instead")
    add("--times", type=bounded(1, 10**4), default=1, metavar="N", help="how often to replay (default: 1)")
    add_run_options(parser, "the same drawn meetings")
    given = parser.parse_args(arguments)
    if given.pgbouncer is not None:
        raise UsageError("--pgbouncer: the proxy stands where it would stand; leave it out")
    if given.replay is not None and (given.defect or given.control or given.isolation):
        raise UsageError("--replay: the file says which engine it was; leave out --defect, --control and --isolation")
    chosen, race = read_engine(given), read_replay(given.replay)
    # Each level sets its own isolation.
    engine = replace(chosen, isolation=None, recorded_arguments=None if race is None else race.arguments)
    return ExploreOptions(
        engine,
        read_run_options("explore", arguments, given, engine.name),
        ISOLATIONS if given.isolation == "all" else (chosen.isolation_asked,),
        given.scope,
        given.contenders,
        given.schedules,
        given.limit_s,
        given.mixed,
        given.faults,
        given.replay,
        race,
        given.times,
    )


def read_replay(file: Path | None) -> Race | None:
    """The race to be replayed, if one is named. The engine is the one that it was found in."""
    try:
        return None if file is None else read_race(file)
    except RaceFileError as error:
        raise UsageError(str(error)) from None


def plan_level(options: ExploreOptions, number: int, isolation: str | None) -> Level:
    told = ["--scope", options.scope, "--contenders", str(options.contenders)]
    told += ["--mixed", str(options.mixed), "--seed", str(options.run.seed)]
    # A gate kills the server a few times at each level; here it is killed wherever that shows something new.
    told += ["--kills", str(KILLS_MAX)] if options.faults else []
    proxy = ProxySetup()
    if options.race is not None and options.replay is not None:
        told += ["--replay", str(options.replay.absolute()), "--times", str(options.times)]
        proxy = ProxySetup(parameters=dict(options.race.parameters))
    if isolation is not None and options.engine.is_reference:
        proxy = ProxySetup(("--isolation", isolation))
    elif isolation is not None:
        # The proxy asks another engine's database for it, in every session that does not choose for itself.
        proxy = ProxySetup(parameters={"default_transaction_isolation": isolation.replace("-", " ")})
    kind = "faults" if options.faults else "interleavings"
    return levels.plan_proxied(kind, Size(options.schedules, options.limit_s), told, number=number, proxy=proxy)


def show(written: Run, isolations: Sequence[str | None], race: Race | None) -> None:
    """The table of every isolation level, and the smallest order that violates; of a replay, how often it did."""
    pairings = written.facts.pairings
    names = list(dict.fromkeys(each.level for each in pairings))
    for name, isolation in zip(names, isolations, strict=False):
        print_table([each for each in pairings if each.level == name], isolation)
    if race is None:
        for found in written.facts.schedules[:1]:
            print_schedule(found)
        return
    violated, schedules = (sum(getattr(each, key) for each in pairings) for key in ("violated", "schedules"))
    say(f"\n{violated} of {schedules} replays violate: {', '.join(race.must_hold)}")
    if left := sum(each.remarks.get(LEFT, 0) for each in pairings):
        say(
            f"{left} of {schedules} replays left the recorded order: a statement of the file did not come, or another "
            "one did; they followed it as far as it went, and do not show what that order does now"
        )
    if race.apart:
        say("each replay is on new workflows; what they share may depend on which they are")
    for found in written.facts.schedules[:1]:
        say(found.trace)


def print_table(pairings: Sequence[Pairing], isolation: str | None) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (
        ("kind of pairing", "left"),
        ("pairings", "right"),
        ("schedules", "right"),
        ("", "left"),
        ("seen", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in pairings:
        style = "bold red" if row.violated else "green" if is_proven(row) else "yellow"
        seen = ", ".join(f"{remark} {count}" for remark, count in sorted(row.remarks.items()))
        table.add_row(
            row.kind,
            str(row.pairings),
            str(row.schedules),
            Text(describe_pairing(row), style=style),
            Text(seen, style="dim"),
        )
    console = open_console()
    total, saved = sum(row.schedules for row in pairings), sum(row.pruned for row in pairings)
    proven = sum(map(is_proven, pairings))
    console.print(Text(f"\n{isolation or 'the isolation level of the service'}:", style="bold"))
    console.print(table)
    console.print(
        f"{total:,} schedules of {sum(row.pairings for row in pairings):,} pairings, "
        f"{saved:,} branches left out that are equal to others; {proven} of {len(pairings)} kinds exhausted"
    )
