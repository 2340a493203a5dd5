"""The same gate on every footing: isolation levels, one process or two, with and without a pgbouncer; one table."""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from engine.provision.bouncer import PROGRAM, find_program
from engine.provision.errors import DatabaseUnavailable
from onewinner.baseline import UnreadableError, find_baseline
from onewinner.display import STYLE, open_console, say
from onewinner.exits import FAIL, PASS, REGRESSION, UNKNOWN, UsageError
from onewinner.options import ISOLATIONS
from onewinner.stage import find_obstacles, load
from reports.documents.run import RunError, read_run, refuse_taken
from reports.judge.verdict import Verdict

# From the worst to the best.
CODES = (FAIL, UNKNOWN, REGRESSION, PASS)
OWN = ("--matrix", "--out", "--pgbouncer")
Values = Mapping[str, tuple[str | int | bool, ...]]
AXES: Values = {"isolation": ISOLATIONS, "workers": (1, 2), "pgbouncer": (False, True)}


@dataclass(frozen=True)
class Cell:
    """One combination: by axis what it is there; and the options that say so."""

    facts: Mapping[str, str | int | bool]
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of its run directory."""
        words = {True: "pgbouncer", False: "direct"}
        parts = [words[fact] if isinstance(fact, bool) else str(fact) for fact in self.facts.values()]
        return "-".join(parts) or "only"


@dataclass(frozen=True)
class Outcome:
    """What came of a cell: its exit code, verdict and reason, the checks that did not pass, its run directory."""

    facts: Mapping[str, str | int | bool]
    code: int
    verdict: str
    reason: str
    checks: tuple[str, ...]
    run: str


def choose_axes(text: str) -> tuple[str, ...]:
    """An argparse type: some of the axes, separated by commas."""
    named = tuple(text.split(","))
    for name in named:
        if name not in AXES:
            raise argparse.ArgumentTypeError(f"there is no axis {name!r}; there are: {', '.join(AXES)}")
    return named


def run_matrix(options: argparse.Namespace, arguments: Sequence[str], run: Callable[[list[str]], int]) -> int:
    """Runs `run` with the arguments of each cell, one after the other. Returns the worst exit code.

    Raises UsageError when the first cell cannot be set up; for the others that makes an unknown.
    """
    cells = list_cells(options)
    folder = options.out or Path("runs", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-matrix")
    try:
        refuse_taken(folder)
        # Each cell reads it again; one that cannot be read leaves a cell without a run directory.
        find_baseline(options)
    except RunError as error:
        raise UsageError(str(error)) from None
    except UnreadableError as error:
        print(f"onewinner gate: {error}", file=sys.stderr)
        return UNKNOWN
    shared = drop_options(arguments, OWN)
    outcomes: list[Outcome] = []
    try:
        for cell in cells:
            told = " ".join(cell.arguments) or "as it is"
            say(f"\n{len(outcomes) + 1} of {len(cells)}: {told}")
            outcomes.append(run_cell(cell, folder / cell.name, [*shared, *cell.arguments], run, first=not outcomes))
    finally:
        if outcomes:
            write_table(folder, outcomes)
            print_table(folder, outcomes, len(cells))
    return min((outcome.code for outcome in outcomes), key=CODES.index)


def run_cell(
    cell: Cell, out: Path, arguments: Sequence[str], run: Callable[[list[str]], int], *, first: bool
) -> Outcome:
    try:
        code = run([*arguments, "--out", str(out)])
    except UsageError as error:
        if first:
            raise
        print(f"onewinner gate: {error}", file=sys.stderr)
        return Outcome(cell.facts, UNKNOWN, Verdict.UNKNOWN, str(error), (), out.name)
    judgement = read_run(out).judgement
    checks = tuple(result.check for result in judgement.checks if result.verdict not in (Verdict.PASS, None))
    return Outcome(cell.facts, code, judgement.verdict, judgement.reason, checks, out.name)


def list_cells(options: argparse.Namespace) -> list[Cell]:
    """Every combination of the axes that were asked for and that this target can be put on. Raises UsageError."""
    axes = pick_axes(options)
    program = options.pgbouncer or PROGRAM
    cells = []
    for combination in itertools.product(*axes.values()):
        facts = dict(zip(axes, combination, strict=True))
        arguments = [part for axis, fact in facts.items() for part in spell(axis, fact, program)]
        if "pgbouncer" not in axes and options.pgbouncer is not None:
            arguments += spell("pgbouncer", True, program)
        cells.append(Cell(facts, tuple(arguments)))
    return cells


def pick_axes(options: argparse.Namespace) -> Values:
    """The axes and their values. An option fixes its axis; one that the target cannot be put on is left out."""
    target = load(options.target, None)
    if target.service is None:
        raise UsageError("--matrix needs a [service] in the target file that onewinner starts")
    given = {axis for axis in AXES if getattr(options, axis) is not None}
    for axis in set(options.matrix) & (given - {"pgbouncer"}):
        raise UsageError(f"--matrix {axis} tries every value and --{axis} names one; leave out one of them")
    wanted = options.matrix or tuple(axis for axis in AXES if axis not in given)
    obstacles = find_obstacles(target.service, options.database)
    for axis in wanted:
        if axis in obstacles:
            print(f"left out of the matrix: --{axis}: {obstacles[axis]}", file=sys.stderr)
    if "pgbouncer" in wanted:
        require_program(options.pgbouncer or PROGRAM)
    return {axis: AXES[axis] for axis in AXES if axis in wanted and axis not in obstacles}


def require_program(program: str) -> None:
    try:
        find_program(program)
    except DatabaseUnavailable as error:
        raise UsageError(f"{error} Or leave its axis out: --matrix isolation,workers.") from None


def spell(axis: str, fact: str | int | bool, program: str) -> list[str]:
    """The options of one place on an axis."""
    if axis == "pgbouncer":
        return ["--pgbouncer", *([program] if program != PROGRAM else [])] if fact else []
    return [f"--{axis}", str(fact)]


def drop_options(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """The arguments without these options and their values. All arguments are options or their values."""
    kept = []
    dropping = False
    for argument in arguments:
        if argument.startswith("--"):
            dropping = argument.partition("=")[0] in names
        if not dropping:
            kept.append(argument)
    return kept


def write_table(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """The table beside the cells' run directories: matrix.json, and summary.md for people."""
    cells = [asdict(outcome) for outcome in outcomes]
    (folder / "matrix.json").write_text(json.dumps({"cells": cells}, indent=2) + "\n")
    head, *rows = [" | ".join(row) for row in (name_columns(outcomes), *map(list_words, outcomes))]
    rule = " | ".join("---" for _ in name_columns(outcomes))
    (folder / "summary.md").write_text("".join(f"| {line} |\n" for line in (head, rule, *rows)))


def print_table(folder: Path, outcomes: Sequence[Outcome], planned: int) -> None:
    console = open_console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in name_columns(outcomes):
        table.add_column(name)
    for outcome in outcomes:
        styles = {outcome.verdict: STYLE[Verdict(outcome.verdict)]}
        table.add_row(*(Text(word, style=styles.get(word, "")) for word in list_words(outcome)))
    console.print()
    console.print(table)
    passed = sum(outcome.code == PASS for outcome in outcomes)
    missing = f", {planned - len(outcomes)} were not run" if planned > len(outcomes) else ""
    console.print(f"\n{passed} of {len(outcomes)} pass{missing}; their run directories are in {folder}", soft_wrap=True)


def name_columns(outcomes: Sequence[Outcome]) -> list[str]:
    return [*outcomes[0].facts, "verdict", "not passed", "run"]


def list_words(outcome: Outcome) -> list[str]:
    facts = [("yes" if fact else "no") if isinstance(fact, bool) else str(fact) for fact in outcome.facts.values()]
    return [*facts, outcome.verdict, ", ".join(outcome.checks) or "-", outcome.run]
