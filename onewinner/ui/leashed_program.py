"""A program of ours on a leash, with what it prints: it is never waited for but at its end, and does not outlive us."""

import os
import signal
import tempfile
from typing import IO

from engine.provision.child import name_module, prepare
from engine.provision.processes import ask_to_end, end_process, start_leash

# A gate ends its service and its database; they may take their own time.
END_LIMIT_S = 60.0


class Program:
    """A module that runs as a process of its own. What ends it sends SIGINT, as Ctrl-C does."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the program
        self._process = start_leash(
            [name_module(module, *arguments)],
            output=self._output,
            environment=prepare(),
            end_signal=signal.SIGINT,
            limit_s=END_LIMIT_S,
            orphan=(0.0, int(signal.SIGINT)),
            hides=True,
        )
        self._printed = b""

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def read(self, bytes_max: int) -> bytes:
        """The end of what it has printed."""
        if not self._output.closed:
            number = self._output.fileno()
            end = os.fstat(number).st_size
            # The program writes at the position of the same open file, so reading must not move it.
            self._printed = os.pread(number, bytes_max, max(0, end - bytes_max))
        return self._printed

    def ask_to_end(self) -> None:
        ask_to_end(self._process)

    def close(self) -> None:
        """Ends it, and waits until it is gone."""
        end_process(self._process, END_LIMIT_S)
        self._output.close()
