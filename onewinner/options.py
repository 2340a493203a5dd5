"""The options that several commands share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from engine.service import REFERENCE
from onewinner.exits import UsageError

ISOLATIONS = ("read-committed", "repeatable-read", "serializable")


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


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target", type=Path, default=REFERENCE, metavar="FILE", help="the target file (default: the reference engine)"
    )
    parser.add_argument(
        "--database", default="embedded", metavar="embedded|URL", help="where Postgres comes from (default: embedded)"
    )
    parser.add_argument(
        "--isolation", choices=ISOLATIONS, help="isolation level of the reference engine (default: read-committed)"
    )
    parser.add_argument("--defect", metavar="NAME", help="break the reference engine on purpose, e.g. check-then-act")
    parser.add_argument("--port", type=bounded(1, 65535), help="the port of the service (default: a free one)")


def positive(text: str) -> float:
    """An argparse type: a number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def bounded(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number from low to high."""

    def parse(text: str) -> int:
        if not text.lstrip("-").isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse
