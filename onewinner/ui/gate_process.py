"""The gate that was started here, as a user would start it: one at a time, and none outlives the ui."""

from collections.abc import Sequence
from pathlib import Path

from engine.provision.processes import hold_signals
from onewinner.exits import UsageError
from onewinner.ui.leashed_program import Program
from onewinner.ui.preview import Preview, read_preview
from onewinner.ui.progress import ENDED, LevelProgress, Progress

PRINTED_BYTES_MAX = 64 << 10
PREVIEW_BYTES_MAX = 64 << 20
BUSY = "A gate is running; watch it to its end, or end it, before another one is started."


class Gate:
    """One gate: its program, how far it is, and what the judge says of the levels that have ended (`previewed`)."""

    def __init__(self, name: str, folder: Path, arguments: Sequence[str]) -> None:
        self.name, self.folder = name, folder
        self.is_asked_to_end = False
        self.preview: Preview | None = None
        self.previewed: tuple[str, ...] = ()
        self._asked: tuple[str, ...] = ()
        self._progress = Progress(folder)
        self._judge: Program | None = None
        self._program = Program("onewinner", "gate", *arguments, "--out", str(folder))

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._program.code

    @property
    def is_sealed(self) -> bool:
        return self._progress.is_sealed

    def read_printed(self) -> str:
        """The end of what it has printed, without secrets: a gate hides them as it prints."""
        return self._program.read(PRINTED_BYTES_MAX).decode(errors="replace")

    def follow(self) -> list[LevelProgress]:
        """How far each level is. Has the judge begin on the levels that have ended since, and takes what it said."""
        levels = self._progress.list_levels()
        self._take_preview()
        ended = tuple(level.name for level in levels if level.state == ENDED)
        if self.code is None and not self.is_sealed and self._judge is None and ended != self._asked:
            unfinished = [source for level in levels if level.state != ENDED for source in level.sources]
            self._judge, self._asked = Program("onewinner.ui.preview", str(self.folder), *unfinished), ended
        return levels

    def end(self) -> None:
        """Tells it to end, as Ctrl-C does, and does not wait for it."""
        self.is_asked_to_end = True
        self._program.ask_to_end()

    def close(self) -> None:
        """Ends it, and waits until it is gone."""
        if self._judge is not None:
            self._judge.close()
        self._program.close()

    def _take_preview(self) -> None:
        """A preview that failed is none: the journals may have been sealed meanwhile, and the verdict comes anyway."""
        if self._judge is None or self._judge.code is None:
            return
        if self._judge.code == 0:
            self.preview = read_preview(self._judge.read(PREVIEW_BYTES_MAX))
            self.previewed = self._asked
        self._judge.close()
        self._judge = None


class Gates:
    """At most one gate at a time; the last one can still be seen after its end."""

    def __init__(self) -> None:
        self.last: Gate | None = None

    @property
    def running(self) -> Gate | None:
        return self.last if self.last is not None and self.last.code is None else None

    def start(self, name: str, folder: Path, arguments: Sequence[str]) -> None:
        """Raises UsageError while one is running."""
        if self.running is not None:
            raise UsageError(BUSY)
        self.close()
        with hold_signals():
            self.last = Gate(name, folder, arguments)

    def close(self) -> None:
        if self.last is not None:
            self.last.close()
