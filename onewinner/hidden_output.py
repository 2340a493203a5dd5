"""Hides secrets: in what a command prints those that it was told, in the logs of a run also those that logins gave."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from engine.target.secrets import LEARNED, TOLD, Secrets, read_learned


class HiddenStream:
    """A stream of the terminal that hides what this process was told."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._secrets = stream, Secrets()

    def write(self, text: str) -> int:
        if len(self._secrets.texts) != len(TOLD):
            self._secrets = Secrets(frozenset(TOLD))
        self._stream.write(self._secrets.hide_text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def hide_terminal() -> None:
    """From here on, what this process prints has no secret in it."""
    sys.stdout, sys.stderr = HiddenStream(sys.stdout), HiddenStream(sys.stderr)


def hide_learned(folder: Path) -> None:
    """Hides what logins gave in the logs of a run, which no process writes any more: a service may have logged a token
    before any client knew it.
    """
    if LEARNED not in os.environ:
        return
    learned = read_learned(Path(os.environ[LEARNED]))
    for log in sorted((folder / "logs").glob("*.log")) if learned.texts else ():
        content = log.read_bytes()
        hidden = learned.hide(content)
        if hidden != content:
            log.write_bytes(hidden)
