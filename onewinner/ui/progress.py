"""How far a run is that is still running, told from the files of its run directory alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onewinner.answer_counts import AnswerCounts
from onewinner.profiles import LEVEL_MEANINGS
from onewinner.terminal_display import LIVE, describe_tally
from reports.documents.run_folder import RunError, read_run

WAITING, RUNNING, ENDED = "waiting", "running", "ended"


@dataclass(frozen=True)
class LevelProgress:
    """One level: whether it has begun and ended, its sources, and what it has come to, in words."""

    name: str
    state: str
    sources: tuple[str, ...]
    told: str = ""


class Progress:
    """The levels of one run. They run one after the other: one has ended when the next has begun."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers = AnswerCounts(folder / "history")
        self._sources: tuple[str, ...] = ()

    @property
    def is_sealed(self) -> bool:
        """Whether all levels have ended: the journals are being sealed, and are then judged."""
        return any((self._folder / "history").glob("*.events.jsonl"))

    def list_levels(self) -> list[LevelProgress]:
        """In their order; none before the run has begun."""
        planned = {name: self._list_sources(name) for name in LEVEL_MEANINGS}
        planned = {name: sources for name, sources in planned.items() if sources}
        begun = [name for name in planned if (self._folder / "logs" / f"{name}.log").exists()]
        running = [] if self.is_sealed else begun[-1:]
        return [
            LevelProgress(
                name,
                RUNNING if name in running else ENDED if name in begun else WAITING,
                sources,
                self._describe(name, sources) if name in begun else "",
            )
            for name, sources in planned.items()
        ]

    def _list_sources(self, level: str) -> tuple[str, ...]:
        if not self._sources:
            try:
                self._sources = read_run(self._folder).facts.plan.sources or ()
            except RunError:
                return ()
        return tuple(source for source in self._sources if source.startswith(f"{level}-"))

    def _describe(self, level: str, sources: Sequence[str]) -> str:
        tally = describe_tally(self._folder / "logs" / LIVE) if level == "race" else ""
        return tally or self._answers.describe(sources)
