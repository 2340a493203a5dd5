"""Trouble: what is told on the way, and must never be a trouble of its own."""

import contextlib
import logging
import sys
from collections.abc import Callable


def say(text: str) -> None:
    """Tells whoever looks at stderr, which may be a file on a full disk: then nobody is told."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


class TroubleHandler(logging.Handler):
    """Hears what Locust only logs: exceptions of listeners, of message handlers and of its own greenlets."""

    def __init__(self, fear: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self.fear = fear

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if told.startswith(("Uncaught exception", "Unhandled exception")):
            lines = [line for line in told.splitlines() if line.strip()]
            self.fear(f"{lines[0].strip()} {lines[-1].strip()}" if len(lines) > 1 else lines[0])
