"""The process that races for a test suite: started when first needed, asked by lines of JSON, ended with its owner.

Standard library alone: this half runs in the user's process. The other half is `racer.py`.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

RACER = Path(__file__).with_name("racer.py")
END_LIMIT_S = 5.0
# Reaching the server, one contender after the other, may take longer than its answers.
GRACE_S = 60.0
CHUNK_BYTES = 65536
TAIL_BYTES = 2000


class RaceError(Exception):
    """The race could not be run at all: a server that cannot be reached, a request that cannot be sent."""


class Helper:
    """Asks the racer. One request at a time; a racer that was left in the middle of one is not asked again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._owner = os.getpid()

    def ask(self, message: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """The racer's answer. Raises RaceError with its reason when it has none."""
        with self._lock:
            try:
                process = self._find_process()
                assert process.stdin is not None
                process.stdin.write(json.dumps(message).encode() + b"\n")
                process.stdin.flush()
                answer: dict[str, Any] = json.loads(self._read_line(process, time.monotonic() + limit_s))
            except BaseException as error:
                # Ctrl-C included: what it would answer next belongs to this request.
                tail = self._end()
                if isinstance(error, OSError | ValueError):
                    raise RaceError(f"the process that races broke off: {error}{tail}") from None
                raise
        if "error" in answer:
            raise RaceError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the racer, if this process started one."""
        with self._lock:
            self._end()

    def _find_process(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():
            # A fork shares the pipes of its parent; it gets a racer of its own.
            self._process, self._errors, self._owner = None, None, os.getpid()
        if self._process is None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the process
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(RACER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, "PYTHONWARNINGS": ""},
                # A terminal's Ctrl-C is for the test suite, which ends the racer.
                start_new_session=True,
            )
        return self._process

    def _read_line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        number, line = process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([number], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise OSError("it took too long")
            chunk = os.read(number, CHUNK_BYTES)
            if not chunk:
                raise OSError("it ended")
            line += chunk
        return line

    def _end(self) -> str:
        """Ends it; the last lines of what it had to say."""
        process, errors, self._process, self._errors = self._process, self._errors, None, None
        if process is None or errors is None or self._owner != os.getpid():
            return ""
        process.kill()
        process.wait(END_LIMIT_S)
        for pipe in (process.stdin, process.stdout):
            # What it was not told any more cannot be flushed.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        with errors:
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip()
        return f". Its last lines:\n{text[-TAIL_BYTES:]}" if text else ""
