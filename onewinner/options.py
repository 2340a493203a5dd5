"""The options that several commands share."""

import argparse
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.provision.container import IMAGE_DEFAULT, IMAGE_VARIABLE
from engine.provision.pgbouncer import PROGRAM
from engine.provision.service import REFERENCE
from onewinner.engine_choice import (
    FOUND,
    ISOLATIONS,
    WORKERS_DEFAULT,
    EngineChoice,
    find_bundled,
    find_target_file,
    read_target,
)
from onewinner.help_layout import one_of
from reports.comparison.comparison_result import Design
from reports.documents.run_folder import name_folder

# Other users of the machine see arguments, but not the environment.
DATABASE_VARIABLE = "ONEWINNER_DATABASE"


def add_engine_options(parser: argparse.ArgumentParser, isolations: Sequence[str] = ISOLATIONS) -> None:
    # Not above: they bring the whole engine along, and `check` needs none of it.
    from engine.reference.controls import list_controls
    from engine.reference.defects import list_defects

    parser.add_argument(
        "--target",
        type=find_target_file,
        metavar="FILE",
        help=f"the target file (default: {FOUND} of this folder, else the reference engine)",
    )
    add_database(parser)
    parser.add_argument(
        "--isolation",
        choices=isolations,
        metavar="LEVEL",
        help=f"isolation level of the reference engine, of {', '.join(isolations)}; for a [service]: "
        "{isolation} in it, and the default of the database that is made for it (default: read-committed)",
    )
    parser.add_argument(
        "--workers",
        type=bounded(1, 64),
        metavar="N",
        help=f"processes of the engine; for a [service]: {{workers}} in it (default: {WORKERS_DEFAULT})",
    )
    parser.add_argument(
        "--pgbouncer",
        nargs="?",
        const=PROGRAM,
        metavar="PROGRAM",
        help="put a pgbouncer in transaction mode between the engine and its database (default: that on the PATH)",
    )
    variant = parser.add_mutually_exclusive_group()
    variant.add_argument(
        "--defect",
        type=one_of(list_defects()),
        metavar="NAME",
        help="break the reference engine on purpose, e.g. check-then-act",
    )
    variant.add_argument(
        "--control",
        type=one_of(list_controls()),
        metavar="NAME",
        help="an engine that is right in another way, e.g. select-for-update",
    )
    parser.add_argument("--port", type=bounded(1, 65535), help="the port of the service (default: a free one)")


def add_accept_partial(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-partial",
        action="store_true",
        help="judge the part that was run, also where that is less than half of a level's plan (else unknown, exit 3)",
    )


def add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database",
        default=os.environ.get(DATABASE_VARIABLE) or "embedded",
        metavar="embedded|container[:IMAGE]|URL",
        help=f"where Postgres comes from (default: ${DATABASE_VARIABLE}, which hides a password from the process list, "
        f"else embedded; IMAGE: ${IMAGE_VARIABLE}, else {IMAGE_DEFAULT})",
    )


def read_engine(given: argparse.Namespace) -> EngineChoice:
    """The engine that these options choose. Raises UsageError for a mistake in its target file."""
    names = ("database", "isolation", "workers", "pgbouncer", "defect", "control", "port")
    file = given.target or (FOUND if FOUND.exists() and not (given.defect or given.control) else REFERENCE)
    if file == REFERENCE:
        file = find_bundled(given.defect, given.control) or file
    return EngineChoice(file, read_target(file), **{name: getattr(given, name) for name in names})


@dataclass(frozen=True)
class ComparisonOptions:
    """How a run is compared: with which baseline, and what counts as a change; None for the usual."""

    baseline: Path | None = None
    acknowledged: Path | None = None
    threshold: float | None = None
    drift: float | None = None


@dataclass(frozen=True)
class RunOptions:
    """The options of a command that makes a run. `arguments` are those of the command line; `folder` is the run's.
    `measure_s`: for so long it is measured in turns with the reference engine.
    """

    command: str
    arguments: tuple[str, ...]
    folder: Path
    seed: int
    accepts_partial: bool = False
    calibrates: bool = False
    comparison: ComparisonOptions = ComparisonOptions()
    measure_s: int | None = None


def add_run_options(parser: argparse.ArgumentParser, seed: str) -> None:
    """The seed and the run directory, which every run has. `seed` says what the same seed repeats."""
    add = parser.add_argument
    add("--seed", type=bounded(0, 2**31), default=1, metavar="N", help=f"repeats {seed} (default: 1)")
    add("--out", type=Path, metavar="DIR", help="the run directory (default: runs/<UTC time>-<name>)")


def add_judged_options(parser: argparse.ArgumentParser) -> None:
    """For gate and race, which measure and so can be compared."""
    parser.add_argument("--baseline", type=Path, metavar="RUN", help="compare with this run; exit 4 for a regression")
    add_comparison_options(parser)
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="when all passed, count how many of the same races catch narrow-check-then-act on this machine",
    )
    add_accept_partial(parser)


def add_comparison_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--acknowledged",
        type=Path,
        metavar="FILE",
        help="TOML: known regressions, each with measure, reason and expires",
    )
    # Not above: it brings Polars along, and most commands need none.
    from reports.comparison.regression import RULES

    default, relative = RULES[Design.SESSIONS], RULES[Design.RELATIVE]
    add(
        "--threshold",
        type=percentage,
        metavar="PERCENT",
        help=f"the least change of a measure that counts (default: {default.threshold:.0%})".replace("%", "%%"),
    )
    add(
        "--drift",
        type=percentage,
        metavar="PERCENT",
        help="what the machine may have drifted between two sessions "
        f"(default: {default.allowance:.0%}; {relative.allowance:.0%} with --measure; none in turns)".replace(
            "%", "%%"
        ),
    )


def read_run_options(command: str, arguments: Sequence[str], given: argparse.Namespace, name: str) -> RunOptions:
    """The options of a run; `name` is what its folder is called when --out names none."""
    measured = (given.accept_partial, given.calibrate, read_comparison(given)) if "calibrate" in given else ()
    return RunOptions(command, tuple(arguments), given.out or name_folder(name), given.seed, *measured)


def read_comparison(given: argparse.Namespace) -> ComparisonOptions:
    baseline = given.baseline if "baseline" in given else None
    return ComparisonOptions(baseline, given.acknowledged, given.threshold, given.drift)


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


def number(what: str, is_right: Callable[[float], bool]) -> Callable[[str], float]:
    """An argparse type: a number that is right; `what` says in words which are."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not is_right(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse


positive = number("a number above 0", lambda value: 0 < value < math.inf)
share = number("a share from 0 to 1, such as 0.02", lambda value: 0 <= value <= 1)


def bounded(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number from low to high."""

    def parse(text: str) -> int:
        if not text.lstrip("-").isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def percentage(text: str) -> float:
    """An argparse type: a share, given in percent."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0 to 1000")
    return value / 100


def weights(text: str) -> Mapping[str, int]:
    """An argparse type: scenarios with their weights."""
    # Not above: `check` needs no scenario.
    from load.scenario_quotas import parse_weights

    try:
        return parse_weights(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
