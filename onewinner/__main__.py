"""`onewinner COMMAND`: finds the command's file and runs it. One file per command."""

import argparse
import contextlib
import importlib
import sys
import traceback
from collections.abc import Sequence

from onewinner import __version__, open_rooms
from onewinner.exits import UNKNOWN, USAGE, Interrupted, UsageError, flush_output, hear_signals

COMMANDS = {
    "gate": "prove that exactly one of N concurrent requests wins: start, ask, judge, report",
    "race": "press hard: races by the thousand over all scenarios, in several processes",
    "explore": "every order in which two requests' statements can reach the database: one winner in each",
    "serve": "run the reference engine, or the service of a target file",
    "init": "write a commented target file to begin with",
    "doctor": "ask a service one of each, and name what to change in its target file",
    "defects": "show that the harness catches bugs, and only bugs: the kill matrix",
    "check": "judge a recorded history again",
    "report": "make the documents of a run again, or show many runs over time",
    "compare": "hold a run against a baseline: failing checks, and measures that regressed",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 pass, 1 fail, 2 usage, 3 unknown, 4 regression."""
    open_rooms()
    hear_signals()
    try:
        return run_command(sys.argv[1:] if arguments is None else list(arguments))
    finally:
        flush_output()


def run_command(arguments: list[str]) -> int:
    options = build_parser().parse_args(arguments)
    command = importlib.import_module(f"onewinner.commands.{options.command}")
    try:
        code: int = command.main(options.arguments)
    except UsageError as error:
        print(f"onewinner {options.command}: {error}", file=sys.stderr)
        return USAGE
    except Interrupted as error:
        return error.code
    except Exception:  # noqa: BLE001 - a mistake of ours must never look like a verdict on the engine
        with contextlib.suppress(BrokenPipeError):
            traceback.print_exc()
            print(f"onewinner {options.command}: the harness itself failed; nothing is decided", file=sys.stderr)
        return UNKNOWN
    return code


def build_parser() -> argparse.ArgumentParser:
    table = "\n".join(f"  {name:8} {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="onewinner",
        description="Proves that exactly one of N concurrent requests wins, or shows the two winners.",
        epilog=f"commands:\n{table}\n\nexample: onewinner gate\nthe words: docs/glossary.md",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=True,
    )
    parser.add_argument("--version", action="version", version=f"onewinner {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its options: COMMAND --help")
    return parser


if __name__ == "__main__":
    sys.exit(main())
