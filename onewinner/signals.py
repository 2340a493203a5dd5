"""What Ctrl-C, SIGTERM and SIGHUP do to a command. Imports no room: a signal is to be heard before anything else."""

import os
import signal
from types import FrameType

from onewinner.exits import UNKNOWN

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
