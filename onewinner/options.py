"""The options that several commands share."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from engine.provision.bouncer import PROGRAM
from engine.provision.container import IMAGE_DEFAULT, IMAGE_VARIABLE
from engine.provision.service import REFERENCE
from onewinner.exits import UsageError

ISOLATIONS = ("read-committed", "repeatable-read", "serializable")
WORKERS_DEFAULT = 2


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are a UsageError: one sentence, exit 2, no usage dump."""

    def __init__(self, command: str, description: str, example: str) -> None:
        super().__init__(
            prog=f"onewinner {command}",
            description=description,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def add_engine_options(parser: argparse.ArgumentParser, isolations: Sequence[str] = ISOLATIONS) -> None:
    # Not above: they bring the whole engine along, and `check` needs none of it.
    from engine.reference.controls import list_controls
    from engine.reference.defects import list_defects

    parser.add_argument(
        "--target", type=Path, default=REFERENCE, metavar="FILE", help="the target file (default: the reference engine)"
    )
    add_database(parser)
    parser.add_argument(
        "--isolation",
        choices=isolations,
        help="isolation level of the reference engine; for a [service]: {isolation} in it, and the default of the "
        "database that is made for it (default: read-committed)",
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


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="when all passed, count how many of the same races catch narrow-check-then-act on this machine",
    )


def add_accept_partial(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-partial",
        action="store_true",
        help="judge the part that was run, also where that is less than half of a level's plan (else unknown, exit 3)",
    )


def add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database",
        default="embedded",
        metavar="embedded|container[:IMAGE]|URL",
        help=f"where Postgres comes from (default: embedded; IMAGE: ${IMAGE_VARIABLE}, else {IMAGE_DEFAULT})",
    )


def name_isolation(options: argparse.Namespace) -> str | None:
    """The isolation level that was asked for; else the one at which the defect shows; None: the engine's own."""
    from engine.reference.defects import read_promise

    if options.isolation is None and options.defect is not None:
        needed = read_promise(options.defect).isolation
        return needed.lower().replace(" ", "-") if needed is not None else None
    given: str | None = options.isolation
    return given


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """An argparse type: one of the names, all of which a wrong one is told."""

    def parse(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no {text!r}; there are: {', '.join(names)}")
        return text

    return parse


def positive(text: str) -> float:
    """An argparse type: a number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def share(text: str) -> float:
    """An argparse type: a share, from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1, such as 0.02")
    return value


def bounded(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number from low to high."""

    def parse(text: str) -> int:
        if not text.lstrip("-").isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse
