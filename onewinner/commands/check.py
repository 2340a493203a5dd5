"""Judges recorded histories again: a journal, a Parquet file, a folder of either, or a run directory."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from engine.target.graph import TransitionGraph
from onewinner.engine_choice import read_target
from onewinner.exits import UsageError, find_exit
from onewinner.help_layout import JUDGING, Parser, list_checks, one_of
from onewinner.options import add_accept_partial, positive, share
from onewinner.standard_streams import say
from onewinner.terminal_display import print_judgement
from reports.documents.run_folder import RunError, read_run
from reports.history.file_selection import list_left_out
from reports.history.history import HistoryError, read_history
from reports.judge.all_checks import CHECKS
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.limits import Limits
from reports.judge.text.short_forms import join
from reports.judge.verdict import Verdict, merge

EXAMPLE = "onewinner check runs/20260101T120000Z-orders --only linearizable"


@dataclass(frozen=True)
class CheckOptions:
    """What `check` is asked for. `only` names the checks, `workflow` the one workflow to judge; None for all."""

    paths: Sequence[Path]
    target: Path | None
    initial: str | None
    only: Sequence[str] | None
    workflow: str | None
    accepts_partial: bool
    limits: Limits


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    return find_exit(merge([check(path, options) for path in options.paths]))


def build_parser() -> Parser:
    parser = Parser("check", __doc__ or "", EXAMPLE, exits=JUDGING, lists=(list_checks,))
    add = parser.add_argument
    add("paths", type=Path, nargs="+", metavar="PATH", help="what to judge")
    add(
        "--target",
        type=Path,
        metavar="FILE",
        help="the target file whose transitions are legal (default: the run's own)",
    )
    add("--initial", metavar="STATE", help="the state before the first operation, where no create tells it")
    add(
        "--only",
        action="append",
        type=one_of(CHECKS),
        metavar="CHECK",
        help="only this check; repeatable",
    )
    add("--workflow", metavar="NAME", help="judge this workflow alone")
    add(
        "--unknown-max",
        type=share,
        metavar="SHARE",
        help="the share of operations, races and trails that may be unknown, such as 0.02 (default: as planned, for a "
        "run directory; any, for a history that is judged alone)",
    )
    add("--timeout-s", type=positive, metavar="S", help="the longest search in one workflow, in seconds (default: 10)")
    add_accept_partial(parser)
    return parser


def parse(arguments: list[str]) -> CheckOptions:
    given = build_parser().parse_args(arguments)
    limits = replace(Limits(), unknown_max=given.unknown_max)
    limits = limits if given.timeout_s is None else replace(limits, workflow_s=given.timeout_s)
    return CheckOptions(
        given.paths, given.target, given.initial, given.only, given.workflow, given.accept_partial, limits
    )


def check(path: Path, options: CheckOptions) -> Verdict:
    """Judges one path and prints its verdict. Raises UsageError for what cannot be judged."""
    try:
        history = read_history(path)
        plan = read_run(path).facts.plan if (path / "run.json").is_file() else None
        if options.workflow is not None:
            history.only(options.workflow)
    except (HistoryError, RunError) as error:
        raise UsageError(str(error)) from None
    left_out = list_left_out(path)
    if left_out:
        say(f"onewinner check: not read: {', '.join(left_out)}")
    if history.unrecognized:
        counted = join([f"{count} {kind}" for kind, count in sorted(history.unrecognized.items())])
        say(f"onewinner check: kept, and not judged, because this version does not know these events: {counted}")
    graph = find_graph(path, options.target)
    if options.initial is not None and graph is not None and options.initial not in graph.states:
        raise UsageError(f"--initial: {options.initial!r} is no state of the target's workflow")
    judgement = judge(
        history,
        graph,
        options.initial,
        plan=accept(plan, options) if options.workflow is None else None,
        command=repeat_command(path, options),
        only=options.only,
        workflow=options.workflow,
        limits=options.limits,
    )
    print_judgement(judgement)
    return judgement.verdict


def accept(plan: RunPlan | None, options: CheckOptions) -> RunPlan | None:
    """The run's plan, less than half of which may have been run where the options say so."""
    return structs.replace(plan, accept_partial=True) if plan is not None and options.accepts_partial else plan


def find_graph(path: Path, target: Path | None) -> TransitionGraph | None:
    """The graph of the run's own target copy, else of --target, else none: every transition is legal."""
    own = path / "target.toml"
    if target is None and own.is_file():
        target = own
    return read_target(target).graph if target is not None else None


def repeat_command(path: Path, options: CheckOptions) -> str:
    """What every finding's own command begins with."""
    unknown_max = options.limits.unknown_max
    parts = ["onewinner", "check", str(path)]
    parts += ["--target", str(options.target)] if options.target is not None else []
    parts += ["--initial", options.initial] if options.initial is not None else []
    parts += ["--unknown-max", f"{unknown_max:g}"] if unknown_max is not None else []
    return shlex.join(parts)
