"""The journal: one JSON line for each thing that happens, in the file before the next thing does.

The writer is for whoever asks an engine something. Each line goes to the operating system at once, so a
killed process loses at most the line that it was writing; an operation without a return line is unknown.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

FORMAT_VERSION = 2

State = str
Id = int | str


class Invocation(msgspec.Struct, frozen=True, omit_defaults=False):
    """What is known of an operation before its answer: the input fields of a history.

    `expected` is a state or a list of states in which this very request is due to win; `kind` is create,
    read, advance or set; `workflow` is the harness's own name of it; `invoked_ns` is monotonic; `marker` is the marker
    that the request carried, if any.
    """

    id: Id
    process: Id
    scenario: str
    race: Id | None
    tenant: str
    workflow: str
    kind: str
    expected: State | list[State] | None
    next: State | None
    invoked_ns: int
    marker: str | msgspec.UnsetType = msgspec.UNSET


class Return(msgspec.Struct, frozen=True, omit_defaults=False):
    """The answer of one operation. `outcome` is won, conflict, ok, refused, busy or unknown.

    `invoked_ns`, when given, was taken at the release and counts instead of the invocation's.
    `detail` is free: request_id, reason, server id (on a create), `problem` (what in this answer is not as
    specified, in words; the check `contract` fails on it).
    """

    id: Id
    outcome: str
    status: int | None
    observed: State | None
    returned_ns: int | None
    detail: dict[str, Any] | None = None
    invoked_ns: int | None = None


class Journal:
    """Appends lines to one file. One writer per file; `source` names it (the file's stem)."""

    def __init__(self, path: Path, *, clock_uncertainty_ns: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.clock_uncertainty_ns = clock_uncertainty_ns
        self._encode = msgspec.json.Encoder().encode
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.event("header", format=FORMAT_VERSION, source=path.stem, clock_uncertainty_ns=clock_uncertainty_ns)

    @property
    def is_open(self) -> bool:
        return self._file >= 0

    def invoke(self, *invocations: Invocation) -> None:
        self._write_all("invoke", invocations)

    def returned(self, *returns: Return) -> None:
        self._write_all("return", returns)

    def event(self, event: str, **facts: Any) -> None:
        """header, plan, fault, audit, effects, probe, end: see docs/history.md."""
        self._append(self._encode({"event": event, **facts}) + b"\n")

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

    def _write_all(self, event: str, records: tuple[Invocation, ...] | tuple[Return, ...]) -> None:
        head = b'{"event":"' + event.encode() + b'",'
        self._append(b"".join(head + self._encode(record)[1:] + b"\n" for record in records))

    def _append(self, lines: bytes) -> None:
        view = memoryview(lines)
        while view:
            view = view[os.write(self._file, view) :]
