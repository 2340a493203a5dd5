"""`onewinner COMMAND`: finds the command's file and runs it. One file per command.

Only a verdict exits with 1. So signals are heard before anything large is imported, and every error is caught.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

from onewinner import __version__, open_rooms
from onewinner.exits import PASS, USAGE
from onewinner.signals import find_interruption, hear_signals, leave_at_signals
from onewinner.standard_streams import flush_output, open_missing_streams, write_any_character

COMMANDS = {
    "init": "write a commented target file to begin with",
    "doctor": "ask a service one of each; name what to change in its target file",
    "gate": "prove that one of N concurrent requests wins: ask, judge, report",
    "race": "press hard: thousands of races, all scenarios, several processes",
    "explore": "every order in which two requests' statements can run",
    "check": "judge a recorded history again",
    "report": "make the documents of a run again, or show many runs over time",
    "compare": "compare a run with a baseline: checks, and measures",
    "bisect": "find between which two releases a race came or went",
    "ui": "show the runs of a folder in a browser, and a gate while it runs",
    "defects": "show that onewinner catches bugs, and only bugs: the kill matrix",
    "serve": "run the reference engine, or the service of a target file",
    "completion": "print what completes the command in bash, zsh or fish",
}
# A signal is how these end.
UNTIL_STOPPED = ("serve", "ui")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 pass, 1 fail, 2 usage, 3 unknown, 4 regression."""
    leave_at_signals()
    open_missing_streams()
    write_any_character()
    open_rooms()
    given, streams = sys.argv[1:] if arguments is None else list(arguments), (sys.stdout, sys.stderr)
    try:
        code = run_command(given)
    except BaseException as error:  # noqa: BLE001 - a mistake of ours must never look like a verdict on the engine
        code = explain(error, given)
    try:
        return flush_output(code)
    finally:
        sys.stdout, sys.stderr = streams


def run_command(arguments: list[str]) -> int:
    import importlib

    from onewinner.hidden_output import hide_terminal

    options = parse(arguments)
    command = importlib.import_module(f"onewinner.commands.{options[0]}")
    try:
        hear_signals()
        hide_terminal()
        code: int = command.main(options[1])
        interruption = find_interruption()
    except BaseException as error:
        interruption = find_interruption(error)
        if interruption is None:
            raise
    finally:
        leave_at_signals()
    if interruption is None:
        return code
    if options[0] in UNTIL_STOPPED and interruption.__cause__ is None:
        return PASS
    raise interruption


def explain(error: BaseException, arguments: list[str]) -> int:
    """Says in one sentence why there is no verdict, and returns the exit code."""
    if isinstance(error, SystemExit) and error.code in (None, PASS, USAGE):
        return error.code or PASS
    from onewinner.command_failures import explain_failure

    known = [argument for argument in arguments[:1] if argument in COMMANDS]
    return explain_failure(error, " ".join(["onewinner", *known]))


def parse(arguments: list[str]) -> tuple[str, list[str]]:
    """The name of the command, and its own arguments. Ends the process where there is none to run."""
    import argparse

    table = "\n".join(f"  {name:10} {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="onewinner",
        description="Proves that exactly one of N concurrent requests wins, or shows the two winners.",
        epilog=f"commands:\n{table}\n\nCOMMAND --help shows a command's options, exit codes and an example.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="the version, and that of the embedded PostgreSQL")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="the options of the command")
    if not arguments:
        # Not PASS: a script whose command is empty has proved nothing.
        parser.print_help()
        raise SystemExit(USAGE)
    given = parser.parse_args(arguments)
    if given.version:
        print(describe_version())
        raise SystemExit(PASS)
    if given.command not in COMMANDS:
        refuse_command(given.command)
    return given.command, given.arguments


def refuse_command(name: str) -> NoReturn:
    from engine.target.suggestion import suggest
    from onewinner.exits import UsageError

    raise UsageError(f"there is no command {name!r}{suggest(name, COMMANDS)}")


def describe_version() -> str:
    """The versions that a report of a problem needs."""
    import platform

    from engine.provision.embedded_postgresql import describe_embedded

    return f"onewinner {__version__} (Python {platform.python_version()}, {describe_embedded()})"
