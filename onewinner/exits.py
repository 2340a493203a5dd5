"""How a command ends: the exit codes, the errors that name one, what a signal does, and a reader that left early."""

import os
import signal
import sys
from types import FrameType

from reports.judge.verdict import Verdict

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PASS, FAIL, USAGE, UNKNOWN, REGRESSION = 0, 1, 2, 3, 4
EXIT_BY_VERDICT = {Verdict.PASS: PASS, Verdict.FAIL: FAIL, Verdict.UNKNOWN: UNKNOWN}


class UsageError(Exception):
    """A bad option, file, target or database: one sentence with the place and the remedy. Nothing was judged."""


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP. Unwinds everything that was started; the run is incomplete."""

    code = UNKNOWN


def hear_signals() -> None:
    """Turns the first SIGINT, SIGTERM or SIGHUP into Interrupted, and ignores further ones while all is put away."""
    for number in HEARD:
        # Under nohup the end of the terminal is nothing to hear.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - how handlers are called
    for each in HEARD:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def flush_output() -> None:
    """Writes out what was printed. A reader that left changes no exit code."""
    try:
        print(end="", flush=True)
    except BrokenPipeError:
        drop_output()


def drop_output() -> None:
    """Lets standard output lead nowhere from here on; without it Python would fail once more as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
