"""How a command ends: its exit codes, the errors that name one, what a signal does, output that cannot be written."""

import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from reports.comparison.comparison import Comparison

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PASS, FAIL, USAGE, UNKNOWN, REGRESSION = 0, 1, 2, 3, 4
EXIT_MEANINGS = {
    PASS: "pass",
    FAIL: "a check failed",
    USAGE: "usage: a bad option, file or target; the judge did not run",
    UNKNOWN: "unknown: inconclusive, incomplete, or the harness failed",
    REGRESSION: "correct, but a regression against the baseline",
}
# By words, because a signal is to be heard before anything is imported from a room.
EXIT_BY_VERDICT = {"pass": PASS, "fail": FAIL, "unknown": UNKNOWN}


def find_exit(verdict: str, comparison: "Comparison | None" = None) -> int:
    """The exit code of a run: what its verdict says; of one that passed, what its comparison says."""
    code = EXIT_BY_VERDICT[verdict]
    return code if code != PASS or comparison is None else find_comparison_exit(comparison)


def find_comparison_exit(comparison: "Comparison") -> int:
    """Failing checks before doubts, doubts before regressions, and those before what could not be compared."""
    from reports.comparison.comparison import Standing
    from reports.judge.verdict import Verdict

    if comparison.run_verdict is Verdict.FAIL:
        return FAIL
    unknown = Verdict.UNKNOWN in (comparison.run_verdict, comparison.baseline_verdict)
    if unknown or comparison.having(Standing.LOST):
        return UNKNOWN
    if comparison.regressions:
        return REGRESSION
    # A comparison was asked for. Where nothing could be compared, nothing is known.
    return PASS if comparison.primaries else UNKNOWN


class UsageError(Exception):
    """A bad option, file, target or database: one sentence with the place and the remedy. Nothing was judged."""


class FailedError(Exception):
    """Something of the user's failed before anything was judged: one sentence. The command ends with UNKNOWN."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP. Unwinds everything that was started; the run is incomplete.

    A KeyboardInterrupt, because asyncio swallows every other exception of a callback. `recorded`: how to judge what
    was recorded, as the end of a sentence.
    """

    recorded = ""


def leave_at_signals() -> None:
    """Lets a signal end the process at once: the command has not started anything yet, or has ended everything."""
    listen(leave)


def hear_signals() -> None:
    """Turns the first SIGINT, SIGTERM or SIGHUP into Interrupted, and ignores further ones while all is put away."""
    listen(interrupt)


def listen(handler: "signal._HANDLER") -> None:
    for number in HEARD:
        # Under nohup the end of the terminal is nothing to hear.
        if signal.getsignal(number) not in (signal.SIG_IGN, ignore):
            signal.signal(number, handler)


def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - how handlers are called
    try:
        os.write(2, f"onewinner: interrupted by {signal.Signals(number).name}\n".encode())
    finally:
        os._exit(UNKNOWN)


def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - how handlers are called
    for each in HEARD:
        # Not SIG_IGN, which Python reports for a signal that has come by now, and children would inherit.
        signal.signal(each, ignore)
    raise Interrupted(signal.Signals(number).name)


def ignore(number: int, frame: FrameType | None) -> None:
    """A signal came before this one."""


def was_interrupted() -> bool:
    """Whether a signal came, also if some library swallowed the exception."""
    return any(signal.getsignal(number) is ignore for number in HEARD)


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
        drop_output()
    except (OSError, ValueError) as error:
        drop_output()
        say(f"onewinner: the output cannot be written: {getattr(error, 'strerror', None) or error}")
        code = code if code == USAGE else UNKNOWN
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        drop(sys.stderr)
    return code


def drop_output() -> None:
    """Lets standard output lead nowhere from here on."""
    drop(sys.stdout)


def drop(stream: TextIO) -> None:
    from engine.target import notices

    notices.drop(stream)
