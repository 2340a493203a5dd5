"""Notices: sentences on standard error. What a service says may stand in one, so none commands the terminal."""

import os
import sys
from typing import TextIO

# All control characters but the tab and the end of a line.
COMMANDING = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


def say(sentence: str) -> None:
    """Prints a sentence to standard error, if that can be written; characters that command a terminal are escaped."""
    try:
        print(sentence.translate(COMMANDING), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Lets a stream lead nowhere from here on; without it Python would fail once more as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
