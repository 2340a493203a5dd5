"""Walks every order in which the statements of concurrent requests can reach the database: proves, or shows the order.

A wire between the service and its database holds every statement, and lets one through at a time. Two requests meet on
a workflow in every state, over every two routes; each order has a fresh workflow, and the judge has the last word.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from engine.provision.service import REFERENCE
from onewinner import levels
from onewinner.display import open_console, print_schedule, say
from onewinner.exits import UsageError
from onewinner.levels import Level, Share, Wiring
from onewinner.options import ISOLATIONS, Parser, add_engine_options, bounded, name_isolation, positive
from onewinner.run import Order, carry_out, name_folder
from onewinner.stage import find_wire_obstacle, load
from reports.comparison.facts import Facts, Pairing
from reports.documents.pairings import describe_pairing, is_proven
from reports.documents.run import Run, read_run
from reports.judge.schedules import LEFT, Race, RaceFileError, read_race

KILLS_MAX = 10_000
EXAMPLE = "onewinner explore --defect check-then-act --isolation all"


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    race = read(options)
    target = load(options.target, None)
    if obstacle := find_wire_obstacle(target):
        raise UsageError(f"{options.target}: {obstacle}")
    isolations = list_isolations(options)
    plan = tuple(plan_level(options, race, number, isolation) for number, isolation in enumerate(isolations))
    service = None if race is None else race.arguments
    options.out = options.out or name_folder(options)
    code = carry_out(
        Order(
            "explore",
            arguments,
            options,
            plan,
            Facts(profile="explore"),
            service=service,
            is_exhaustive=True,
            is_replay=race is not None,
        )
    )
    show(read_run(options.out), isolations, race)
    return code


def parse(arguments: list[str]) -> argparse.Namespace:
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
    add("--seed", type=bounded(0, 2**31), default=1, metavar="N", help="repeats the same drawn meetings (default: 1)")
    add(
        "--faults", action="store_true", help="one fault at each statement of the plainest order, instead of all orders"
    )
    add("--replay", type=Path, metavar="FILE", help="run the one order of a race file instead")
    add("--times", type=bounded(1, 10**4), default=1, metavar="N", help="how often to replay (default: 1)")
    add("--out", type=Path, metavar="DIR", help="the run directory (default: runs/<UTC time>-<name>)")
    # Nothing is measured here that could be compared.
    parser.set_defaults(calibrate=False, baseline=None, acknowledged=None, threshold=None, drift=None)
    options = parser.parse_args(arguments)
    if options.pgbouncer is not None:
        raise UsageError("--pgbouncer: the wire stands where it would stand; leave it out")
    return options


def read(options: argparse.Namespace) -> Race | None:
    """The race to be replayed, if one is named. The engine is the one that it was found in."""
    if options.replay is None:
        return None
    if options.defect or options.control or options.isolation:
        raise UsageError("--replay: the file says which engine it was; leave out --defect, --control and --isolation")
    try:
        return read_race(options.replay)
    except RaceFileError as error:
        raise UsageError(str(error)) from None


def list_isolations(options: argparse.Namespace) -> tuple[str | None, ...]:
    """The isolation levels to be explored, one after the other; None: the engine's own."""
    asked, options.isolation = options.isolation, None if options.isolation == "all" else options.isolation
    if asked == "all":
        return ISOLATIONS
    found = name_isolation(options)
    # What goes to the service is decided level by level.
    options.isolation = None
    return (found,)


def plan_level(options: argparse.Namespace, race: Race | None, number: int, isolation: str | None) -> Level:
    told = ["--scope", options.scope, "--contenders", str(options.contenders)]
    told += ["--mixed", str(options.mixed), "--seed", str(options.seed)]
    # At every level of a gate it is killed a few times; here wherever something new is to be learnt.
    told += ["--kills", str(KILLS_MAX)] if options.faults else []
    wiring = Wiring()
    if race is not None:
        told += ["--replay", str(options.replay.absolute()), "--times", str(options.times)]
        wiring = Wiring(parameters=dict(race.parameters))
    if isolation is not None and options.target == REFERENCE:
        wiring = Wiring(("--isolation", isolation))
    elif isolation is not None:
        # Of anyone else's service the wire asks it for every session that does not choose for itself.
        wiring = Wiring(parameters={"default_transaction_isolation": isolation.replace("-", " ")})
    share = Share(options.schedules, options.limit_s)
    kind = "faults" if options.faults else "interleavings"
    return levels.plan_wire(kind, share, told, number=number, wiring=wiring)


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
