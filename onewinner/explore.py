"""Walks every order in which the statements of concurrent requests can reach the database: proves, or shows the order.

A wire between the service and its database holds every statement, and lets one through at a time. Two requests meet on
a workflow in every state, over every two routes; each order has a fresh workflow, and the judge has the last word.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from engine.service import REFERENCE
from onewinner import levels
from onewinner.display import Display, open_console
from onewinner.exits import Interrupted, UsageError
from onewinner.inspection import inspect
from onewinner.levels import Asked, Level, Share
from onewinner.options import ISOLATIONS, Parser, add_engine_options, bounded, name_isolation, positive
from onewinner.run import Order, conclude, gather_facts
from onewinner.secrets import hide_secrets
from onewinner.stage import load, service_arguments, set_bare_stage
from reports.evidence import Limits
from reports.history import History, HistoryError, read_history
from reports.judge import judge
from reports.run import Run, RunError, begin_run, read_run, refuse_taken
from reports.schedules import (
    RACE_FORMAT,
    UNDECIDED,
    Race,
    RaceFileError,
    Row,
    Schedule,
    Session,
    draw_trace,
    explain_order,
    is_proven,
    read_race,
    read_schedules,
    say_row,
    tabulate_kinds,
    write_race,
)
from reports.verdict import Judgement, Verdict

EXAMPLE = "onewinner explore --defect check-then-act --isolation all"
FINDINGS_MAX = 100_000
RACES_MAX = 20


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    race = read(options)
    isolations = list_isolations(options)
    plan = tuple(plan_level(options, race, number, isolation) for number, isolation in enumerate(isolations))
    order = Order("explore", arguments, options, plan, {"profile": "explore"})
    return carry_out(order, race, isolations)


def carry_out(order: Order, race: Race | None, isolations: Sequence[str | None]) -> int:
    """Runs the levels, one for each isolation level, and judges. Returns the exit code."""
    options, began = order.options, datetime.now(UTC)
    name = options.defect or options.control or load(options.target, None).name
    folder = options.out or Path("runs", f"{began:%Y%m%dT%H%M%SZ}-{name}")
    facts = gather_facts(order, name, began)
    arguments = list(race.arguments) if race is not None else service_arguments(options)
    secrets: frozenset[str] = frozenset()
    try:
        refuse_taken(folder)
        with set_bare_stage(options.target, options.database, arguments) as stage:
            secrets = stage.secrets
            run = begin_run(folder, options.target, facts)
            with Display(run.folder) as display:
                asked = [levels.run_level(level, folder, stage, display) for level in order.levels]
            inspect(stage, options.target, run.history)
    except RunError as error:
        raise UsageError(str(error)) from None
    except Interrupted:
        print("onewinner explore: interrupted; nothing was judged", file=sys.stderr)
        raise
    finally:
        hide_secrets(folder, secrets)
    code = conclude(order, run, asked, ended=find_undecided(run))
    if not any(run.history.glob("*")):
        # The asker never came to ask: the service did not start, and its log says why.
        return code
    show(order, read_run(folder), asked, isolations, race)
    return code


def find_undecided(run: Run) -> str | None:
    """The orders of which nobody knows what became of them, in words; None when there is none.

    One that was run again, and then to its end, is decided.
    """
    try:
        schedules = read_schedules(read_history(run.history))
    except HistoryError:
        return None
    decided = {(each.source, each.plan, each.order) for each in schedules if not each.remarks & UNDECIDED}
    lost = {(each.source, each.plan, each.order) for each in schedules if each.remarks & UNDECIDED} - decided
    return f"of {len(lost)} orders nobody knows what became of them, or they could not be run" if lost else None


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
    options = parser.parse_args(arguments)
    if options.workers is not None or options.pgbouncer is not None:
        raise UsageError("--workers and --pgbouncer: the wire stands where they would be varied; leave them out")
    options.calibrate = False
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
    if race is not None:
        told += ["--replay", str(options.replay.absolute()), "--times", str(options.times)]
        told += [f"--parameter={name}={value}" for name, value in race.parameters.items()]
    if isolation is not None and options.target == REFERENCE:
        told += ["--service-argument=--isolation", f"--service-argument={isolation}"]
    elif isolation is not None:
        # Of anyone else's service the wire asks it for every session that does not choose for itself.
        told += [f"--parameter=default_transaction_isolation={isolation.replace('-', ' ')}"]
    share = Share(options.schedules, options.limit_s)
    return levels.plan_wire(share, told, faults=options.faults, number=number)


def show(order: Order, run: Run, asked: Sequence[Asked], isolations: Sequence[str | None], race: Race | None) -> None:
    """The table of every isolation level, and the smallest order that violates, with a file to run it again."""
    history = read_history(run.history)
    violated = find_violated(history, run) if run.judgement.verdict is Verdict.FAIL else {}
    schedules = read_schedules(history)
    tables = tabulate_kinds(history, schedules, violated)
    for level, isolation in zip((each.level for each in asked), isolations, strict=True):
        print_table(tables.get(level.sources[0], []), isolation)
    bad = [each for each in schedules if each.workflow in violated]
    # What more checks see is the surer to be seen again.
    bad.sort(key=lambda each: (*each.size[:2], -len(violated[each.workflow]), *each.size[2:]))
    if race is not None:
        print(f"\n{len(bad)} of {len(schedules)} replays violate: {', '.join(race.must_hold)}")
        if bad:
            open_console().print(Text(draw_trace(bad[0])), soft_wrap=True)
        return
    if bad:
        files = write_races(order, run, history, bad, violated, isolations)
        print_violation(bad[0], violated[bad[0].workflow], files)


def find_violated(history: History, run: Run) -> dict[str, dict[str, str]]:
    """Workflow -> check -> title, of everything that a check found."""
    graph = load(run.folder / "target.toml", None).graph
    judgement: Judgement = judge(history, graph, limits=Limits(findings_max=FINDINGS_MAX))
    of_operation = dict(history.frame.select("id", "workflow").collect().iter_rows())
    found: dict[str, dict[str, str]] = {}
    for finding in judgement.findings:
        workflow = finding.workflow or next((of_operation[str(each)] for each in finding.operations), None)
        if finding.verdict is Verdict.FAIL and workflow is not None:
            found.setdefault(workflow, {}).setdefault(finding.check, finding.title)
    return found


def print_table(rows: Sequence[Row], isolation: str | None) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (
        ("kind of meeting", "left"),
        ("meetings", "right"),
        ("schedules", "right"),
        ("", "left"),
        ("seen", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        style = "bold red" if row.violated else "green" if is_proven(row) else "yellow"
        seen = ", ".join(f"{remark} {count}" for remark, count in sorted(row.remarks.items()))
        table.add_row(
            row.kind, str(row.plans), str(row.schedules), Text(say_row(row), style=style), Text(seen, style="dim")
        )
    console = open_console()
    total, saved = sum(row.schedules for row in rows), sum(row.saved for row in rows)
    proven = sum(map(is_proven, rows))
    console.print(Text(f"\n{isolation or 'the isolation level of the service'}:", style="bold"))
    console.print(table)
    console.print(
        f"{total:,} schedules of {sum(row.plans for row in rows):,} meetings, "
        f"{saved:,} branches left out that are equal to others; {proven} of {len(rows)} kinds shown whole"
    )


def write_races(
    order: Order,
    run: Run,
    history: History,
    bad: Sequence[Schedule],
    violated: dict[str, dict[str, str]],
    isolations: Sequence[str | None],
) -> list[Path]:
    """A file for the smallest violating order of each kind of meeting; their paths, the smallest of all first."""
    plans = {(event["source"], event["plan"]): event for event in history.having("exploration")}
    files: dict[str, Path] = {}
    for schedule in bad:
        plan = plans.get((schedule.source, schedule.plan))
        if plan is None or plan["kind"] in files or len(files) >= RACES_MAX:
            continue
        isolation = isolations[int(schedule.source.rpartition("-")[2])]
        arguments, parameters = service_arguments(order.options), {}
        if isolation is not None and order.options.target == REFERENCE:
            arguments += ["--isolation", isolation]
        elif isolation is not None:
            parameters["default_transaction_isolation"] = isolation.replace("-", " ")
        found = violated[schedule.workflow]
        sessions = tuple(
            Session(name, each["tenant"], each["route"], each["origin"], each["to"])
            for name, each in zip("ABCDEFGH", plan["actions"], strict=False)
        )
        race = Race(
            RACE_FORMAT,
            str(run.facts["target"]),
            next(iter(found.values())),
            plan["state"],
            sessions,
            schedule.order,
            tuple(found),
            {number: step.fault for number, step in enumerate(schedule.steps, start=1) if step.fault},
            tuple(arguments),
            parameters,
            schedule.steps,
        )
        files[plan["kind"]] = run.folder / "races" / f"race-{len(files) + 1}.json"
        write_race(files[plan["kind"]], race)
    return list(files.values())


def print_violation(schedule: Schedule, found: dict[str, str], files: Sequence[Path]) -> None:
    console = open_console()
    check, title = next(iter(found.items()))
    console.print(Text.assemble("\n", (check, "bold red"), f": {title}\n"), soft_wrap=True)
    console.print(Text(draw_trace(schedule)), soft_wrap=True)
    if sentence := explain_order(schedule):
        console.print(Text(f"\n{sentence}"), soft_wrap=True)
    if files:
        again = shlex.join(["onewinner", "explore", "--replay", str(files[0]), "--times", "10"])
        console.print(Text(f"again: {again}", style="dim"), soft_wrap=True)
