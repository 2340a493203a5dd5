"""The same gate in every configuration: isolation levels, one process or two, with or without pgbouncer; one table."""

import argparse
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from engine.provision.errors import DatabaseUnavailable
from engine.provision.pgbouncer import PROGRAM, find_program
from onewinner.baseline import find_baseline
from onewinner.engine_choice import ISOLATIONS, EngineChoice, find_obstacles
from onewinner.exits import FAIL, PASS, REGRESSION, UNKNOWN, FailedError, UsageError
from onewinner.options import RunOptions, drop_options
from onewinner.standard_streams import say
from onewinner.terminal_display import STYLE, make_table, open_console, print_text
from reports.documents.run_folder import RunError, read_run, refuse_taken
from reports.judge.verdict import Verdict

# From the worst to the best.
CODES = (FAIL, UNKNOWN, REGRESSION, PASS)
OWN = ("--matrix", "--out", "--pgbouncer")
Values = Mapping[str, tuple[str | int | bool, ...]]
AXES: Values = {"isolation": ISOLATIONS, "workers": (1, 2), "pgbouncer": (False, True)}


@dataclass(frozen=True)
class Configuration:
    """One combination: its value on each axis, the engine in it, and the options that say so."""

    facts: Mapping[str, str | int | bool]
    engine: EngineChoice
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of its run directory."""
        words = {True: "pgbouncer", False: "direct"}
        parts = [words[fact] if isinstance(fact, bool) else str(fact) for fact in self.facts.values()]
        return "-".join(parts) or "only"


@dataclass(frozen=True)
class Outcome:
    """The exit code of a configuration, its verdict and reason, the checks that did not pass, its run directory."""

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


def run_matrix(
    engine: EngineChoice, options: RunOptions, axes: Sequence[str], gate: Callable[[EngineChoice, RunOptions], int]
) -> int:
    """Runs the gate in each configuration, one after the other. Returns the worst exit code.

    Raises UsageError and FailedError when the first one cannot be set up; for the others that makes an unknown.
    """
    configurations = list_configurations(engine, axes)
    folder = options.folder
    try:
        refuse_taken(folder)
        # Each run reads it again; one that cannot be read leaves no run directory.
        find_baseline(options.comparison)
    except RunError as error:
        raise UsageError(str(error)) from None
    outcomes: list[Outcome] = []
    try:
        for each in configurations:
            print_text(f"\n{len(outcomes) + 1} of {len(configurations)}: {' '.join(each.arguments) or 'as it is'}")
            arguments = (*drop_options(options.arguments, OWN), *each.arguments)
            mine = replace(options, folder=folder / each.name, arguments=arguments)
            outcomes.append(run_one(each, mine, gate, first=not outcomes))
    finally:
        if outcomes:
            write_table(folder, outcomes)
            print_table(folder, outcomes, len(configurations))
    return min((outcome.code for outcome in outcomes), key=CODES.index)


def run_one(
    configuration: Configuration,
    options: RunOptions,
    gate: Callable[[EngineChoice, RunOptions], int],
    *,
    first: bool,
) -> Outcome:
    facts, name = configuration.facts, options.folder.name
    try:
        code = gate(configuration.engine, options)
    except (UsageError, FailedError) as error:
        if first:
            raise
        say(f"onewinner gate: {error}")
        return Outcome(facts, UNKNOWN, Verdict.UNKNOWN, str(error), (), name)
    judgement = read_run(options.folder).judgement
    checks = tuple(result.check for result in judgement.checks if result.verdict not in (Verdict.PASS, None))
    return Outcome(facts, code, judgement.verdict, judgement.reason, checks, name)


def list_configurations(engine: EngineChoice, axes: Sequence[str]) -> list[Configuration]:
    """Every combination of the axes that were asked for and that this target can honour. Raises UsageError."""
    values = pick_axes(engine, axes)
    program = engine.pgbouncer or PROGRAM
    found = []
    for combination in itertools.product(*values.values()):
        facts = dict(zip(values, combination, strict=True))
        pooled = facts.get("pgbouncer", engine.pgbouncer is not None)
        arguments = [part for axis in facts if axis != "pgbouncer" for part in (f"--{axis}", str(facts[axis]))]
        arguments += ["--pgbouncer", *([program] if program != PROGRAM else [])] if pooled else []
        chosen: dict[str, Any] = {**facts, "pgbouncer": program if pooled else None}
        found.append(Configuration(facts, replace(engine, **chosen), tuple(arguments)))
    return found


def pick_axes(engine: EngineChoice, axes: Sequence[str]) -> Values:
    """The axes and their values. An option fixes its axis; one that the target cannot honour is left out."""
    if engine.target.service is None:
        raise UsageError("--matrix needs a [service] in the target file that onewinner starts")
    given = {axis for axis in AXES if getattr(engine, axis) is not None}
    for axis in set(axes) & (given - {"pgbouncer"}):
        raise UsageError(f"--matrix {axis} tries every value and --{axis} names one; leave out one of them")
    wanted = axes or tuple(axis for axis in AXES if axis not in given)
    obstacles = find_obstacles(engine)
    for axis in wanted:
        if axis in obstacles:
            say(f"left out of the matrix: --{axis}: {obstacles[axis]}")
    if "pgbouncer" in wanted:
        require_program(engine.pgbouncer or PROGRAM)
    return {axis: AXES[axis] for axis in AXES if axis in wanted and axis not in obstacles}


def require_program(program: str) -> None:
    try:
        find_program(program)
    except DatabaseUnavailable as error:
        raise UsageError(f"{error} Or leave its axis out: --matrix isolation,workers.") from None


def write_table(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """The table beside the run directories: matrix.json, and summary.md for people."""
    cells = [asdict(outcome) for outcome in outcomes]
    (folder / "matrix.json").write_text(json.dumps({"cells": cells}, indent=2) + "\n")
    head, *rows = [" | ".join(row) for row in (name_columns(outcomes), *map(list_words, outcomes))]
    rule = " | ".join("---" for _ in name_columns(outcomes))
    (folder / "summary.md").write_text("".join(f"| {line} |\n" for line in (head, rule, *rows)))


def print_table(folder: Path, outcomes: Sequence[Outcome], planned: int) -> None:
    console = open_console()
    table = make_table(*name_columns(outcomes))
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
