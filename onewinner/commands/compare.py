"""Compares a run with a baseline: checks that newly fail, were fixed or still fail, and measures that changed.

`compare BASELINE RUN` takes two run directories. A measure regressed when it changed by the threshold at least, and a
test over its blocks says that neither noise nor the drift of the machine explains it. `compare --ab A B` runs two
engines in turns on this machine, which is what finds small changes. An engine is `reference`, `control:NAME`,
`defect:NAME` or a target file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onewinner.baseline import compare_runs, find_run, print_comparison, read_terms
from onewinner.exits import UsageError, find_comparison_exit
from onewinner.help_layout import COMPARING, Parser, list_scenarios
from onewinner.options import (
    ComparisonOptions,
    RunOptions,
    add_comparison_options,
    bounded,
    read_comparison,
    weights,
)
from reports.documents.run_folder import finish_run, name_folder, with_judgement

EXAMPLE = """onewinner compare runs/20260101T120000Z-orders runs/20260102T120000Z-orders
         onewinner compare --ab old.toml new.toml"""


# The options that only --ab takes, with their values where none is given.
TURNS: dict[str, Any] = {"blocks": 120, "races": 40, "seconds": 140, "contenders": 10, "scenarios": None, "seed": 1}
TURNS |= {"database": "embedded", "out": None}


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

    run = RunOptions("compare", tuple(arguments), turns.pop("out") or name_folder("turns"), turns.pop("seed"))
    return take_turns(TurnsOptions(replace(run, comparison=options.comparison), **turns))


def compare_two(options: CompareOptions) -> int:
    """Two run directories. Returns the exit code."""
    baseline, run = (find_run(path, name) for path, name in zip(options.runs, ("BASELINE", "RUN"), strict=True))
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
    add = parser.add_argument_group("with --ab").add_argument
    add("--blocks", type=bounded(1, 1000), metavar="N", help="turns of each engine at most (default: 120)")
    add("--races", type=bounded(1, 10**6), metavar="N", help="races of a turn (default: 40)")
    add("--seconds", type=bounded(1, 10**5), metavar="S", help="no turn begins after so many seconds (default: 140)")
    add("--contenders", type=bounded(2, 200), metavar="N", help="requests per race (default: 10)")
    add("--scenarios", type=weights, metavar="LIST", help="which, with weights: fork,tenants=2 (default: all)")
    add("--seed", type=bounded(0, 2**31), metavar="N", help="repeats the same plan (default: 1)")
    add("--database", metavar="embedded|container", help="one for each engine (default: embedded)")
    add("--out", type=Path, metavar="DIR", help="the folder of both runs (default: runs/<UTC time>-turns)")
    return parser


def parse(arguments: list[str]) -> tuple[CompareOptions, dict[str, Any] | None]:
    """How to compare; with --ab also what its turns are. Raises UsageError."""
    given = build_parser().parse_args(arguments)
    options = CompareOptions(given.runs, given.write, read_comparison(given))
    turns = {name: getattr(given, name) for name in TURNS}
    refuse_contradictions(options, given.ab, [name for name, value in turns.items() if value is not None])
    read_terms(options.comparison)
    if given.ab is None:
        return options, None
    chosen = {name: TURNS[name] if value is None else value for name, value in turns.items()}
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
