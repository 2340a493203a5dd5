"""Compares a run with a baseline: checks that newly fail, were fixed or still fail, and measures that changed.

`compare BASELINE RUN` takes two run directories. A measure regressed when it changed by the threshold at least, and a
test over its blocks says that neither noise nor the drift of the machine explains it. `compare --ab A B` runs two
engines in turns on this machine, which is what finds small changes. An engine is `reference`, `control:NAME`,
`defect:NAME` or a target file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onewinner.baseline import UnreadableError, compare_runs, find_run, print_comparison, read_terms
from onewinner.exits import UNKNOWN, UsageError, find_comparison_exit
from onewinner.help_layout import COMPARING, Parser, list_scenarios
from onewinner.options import (
    ComparisonOptions,
    RunOptions,
    add_comparison_options,
    bounded,
    choose_folder,
    read_comparison,
    weights,
)
from onewinner.standard_streams import say
from reports.documents.run_folder import finish_run, with_judgement

EXAMPLE = """onewinner compare runs/20260101T120000Z-orders runs/20260102T120000Z-orders
         onewinner compare --ab old.toml new.toml"""


@dataclass(frozen=True)
class TurnsOption:
    """An option that only --ab takes."""

    name: str
    kind: Callable[[str], Any]
    metavar: str
    default: Any
    told: str


BLOCKS_MAX = 1000
TURNS = (
    TurnsOption("blocks", bounded(1, BLOCKS_MAX), "N", 120, "turns of each engine at most (default: 120)"),
    TurnsOption("races", bounded(1, 10**6), "N", 40, "races of a turn (default: 40)"),
    TurnsOption("seconds", bounded(1, 10**5), "S", 140, "no turn begins after so many seconds (default: 140)"),
    TurnsOption("contenders", bounded(2, 200), "N", 10, "requests per race (default: 10)"),
    TurnsOption("scenarios", weights, "LIST", None, "which, with weights: fork,tenants=2 (default: all)"),
    TurnsOption("seed", bounded(0, 2**31), "N", 1, "repeats the same plan (default: 1)"),
    TurnsOption("database", str, "embedded|container", "embedded", "one for each engine (default: embedded)"),
    TurnsOption("out", Path, "DIR", None, "the folder of both runs (default: runs/<UTC time>-turns)"),
)


@dataclass(frozen=True)
class CompareOptions:
    """Two run directories, and how they are compared. `writes`: into the second run's run.json and its report."""

    runs: Sequence[Path]
    writes: bool
    comparison: ComparisonOptions


def main(arguments: list[str]) -> int:
    options, turns = parse(arguments)
    if turns is None:
        return compare_two(options)
    # Not above: it brings the whole engine along, and two run directories need none of it.
    from onewinner.ab import TurnsOptions, take_turns

    run = RunOptions("compare", tuple(arguments), choose_folder(turns.pop("out"), "turns"), turns.pop("seed"))
    return take_turns(TurnsOptions(replace(run, comparison=options.comparison), **turns))


def compare_two(options: CompareOptions) -> int:
    """Two run directories. Returns the exit code."""
    names = ("BASELINE", "RUN")
    try:
        baseline, run = (find_run(path, name) for path, name in zip(options.runs, names, strict=True))
    except UnreadableError as error:
        say(f"onewinner compare: {error}")
        return UNKNOWN
    comparison = compare_runs(baseline, run, options.comparison)
    if options.writes:
        finish_run(with_judgement(run, run.judgement, comparison=comparison))
    print_comparison(comparison)
    return find_comparison_exit(comparison)


def build_parser() -> Parser:
    parser = Parser("compare", __doc__ or "", EXAMPLE, exits=COMPARING, lists=(list_scenarios,))
    add = parser.add_argument
    add("runs", type=Path, nargs="*", metavar="BASELINE RUN", help="two run directories")
    add("--write", action="store_true", help="write the comparison into the run's run.json and its report")
    add("--ab", nargs=2, metavar=("A", "B"), help="run two engines in turns, and compare B with A")
    add_comparison_options(parser)
    group = parser.add_argument_group("with --ab")
    for option in TURNS:
        group.add_argument(f"--{option.name}", type=option.kind, metavar=option.metavar, help=option.told)
    return parser


def parse(arguments: list[str]) -> tuple[CompareOptions, dict[str, Any] | None]:
    """How to compare; with --ab also what its turns are. Raises UsageError."""
    given = build_parser().parse_args(arguments)
    options = CompareOptions(given.runs, given.write, read_comparison(given))
    turns = {option.name: getattr(given, option.name) for option in TURNS}
    refuse_contradictions(options, given.ab, [name for name, value in turns.items() if value is not None])
    read_terms(options.comparison)
    if given.ab is None:
        return options, None
    chosen = {option.name: option.default if turns[option.name] is None else turns[option.name] for option in TURNS}
    chosen["weights"] = chosen.pop("scenarios") or weights("")
    return options, {**chosen, "engines": tuple(given.ab)}


def refuse_contradictions(options: CompareOptions, ab: Sequence[str] | None, given: Sequence[str]) -> None:
    """Refuses what does not go together; `given` names the options of --ab. Raises UsageError."""
    if ab is None:
        if given:
            raise UsageError(f"--{given[0]} is for runs that are made in turns; add --ab A B")
        if len(options.runs) != 2:
            raise UsageError(
                f"name two run directories, BASELINE and RUN, or two engines with --ab; {len(options.runs)} given"
            )
    elif options.runs or options.writes:
        raise UsageError("--ab makes both runs itself; leave out the run directories and --write")
