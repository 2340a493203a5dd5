"""Asks the engines of the kill matrix: each variant at each level with each seed, in this process or side by side."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from load.scenario_quotas import parse_weights
from onewinner import level_plans
from onewinner.deployment import Deployment, EngineAccess, deploy, start_engine
from onewinner.engine_choice import EngineChoice
from onewinner.kill_matrix import VERDICTS, Cell, Variant, gather, judge_cell, list_variants, make_rows
from onewinner.level_plans import Level, RaceLoad
from onewinner.level_runs import count_levels, run_level
from onewinner.profiles import PROXIED, Size, size_for
from onewinner.run import find_troubles
from onewinner.schema_inspection import inspect, list_sources
from onewinner.subprocess_pool import run_jobs
from onewinner.terminal_display import open_console
from reports.comparison.facts import DefectRow, Facts
from reports.documents.run_folder import begin_run, finish_run, with_judgement
from reports.history import events
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict

CONTENDERS = 10
# What a cell asks for at most; a violation ends it earlier, but for races.
# The control `slow` takes 0.1 s for each of two thousand requests, for which the level has half of its time.
SIZES = {
    "sequential": Size(1, 480),
    "parallel": size_for(60, 8),
    "race": size_for(80, 8),
    "interleavings": size_for(1_000, 10),
    "faults": size_for(1_000, 40),
}
QUICK_SIZES = {**SIZES, "parallel": size_for(20, 6), "race": size_for(80, 6)}


@dataclass(frozen=True)
class MatrixPlan:
    """What to ask: engines, levels and seeds. `is_quick`: less of it, and at fewer levels."""

    variants: Sequence[Variant]
    levels: Sequence[str]
    seeds: Sequence[int]
    is_quick: bool

    def list_cells(self, variant: Variant) -> Iterator[tuple[str, int]]:
        for level in self.list_levels(variant):
            # The levels behind the proxy run all schedules and choose nothing at random: one seed is enough.
            yield from ((level, seed) for seed in (self.seeds[:1] if level in PROXIED else self.seeds))

    def list_levels(self, variant: Variant) -> Sequence[str]:
        """Those at which an engine is asked. Quick asks a defect at one of the levels that it names, and a control at
        one of the two behind the proxy, in turn, so that each level has some.
        """
        if not self.is_quick:
            return self.levels
        turn = list_variants().index(variant)
        if variant.kind == "control":
            return [level for level in self.levels if level not in PROXIED or level == PROXIED[turn % 2]]
        promised = [level for level in self.levels if variant.promised_at(level)]
        return [promised[turn % len(promised)]] if promised else []

    def __len__(self) -> int:
        return sum(len(list(self.list_cells(variant))) for variant in self.variants)


def ask_side_by_side(
    plan: MatrixPlan, folder: Path, arguments: Sequence[str], at_once: int
) -> tuple[list[DefectRow], Judgement]:
    """Every engine of the plan that is asked anything, by commands of their own; rows as run.json has them.

    Controls come first: no violation ends one early, and the slowest should not run alone at the end.
    """
    asked = [variant for variant in plan.variants if plan.list_levels(variant)]
    variants = sorted(asked, key=lambda variant: variant.kind != "control")
    console = open_console()
    rows = {variant: [row.pack() for row in make_rows([variant], [])] for variant in plan.variants}
    judgements: list[Judgement] = []
    with console.status(f"0 of {len(variants)} engines, {at_once} at once") as status:
        for result in run_jobs(variants, arguments, folder, at_once):
            if result.run is None:
                judgements.append(Judgement(Verdict.UNKNOWN, result.trouble, ()))
            else:
                judgements.append(result.run.judgement)
                rows[result.variant] = list(result.run.facts.defects) or rows[result.variant]
            told = ", ".join(f"{row.level} {row.status}" for row in rows[result.variant] if row.seeds)
            console.print(f"{result.variant.name}: {told or result.trouble}", soft_wrap=True)
            against = sum(each.verdict is not Verdict.PASS for each in judgements)
            status.update(f"{len(judgements)} of {len(variants)} engines, {against} wrong; {at_once} at once")
    return [row for variant in plan.variants for row in rows[variant]], gather(judgements)


def ask_all(plan: MatrixPlan, folder: Path, reference: EngineChoice) -> list[Cell]:
    """Every cell of the plan, variant by variant; what goes against the expectation is told at once."""
    console = open_console()
    cells: list[Cell] = []
    with console.status("") as status:

        def tell(variant: Variant, level: str, seed: int) -> None:
            against = sum(VERDICTS.get(cell.status, Verdict.PASS) is not Verdict.PASS for cell in cells)
            status.update(f"{len(cells)} of {len(plan)} cells, {against} wrong: {variant.name}, {level}, seed {seed}")

        for variant in plan.variants:
            wanted = list(plan.list_cells(variant))
            if wanted:
                sizes = QUICK_SIZES if plan.is_quick else SIZES
                for cell in ask_variant(variant, wanted, folder, reference, tell, sizes):
                    cells += [cell]
                told = ", ".join(f"{row.level} {row.status}" for row in make_rows([variant], cells) if row.cells)
                console.print(f"{variant.name}: {told}", soft_wrap=True)
    return cells


def ask_variant(
    variant: Variant,
    wanted: Sequence[tuple[str, int]],
    folder: Path,
    reference: EngineChoice,
    tell: Callable[[Variant, str, int], None],
    sizes: Mapping[str, Size],
) -> Iterator[Cell]:
    """The cells of one variant, which is started once for all levels that need no proxy."""
    log = folder / "logs" / f"{variant.name}.log"

    def ask(level: str, seed: int, access: EngineAccess) -> Cell:
        tell(variant, level, seed)
        place = folder / "cells" / f"{variant.name}-{level}-{seed}"
        return ask_cell(variant, plan_level(level, seed, sizes), seed, place, deployment, access)

    direct, proxied = ([cell for cell in wanted if (cell[0] in PROXIED) is behind] for behind in (False, True))
    engine = variant.choose(reference)
    with deploy(engine) as deployment:
        if direct:
            with start_engine(deployment, log) as access:
                yield from (ask(level, seed, access) for level, seed in direct)
        yield from (ask(level, seed, deployment.give_access()) for level, seed in proxied)


def plan_level(level: str, seed: int, sizes: Mapping[str, Size]) -> Level:
    size = sizes[level]
    if level == "sequential":
        return level_plans.plan_sequential(size, seed, shrink=False)
    if level in PROXIED:
        return level_plans.plan_proxied(level, size, ["--scope", "kinds"])
    if level == "parallel":
        return level_plans.plan_parallel(size, seed, shrink=False)
    return level_plans.plan_race(RaceLoad(parse_weights(""), size.amount, CONTENDERS, duration_s=size.limit_s), seed)


def ask_cell(
    variant: Variant, level: Level, seed: int, folder: Path, deployment: Deployment, access: EngineAccess
) -> Cell:
    """Runs the level and judges what it recorded. The folder stays when that goes against the expectation."""
    engine = deployment.choice
    plan = level_plans.plan_sources(engine.target, [level], list_sources(engine))
    run = begin_run(folder, engine.file, Facts(name=variant.name, seed=seed, plan=plan))
    with deployment.sinks.record_while(run.history):
        result = run_level(level, folder, access)
        if level.proxy is None:
            deployment.sinks.await_due(run.history, level.sources)
    inspect(access.database_url, engine, run.history)
    history = read_history(run.history)
    judgement = judge(history, engine.target.graph, plan=plan)
    troubles = "; ".join(find_troubles(run, [result], judgement))
    cell = judge_cell(variant, level.name, seed, history, judgement, troubles)
    if VERDICTS.get(cell.status, Verdict.PASS) is Verdict.PASS:
        shutil.rmtree(folder)
    else:
        finish_run(with_judgement(run, judgement, levels=count_levels(history.having(events.Level), [result])))
    return cell
