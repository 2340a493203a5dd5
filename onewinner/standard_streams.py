"""The standard streams of a command: closed ones, characters that cannot be written, a reader that left."""

import io
import os
import sys
from typing import TextIO

from onewinner.exits import UNKNOWN, USAGE


def open_missing_streams() -> None:
    """Lets closed standard streams lead nowhere: else the next file that is opened takes their number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123


def write_any_character() -> None:
    """Lets an escape stand for each character that an output cannot encode: a name of a state must end no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(sentence: str) -> None:
    """Prints a sentence to standard error; see engine/target/notices.py."""
    # Not above: a signal is to be heard before anything is imported from a room.
    from engine.target import notices

    notices.say(sentence)


def flush_output(code: int) -> int:
    """Writes out what was printed, and returns the exit code. A reader that left changes no exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)
    except (OSError, ValueError) as error:
        drop(sys.stdout)
        say(f"onewinner: the output cannot be written: {getattr(error, 'strerror', None) or error}")
        code = code if code == USAGE else UNKNOWN
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        drop(sys.stderr)
    return code


def drop(stream: TextIO) -> None:
    from engine.target import notices

    notices.drop(stream)
