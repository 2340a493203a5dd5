"""Failures: what goes wrong in a Locust process outside of its sources.

Locust swallows what listeners and message handlers raise, and with several processes its exit status says nothing. So
each failure is written into a journal, where the judge's accounting finds it.
"""

import contextlib
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from locust.env import Environment

from engine.target.notices import say
from reports.history import events
from reports.history.journal import Journal

BROKEN = 3


class Failures:
    """Those of one process. What was noted before the history's folder is known is written when it is."""

    def __init__(self, environment: Environment, process: str) -> None:
        self.environment = environment
        self.process = process
        self.history: Path | None = None
        self.unwritten: list[str] = []
        self.set_code = False

    def note(self, what: str) -> None:
        """Writes a failure into the journal of this process."""
        self.unwritten.append(what)
        say(f"onewinner, Locust process {self.process}: {what}")
        self.set_exit_code()
        self.write()

    def keep_history(self, folder: Path) -> None:
        """The folder of the journals, from now on."""
        self.history = folder
        self.write()

    def write(self) -> None:
        if self.history is None or not self.unwritten:
            return
        # On a full disk they are kept for the next time; the exit status tells meanwhile.
        with contextlib.suppress(OSError), Journal(self.history / f"locust-{self.process}.jsonl") as journal:
            while self.unwritten:
                journal.write(events.Broken(what=self.unwritten[0]))
                self.unwritten.pop(0)

    def set_exit_code(self) -> None:
        """For a caller that looks at it; no verdict rests on it. A status that other code set stays."""
        if self.environment.process_exit_code in (None, 0):
            self.environment.process_exit_code, self.set_code = BROKEN, True

    def check_exit_code(self) -> None:
        """An exit status that other code set says that something is wrong."""
        if self.environment.process_exit_code and not self.set_code:
            self.note(f"the exit status was set to {self.environment.process_exit_code}")

    def guard(self, what: str, listener: Callable[..., None]) -> Callable[..., None]:
        """The listener, with all that it raises noted: Locust would log it and go on."""

        def guarded(*arguments: Any, **named: Any) -> None:
            try:
                listener(*arguments, **named)
            except Exception as error:  # noqa: BLE001 - nothing that a listener raises may be lost
                say(traceback.format_exc())
                self.note(f"{what} raised {type(error).__name__}: {error}")

        return guarded


class LogHandler(logging.Handler):
    """Notes what Locust only logs: exceptions of listeners, of message handlers and of its own greenlets."""

    def __init__(self, failures: Failures) -> None:
        super().__init__(logging.ERROR)
        self.failures = failures

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(("Uncaught exception", "Unhandled exception")):
            lines = [line for line in text.splitlines() if line.strip()]
            self.failures.note(f"{lines[0].strip()} {lines[-1].strip()}" if len(lines) > 1 else lines[0])
