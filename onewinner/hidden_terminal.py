"""The terminal: hides every secret that this process was told in what it prints."""

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from engine.target.secrets import TOLD, Secrets


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
