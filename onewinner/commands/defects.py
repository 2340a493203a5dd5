"""Shows that the harness catches bugs, and only bugs: asks every engine broken on purpose, and every right one.

Of each defect, at each level, the promised check must fail and no other that it does not name; no check may fail on a
control. Exit 1 when that does not hold. A failing cell's history is kept in the run directory.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.provision.service import REFERENCE
from engine.reference.controls import list_controls
from engine.reference.defects import LEVELS, list_defects, read_promise
from load.quotas import parse_weights
from onewinner import levels
from onewinner.display import open_console, print_matrix
from onewinner.exits import Interrupted, UsageError
from onewinner.inspection import inspect, list_sources
from onewinner.kill_matrix import VERDICTS, Cell, Engine, conclude, gather, judge_cell, list_engines, make_rows
from onewinner.levels import Crew, Level, Share, aim
from onewinner.machine import describe_machine, list_versions
from onewinner.options import Parser, add_database, bounded, one_of
from onewinner.run import find_troubles, strip
from onewinner.stage import Stage, lay_ground, start_engine
from onewinner.subprocess_pool import count_at_once, run_errands
from reports.comparison.facts import DefectRow, Facts
from reports.documents.run import Run, RunError, begin_run, finish_run, read_run, with_judgement
from reports.history import events
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.verdict import EXIT_BY_VERDICT, Judgement, Verdict

EXAMPLE = "onewinner defects --defect narrow-check-then-act --level race --seeds 30"
CONTENDERS = 10
# Whoever names one of these gets a database of its own.
OWN_DATABASES = ("embedded", "container")
# What a cell asks for at most; a violation ends it earlier, but for races.
SHARES = {
    "sequential": aim(1, 6),
    "parallel": aim(60, 8),
    "race": aim(80, 8),
    "interleavings": aim(1_000, 10),
    "faults": aim(1_000, 25),
}
QUICK_SHARES = {
    "sequential": aim(1, 6),
    "parallel": aim(20, 6),
    "race": aim(80, 6),
    "interleavings": aim(1_000, 10),
    "faults": aim(1_000, 25),
}


@dataclass(frozen=True)
class Plan:
    """What to ask: engines, levels and seeds. `is_quick`: less of it, and at fewer levels."""

    engines: Sequence[Engine]
    levels: Sequence[str]
    seeds: Sequence[int]
    is_quick: bool

    def list_cells(self, engine: Engine) -> Iterator[tuple[str, int]]:
        for level in self.list_levels(engine):
            # All orders are walked at the levels behind the wire: nothing is drawn, so one seed is all.
            yield from ((level, seed) for seed in (self.seeds[:1] if level in levels.WIRED else self.seeds))

    def list_levels(self, engine: Engine) -> Sequence[str]:
        """Those at which an engine is asked. Quick asks a defect at one of the levels that it names, and a control at
        one of the two behind the wire; which one goes in turn, so that each level has some.
        """
        if not self.is_quick:
            return self.levels
        turn = list_engines().index(engine)
        if engine.kind == "control":
            return [level for level in self.levels if level not in levels.WIRED or level == levels.WIRED[turn % 2]]
        promised = [level for level in self.levels if engine.promised_at(level)]
        return [promised[turn % len(promised)]] if promised else []

    def __len__(self) -> int:
        return sum(len(list(self.list_cells(engine))) for engine in self.engines)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    plan = make_plan(options)
    began = datetime.now(UTC)
    folder: Path = options.out or Path("runs", f"{began:%Y%m%dT%H%M%SZ}-defects")
    facts = Facts(
        name="defects",
        command=" ".join(["onewinner defects", *strip(arguments)]),
        target="reference",
        seed=options.seed,
        started_at=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        versions=list_versions(),
        machine=describe_machine(),
    )
    try:
        run = begin_run(folder, REFERENCE, facts)
    except RunError as error:
        raise UsageError(str(error)) from None
    try:
        return ask(run, plan, options)
    except Interrupted:
        print("onewinner defects: interrupted; nothing was judged", file=sys.stderr)
        raise


def ask(run: Run, plan: Plan, options: argparse.Namespace) -> int:
    # A database that somebody named is one for all.
    at_once = count_at_once() if options.database.split(":")[0] in OWN_DATABASES and len(plan.engines) > 1 else 1
    if at_once > 1:
        return report(run, *ask_side_by_side(plan, run.folder, list_arguments(options), at_once))
    rows = make_rows(plan.engines, ask_everybody(plan, run.folder, options.database))
    return report(run, [row.pack() for row in rows], conclude(rows))


def list_arguments(options: argparse.Namespace) -> list[str]:
    """The options that say how each engine is asked."""
    seeds = ["--seeds", str(options.seeds)] if options.seeds else []
    levels = [word for level in options.level or () for word in ("--level", level)]
    quick = ["--quick"] if options.quick else []
    return ["--database", options.database, "--seed", str(options.seed), *seeds, *levels, *quick]


def ask_side_by_side(
    plan: Plan, folder: Path, arguments: Sequence[str], at_once: int
) -> tuple[list[DefectRow], Judgement]:
    """Every engine of the plan that is asked anything, by commands of their own; rows as run.json has them.

    Controls come first: no violation ends one early, and whoever takes long should not be left alone at the end.
    """
    asked = [engine for engine in plan.engines if plan.list_levels(engine)]
    engines = sorted(asked, key=lambda engine: engine.kind != "control")
    console = open_console()
    rows = {engine: [row.pack() for row in make_rows([engine], [])] for engine in plan.engines}
    judgements: list[Judgement] = []
    with console.status(f"0 of {len(engines)} engines, {at_once} at once") as status:
        for answer in run_errands(engines, arguments, folder, at_once):
            if answer.run is None:
                judgements.append(Judgement(Verdict.UNKNOWN, answer.trouble, ()))
            else:
                judgements.append(answer.run.judgement)
                rows[answer.engine] = list(answer.run.facts.defects) or rows[answer.engine]
            told = ", ".join(f"{row.level} {row.status}" for row in rows[answer.engine] if row.seeds)
            console.print(f"{answer.engine.name}: {told or answer.trouble}", soft_wrap=True)
            against = sum(each.verdict is not Verdict.PASS for each in judgements)
            status.update(f"{len(judgements)} of {len(engines)} engines, {against} wrong; {at_once} at once")
    return [row for engine in plan.engines for row in rows[engine]], gather(judgements)


def report(run: Run, rows: Sequence[DefectRow], judgement: Judgement) -> int:
    """Writes and shows the matrix. The exit code comes from the verdict file."""
    finished = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    finish_run(with_judgement(run, judgement, finished_at=finished, defects=tuple(rows)))
    written = read_run(run.folder)
    print_matrix(written)
    return EXIT_BY_VERDICT[written.judgement.verdict]


def ask_everybody(plan: Plan, folder: Path, database: str) -> list[Cell]:
    """Every cell of the plan, engine by engine; what goes against the expectation is told at once."""
    console = open_console()
    cells: list[Cell] = []
    with console.status("") as status:

        def tell(engine: Engine, level: str, seed: int) -> None:
            against = sum(VERDICTS.get(cell.status, Verdict.PASS) is not Verdict.PASS for cell in cells)
            status.update(f"{len(cells)} of {len(plan)} cells, {against} wrong: {engine.name}, {level}, seed {seed}")

        for engine in plan.engines:
            wanted = list(plan.list_cells(engine))
            if wanted:
                mine = ask_engine(engine, wanted, folder, database, tell, QUICK_SHARES if plan.is_quick else SHARES)
                for cell in mine:
                    cells += [cell]
                told = ", ".join(f"{row.level} {row.status}" for row in make_rows([engine], cells) if row.cells)
                console.print(f"{engine.name}: {told}", soft_wrap=True)
    return cells


def ask_engine(
    engine: Engine,
    wanted: Sequence[tuple[str, int]],
    folder: Path,
    database: str,
    tell: Callable[[Engine, str, int], None],
    shares: Mapping[str, Share],
) -> Iterator[Cell]:
    """The cells of one engine, which is started once for all levels that are not wired."""
    log = folder / "logs" / f"{engine.name}.log"

    def ask(level: str, seed: int, stage: Stage) -> Cell:
        tell(engine, level, seed)
        return ask_cell(
            engine, plan_level(level, seed, shares), seed, folder / "cells" / f"{engine.name}-{level}-{seed}", stage
        )

    unwired, wired = ([cell for cell in wanted if (cell[0] in levels.WIRED) is behind] for behind in (False, True))
    with lay_ground(REFERENCE, database, [*engine.arguments, *isolate(engine)]) as ground:
        if unwired:
            with start_engine(ground, None, log) as stage:
                yield from (ask(level, seed, stage) for level, seed in unwired)
        yield from (ask(level, seed, ground.set_bare()) for level, seed in wired)


def isolate(engine: Engine) -> list[str]:
    """The isolation level at which a defect shows."""
    needed = read_promise(engine.name).isolation if engine.kind == "defect" else None
    return ["--isolation", needed.lower().replace(" ", "-")] if needed is not None else []


def plan_level(level: str, seed: int, shares: Mapping[str, Share]) -> Level:
    share = shares[level]
    if level == "sequential":
        return levels.plan_sequential(share, seed, shrink=False)
    if level in levels.WIRED:
        return levels.plan_wire(level, share, ["--scope", "kinds"])
    if level == "parallel":
        return levels.plan_parallel(share, seed, shrink=False)
    return levels.plan_race(Crew(parse_weights(""), share.amount, CONTENDERS, duration_s=share.limit_s), seed)


def ask_cell(engine: Engine, level: Level, seed: int, folder: Path, stage: Stage) -> Cell:
    """Runs the level and judges what it recorded. The folder stays when that goes against the expectation."""
    plan = levels.plan_sources(stage.target, [level], list_sources(REFERENCE))
    run = begin_run(folder, REFERENCE, Facts(name=engine.name, seed=seed, plan=plan))
    asked = levels.run_level(level, folder, stage)
    inspect(stage.database_url, REFERENCE, run.history)
    history = read_history(run.history)
    judgement = judge(history, stage.target.graph, plan=plan)
    troubles = "; ".join(find_troubles(run, [asked], judgement))
    cell = judge_cell(engine, level.name, seed, history, judgement, troubles)
    if VERDICTS.get(cell.status, Verdict.PASS) is Verdict.PASS:
        shutil.rmtree(folder)
    else:
        finish_run(with_judgement(run, judgement, levels=levels.count_levels(history.having(events.Level), [asked])))
    return cell


def make_plan(options: argparse.Namespace) -> Plan:
    named = {*(options.defect or ()), *(options.control or ())}
    engines = [engine for engine in list_engines() if not named or engine.name in named]
    chosen = [level for level in LEVELS if not options.level or level in options.level]
    count = options.seeds or (1 if options.quick else 10)
    plan = Plan(engines, chosen, range(options.seed, options.seed + count), options.quick)
    if not len(plan):
        raise UsageError("--level: nothing is promised of these engines there; leave out --level or --quick")
    return plan


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("defects", __doc__ or "", EXAMPLE)
    add = parser.add_argument
    add("--defect", type=one_of(list_defects()), action="append", metavar="NAME", help="only this defect; repeatable")
    add(
        "--control", type=one_of(list_controls()), action="append", metavar="NAME", help="only this control; repeatable"
    )
    add("--level", type=one_of(LEVELS), action="append", metavar="NAME", help="only this level; repeatable")
    add("--seeds", type=bounded(1, 1000), metavar="K", help="how many seeds (default: 10; 1 with --quick)")
    add("--seed", type=bounded(0, 2**31), default=1, metavar="N", help="the first of the seeds (default: 1)")
    add("--quick", action="store_true", help="one seed, less of each level, and each defect at one level")
    add_database(parser)
    add("--out", type=Path, metavar="DIR", help="the run directory (default: runs/<UTC time>-defects)")
    return parser.parse_args(arguments)
