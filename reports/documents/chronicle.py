"""A chronicle: the runs of a folder in the order of time, for trends."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reports.comparison.blocks import take_blocks
from reports.comparison.comparison import Side
from reports.documents.run_folder import UNFINISHED, Run, RunError, read_run


@dataclass(frozen=True)
class Chronicle:
    """The runs of a folder, oldest first, and what was left out, a sentence each."""

    runs: tuple[Run, ...]
    notes: tuple[str, ...]

    @property
    def measured(self) -> tuple[Side, ...]:
        return tuple(Side(str(run.folder), run.facts, run.judgement) for run in self.runs)


def list_run_folders(folder: Path) -> list[Path]:
    """Every run directory in a folder, and both runs of a job in turns; no run inside another run."""
    within = (file for file in folder.glob("*/*/run.json") if not (file.parents[1] / "run.json").exists())
    return sorted(file.parent for file in [*folder.glob("*/run.json"), *within])


def read_chronicle(folder: Path) -> Chronicle:
    """The runs of a folder."""
    return gather_chronicle(list_run_folders(folder))


def gather_chronicle(folders: Iterable[Path]) -> Chronicle:
    """The runs of these run directories."""
    found: list[Run] = []
    notes = []
    for folder in folders:
        try:
            run = read_run(folder)
        except RunError as error:
            notes.append(str(error))
            continue
        if run.judgement.reason.startswith(UNFINISHED):
            notes.append(f"{folder}: {UNFINISHED}")
        elif not take_blocks(run.facts).blocks:
            notes.append(f"{folder}: measured nothing")
        else:
            found.append(run)
    return Chronicle(tuple(sorted(found, key=lambda run: run.facts.started_at or "")), tuple(notes))
