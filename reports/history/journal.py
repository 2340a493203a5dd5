"""The journal: one JSON line for each event, in the file before the next event happens.

Each line goes to the operating system at once, so a killed process loses at most the line that it was writing; an
operation without a return line is unknown.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from reports.history.events import FORMAT_VERSION, Event, Header


class Journal:
    """Appends lines to one file. One writer per file; `source` names it (the file's stem)."""

    def __init__(self, path: Path, *, clock_uncertainty_ns: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.clock_uncertainty_ns = clock_uncertainty_ns
        self._encode = msgspec.json.Encoder().encode
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.write(Header(format=FORMAT_VERSION, source=path.stem, clock_uncertainty_ns=clock_uncertainty_ns))

    @property
    def is_open(self) -> bool:
        return self._file >= 0

    def write(self, *events: Event) -> None:
        """Appends the events, all at once."""
        self._append(b"".join(self._encode(event) + b"\n" for event in events))

    def join(self, path: Path) -> None:
        """Appends what another journal holds behind its header."""
        self._append(path.read_bytes().partition(b"\n")[2])

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, lines: bytes) -> None:
        view = memoryview(lines)
        while view:
            view = view[os.write(self._file, view) :]
