"""The journal: one JSON line for each event, in the file before the next event happens.

Each line goes to the operating system at once, so a killed process loses at most the line that it was writing; an
operation without a return line is unknown. A secret is hidden before its line is written.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from engine.target.secrets import TOLD, Secrets, read_secrets
from reports.history.events import FORMAT_VERSION, Event, Header

# What the harness itself chose, and what the judge compares: a secret that equals a part of it is not hidden there.
OURS = frozenset({
    "event", "id", "process", "workflow", "workflows", "kind", "scenario", "race", "tenant", "expected", "next", "of",
    "outcome", "request_id", "marker", "markers", "source", "shared_by", "level", "unit", "check", "winners", "subject",
})  # fmt: skip


class Journal:
    """Appends lines to one file. One writer per file; `source` names it (the file's stem)."""

    def __init__(self, path: Path, *, clock_uncertainty_ns: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._secrets, self._told = read_secrets(), len(TOLD)
        self._encode = msgspec.json.Encoder().encode
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.write(Header(format=FORMAT_VERSION, source=path.stem, clock_uncertainty_ns=clock_uncertainty_ns))

    @property
    def is_open(self) -> bool:
        return self._file >= 0

    @property
    def secrets(self) -> Secrets:
        """What no line may show, as far as this process was told by now."""
        if len(TOLD) != self._told:
            self._secrets, self._told = read_secrets(), len(TOLD)
        return self._secrets

    def write(self, *events: Event) -> None:
        """Appends the events, all at once."""
        secrets = self.secrets
        lines = (hide_line(self._encode(event), secrets) + b"\n" for event in events)
        self._append(b"".join(lines))

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


def hide_line(line: bytes, secrets: Secrets) -> bytes:
    """The line with the secrets in its texts hidden. Its keys stay, and what is OURS."""
    if not secrets.is_in(line):
        return line
    return msgspec.json.encode(hide_texts(msgspec.json.decode(line), secrets))


def hide_texts(document: Any, secrets: Secrets) -> Any:
    if isinstance(document, str):
        return secrets.hide_text(document)
    if isinstance(document, list):
        return [hide_texts(each, secrets) for each in document]
    if isinstance(document, dict):
        return {key: each if key in OURS else hide_texts(each, secrets) for key, each in document.items()}
    return document
