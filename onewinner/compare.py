"""Compares a run with a baseline: checks that newly fail, were fixed or still fail, and measures that changed.

`compare BASELINE RUN` takes two run directories. A measure regressed when it changed by the threshold at least and a
test over its blocks says that neither noise nor the drift of the machine explains it; --ab, which runs two engines in
turns, is what finds small changes.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from onewinner.baseline import (
    UnreadableError,
    add_comparison_options,
    compare_runs,
    find_exit,
    find_run,
    print_comparison,
)
from onewinner.exits import UNKNOWN, UsageError
from onewinner.options import Parser
from reports.run import finish_run

EXAMPLE = "onewinner compare runs/20260101T120000Z-orders runs/20260102T120000Z-orders"


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        baseline, run = (find_run(path, what) for path, what in zip(options.runs, ("BASELINE", "RUN"), strict=True))
    except UnreadableError as error:
        print(f"onewinner compare: {error}", file=sys.stderr)
        return UNKNOWN
    comparison = compare_runs(baseline, run, options)
    if options.write:
        finish_run(replace(run, facts={**run.facts, "comparison": comparison.to_dict()}))
    print_comparison(comparison)
    return find_exit(comparison)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("compare", __doc__ or "", EXAMPLE)
    add = parser.add_argument
    add("runs", type=Path, nargs="*", metavar="BASELINE RUN", help="two run directories")
    add("--write", action="store_true", help="write the comparison into the run's run.json and its report")
    add_comparison_options(parser)
    options = parser.parse_args(arguments)
    if len(options.runs) != 2:
        raise UsageError(f"name two run directories, BASELINE and RUN ({len(options.runs)} given)")
    return options
