"""Counts the operations that were answered, from the journals of a run as they grow."""

from collections.abc import Iterable
from pathlib import Path

RETURN = b'{"event":"return"'


class AnswerCounts:
    """The return lines of the journals in a folder; only what is new is read."""

    def __init__(self, history: Path) -> None:
        self._history = history
        self._read: dict[str, tuple[int, int]] = {}

    def describe(self, sources: Iterable[str]) -> str:
        return f"{sum(self.count(source) for source in sources):,} operations answered"

    def count(self, source: str) -> int:
        """The return lines of one journal so far."""
        at, count = self._read.get(source, (0, 0))
        try:
            with (self._history / f"{source}.jsonl").open("rb") as journal:
                journal.seek(at)
                fresh = journal.read()
        except OSError:
            return count
        whole = fresh.rfind(b"\n") + 1
        self._read[source] = (at + whole, count + fresh[:whole].count(RETURN))
        return self._read[source][1]
