"""What Ctrl-C, SIGTERM and SIGHUP do to a command. Imports no room: a signal is to be heard before anything else."""

import os
import signal
from dataclasses import dataclass
from types import FrameType

from onewinner.exits import UNKNOWN

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP. Unwinds everything that was started; the run is incomplete.

    A KeyboardInterrupt, because asyncio swallows every other exception of a callback. `recorded`: how to judge what
    was recorded, as the end of a sentence.
    """

    recorded = ""


@dataclass(frozen=True)
class Ignore:
    """Hears further signals, and does nothing. `first` names the one that interrupted the command.

    Not SIG_IGN, which Python reports for a signal that has come by now, and children would inherit.
    """

    first: str

    def __call__(self, number: int, frame: FrameType | None) -> None:
        pass


def leave_at_signals() -> None:
    """Lets a signal end the process at once: the command has not started anything yet, or has ended everything."""
    listen(leave)


def hear_signals() -> None:
    """Turns the first SIGINT, SIGTERM or SIGHUP into Interrupted, and ignores further ones while all is put away."""
    listen(interrupt)


def listen(handler: "signal._HANDLER") -> None:
    for number in HEARD:
        # Under nohup the end of the terminal is nothing to hear.
        present = signal.getsignal(number)
        if present is not signal.SIG_IGN and not isinstance(present, Ignore):
            signal.signal(number, handler)


def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - how handlers are called
    try:
        os.write(2, f"onewinner: interrupted by {signal.Signals(number).name}\n".encode())
    finally:
        os._exit(UNKNOWN)


def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - how handlers are called
    first = signal.Signals(number).name
    for each in HEARD:
        signal.signal(each, Ignore(first))
    raise Interrupted(first)


def find_interruption(error: BaseException | None = None) -> Interrupted | None:
    """What interrupted the command, also if some library swallowed the exception; None if no signal came.

    An error that came after the signal is its consequence: it is the `__cause__` of what is returned.
    """
    if isinstance(error, Interrupted):
        return error
    for number in HEARD:
        handler = signal.getsignal(number)
        if isinstance(handler, Ignore):
            interruption = Interrupted(handler.first)
            interruption.__cause__ = error
            return interruption
    return None
