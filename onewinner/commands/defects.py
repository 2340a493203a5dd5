"""Shows that the harness catches bugs, and only bugs: asks every engine broken on purpose, and every right one.

Of each defect, at each level, the promised check must fail and no other that it does not name; no check may fail on a
control. Exit 1 when that does not hold. A failing cell's history is kept in the run directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.reference.controls import list_controls
from engine.reference.defects import LEVELS, list_defects
from onewinner.engine_choice import EngineChoice, choose_reference
from onewinner.exits import UsageError, find_exit
from onewinner.help_layout import JUDGING, Parser, list_levels, one_of
from onewinner.kill_matrix import conclude, list_variants, make_rows
from onewinner.kill_matrix_run import MatrixPlan, ask_all, ask_side_by_side
from onewinner.options import RunOptions, add_database, add_run_options, bounded, read_run_options
from onewinner.run_request import describe_command, describe_host
from onewinner.subprocess_pool import count_at_once
from onewinner.terminal_display import print_matrix
from reports.comparison.facts import DefectRow, Facts
from reports.documents.run_folder import Run, RunError, begin_run, finish_run, read_run, with_judgement
from reports.judge.verdict import Judgement

EXAMPLE = "onewinner defects --defect narrow-check-then-act --level race --seeds 30"
# Each command that names one of these gets a database of its own.
OWN_DATABASES = ("embedded", "container")


@dataclass(frozen=True)
class DefectsOptions:
    """What `defects` is asked for. `shared` are the options of the commands that ask one variant each."""

    plan: MatrixPlan
    reference: EngineChoice
    run: RunOptions
    shared: Sequence[str]


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    reference = options.reference
    facts = Facts(
        **describe_host(),
        name="defects",
        command=describe_command(options.run),
        target=reference.target.name,
        seed=options.run.seed,
    )
    try:
        run = begin_run(options.run.folder, reference.file, facts)
    except RunError as error:
        raise UsageError(str(error)) from None
    return ask(run, options)


def ask(run: Run, options: DefectsOptions) -> int:
    plan = options.plan
    # One database that the user named serves all engines, one after the other.
    is_own = options.reference.database.split(":")[0] in OWN_DATABASES
    at_once = count_at_once() if is_own and len(plan.variants) > 1 else 1
    if at_once > 1:
        return report(run, *ask_side_by_side(plan, run.folder, options.shared, at_once))
    rows = make_rows(plan.variants, ask_all(plan, run.folder, options.reference))
    return report(run, [row.pack() for row in rows], conclude(rows))


def report(run: Run, rows: Sequence[DefectRow], judgement: Judgement) -> int:
    """Writes and shows the matrix. The exit code comes from the verdict file."""
    finished = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    finish_run(with_judgement(run, judgement, finished_at=finished, defects=tuple(rows)))
    written = read_run(run.folder)
    print_matrix(written)
    return find_exit(written.judgement.verdict)


def build_parser() -> Parser:
    parser = Parser("defects", __doc__ or "", EXAMPLE, exits=JUDGING, lists=(list_levels,))
    add = parser.add_argument
    add("--defect", type=one_of(list_defects()), action="append", metavar="NAME", help="only this defect; repeatable")
    add(
        "--control", type=one_of(list_controls()), action="append", metavar="NAME", help="only this control; repeatable"
    )
    add("--level", type=one_of(LEVELS), action="append", metavar="NAME", help="only this level; repeatable")
    add("--seeds", type=bounded(1, 1000), metavar="K", help="how many seeds (default: 10; 1 with --quick)")
    add("--quick", action="store_true", help="one seed, less of each level, and each defect at one level")
    add_database(parser)
    add_run_options(parser, "the same plan; the first of the seeds")
    return parser


def parse(arguments: list[str]) -> DefectsOptions:
    given = build_parser().parse_args(arguments)
    named = {*(given.defect or ()), *(given.control or ())}
    variants = [variant for variant in list_variants() if not named or variant.name in named]
    chosen = [level for level in LEVELS if not given.level or level in given.level]
    count = given.seeds or (1 if given.quick else 10)
    plan = MatrixPlan(variants, chosen, range(given.seed, given.seed + count), given.quick)
    if not len(plan):
        raise UsageError("--level: nothing is promised of these engines there; leave out --level or --quick")
    shared = ["--database", given.database, "--seed", str(given.seed)]
    shared += ["--seeds", str(given.seeds)] if given.seeds else []
    shared += [word for level in given.level or () for word in ("--level", level)]
    shared += ["--quick"] if given.quick else []
    reference = replace(choose_reference(), database=given.database)
    return DefectsOptions(plan, reference, read_run_options("defects", arguments, given, "defects"), shared)
