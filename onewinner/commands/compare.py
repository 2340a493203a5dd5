"""Compares a run with a baseline: checks that newly fail, were fixed or still fail, and measures that changed.

`compare BASELINE RUN` takes two run directories. A measure regressed when it changed by the threshold at least, and a
test over its blocks says that neither noise nor the drift of the machine explains it. `compare --ab A B` runs two
engines in turns on this machine, which is what finds small changes. An engine is `reference`, `control:NAME`,
`defect:NAME` or a target file.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onewinner.baseline import (
    UnreadableError,
    add_comparison_options,
    compare_runs,
    find_exit,
    find_run,
    print_comparison,
    take_terms,
)
from onewinner.exits import UNKNOWN, UsageError
from onewinner.options import Parser, bounded
from reports.documents.run import finish_run, with_judgement

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
    TurnsOption("scenarios", str, "LIST", "", "which, with weights: fork,tenants=2 (default: all)"),
    TurnsOption("seed", bounded(0, 2**31), "N", 1, "repeats the same plan (default: 1)"),
    TurnsOption("database", str, "embedded|container", "embedded", "one for each engine (default: embedded)"),
    TurnsOption("out", Path, "DIR", None, "the folder of both runs (default: runs/<UTC time>-turns)"),
)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.ab is not None:
        # Not above: it brings the whole engine along, and two run directories need none of it.
        from onewinner.ab import take_turns

        return take_turns(arguments, options)
    return compare_two(options)


def compare_two(options: argparse.Namespace) -> int:
    """Two run directories. Returns the exit code."""
    try:
        baseline, run = (find_run(path, what) for path, what in zip(options.runs, ("BASELINE", "RUN"), strict=True))
    except UnreadableError as error:
        print(f"onewinner compare: {error}", file=sys.stderr)
        return UNKNOWN
    comparison = compare_runs(baseline, run, options)
    if options.write:
        finish_run(with_judgement(run, run.judgement, comparison=comparison))
    print_comparison(comparison)
    return find_exit(comparison)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("compare", __doc__ or "", EXAMPLE)
    add = parser.add_argument
    add("runs", type=Path, nargs="*", metavar="BASELINE RUN", help="two run directories")
    add("--write", action="store_true", help="write the comparison into the run's run.json and its report")
    add("--ab", nargs=2, metavar=("A", "B"), help="run two engines in turns, and compare B with A")
    add_comparison_options(parser)
    turns = parser.add_argument_group("with --ab")
    for option in TURNS:
        turns.add_argument(f"--{option.name}", type=option.kind, metavar=option.metavar, help=option.told)
    options = parser.parse_args(arguments)
    settle(options)
    take_terms(options)
    return options


def settle(options: argparse.Namespace) -> None:
    """Refuses what does not go together, and fills in the defaults of --ab. Raises UsageError."""
    given = [option.name for option in TURNS if getattr(options, option.name) is not None]
    if options.ab is None:
        if given:
            raise UsageError(f"--{given[0]} is for runs that are made in turns; add --ab A B")
        if len(options.runs) != 2:
            raise UsageError(
                f"name two run directories, BASELINE and RUN, or two engines with --ab; {len(options.runs)} given"
            )
    elif options.runs or options.write:
        raise UsageError("--ab makes both runs itself; leave out the run directories and --write")
    for option in TURNS:
        if option.name not in given:
            setattr(options, option.name, option.default)
