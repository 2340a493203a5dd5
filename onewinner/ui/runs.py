"""The runs of a folder: those that can be read, and what is wrong with the others. No link leads out of the folder."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from reports.documents.chronicle import list_run_folders
from reports.documents.run_folder import UNFINISHED, Run, RunError, read_run
from reports.judge.levels.unfinished_levels import describe_partial
from reports.judge.verdict import Verdict

RUNS_KEPT = 512
# While levels run, something is written all the time; after that the judge is silent for a while.
WRITTEN_S = 60.0
LINK_OUT = "it holds a link that leads out of the folder, and is not read"


@dataclass(frozen=True)
class ListedRun:
    """A run directory: its path within the folder, and the run; else what is wrong with it, in a sentence.

    `is_written`: a file of a run without a verdict has changed a moment ago.
    """

    name: str
    run: Run | None
    trouble: str
    begun: str
    is_written: bool = False

    @property
    def is_finished(self) -> bool:
        return self.run is not None and not self.run.judgement.reason.startswith(UNFINISHED)

    @property
    def word(self) -> str:
        """The verdict, or what keeps the run from one."""
        if self.run is None:
            return "damaged"
        if self.is_finished:
            return str(self.run.judgement.verdict)
        return "in progress" if self.is_written else "unfinished"

    @property
    def tone(self) -> str:
        return self.word if self.is_finished else "unknown"

    @property
    def failed(self) -> list[str]:
        checks = self.run.judgement.checks if self.run is not None else ()
        return [result.check for result in checks if result.verdict is Verdict.FAIL]

    @property
    def share(self) -> str:
        """How much of the plan ran."""
        if self.run is None or not self.is_finished:
            return ""
        partial = describe_partial(self.run.facts.levels)
        return partial.partition(": ")[2] if partial else "all" if self.run.facts.levels else ""


def list_runs(root: Path) -> list[ListedRun]:
    """Every run of a folder, the newest first."""
    return sorted(walk_runs(root), key=lambda each: (each.begun, each.name), reverse=True)


def walk_runs(root: Path) -> Iterator[ListedRun]:
    whole = root.resolve()
    for folder in list_run_folders(root):
        name = folder.relative_to(root).as_posix()
        try:
            written = (folder / "run.json").lstat()
        except OSError:
            # Removed a moment ago.
            continue
        moment = show_moment(written.st_mtime)
        if leads_out(folder, whole):
            yield ListedRun(name, None, LINK_OUT, moment)
            continue
        try:
            run = read_unchanged(folder, written.st_mtime_ns, written.st_size)
        except RunError as error:
            yield ListedRun(name, None, str(error), moment)
        else:
            listed = ListedRun(name, run, "", run.facts.started_at or moment)
            yield listed if listed.is_finished else replace(listed, is_written=is_written(run))


def find_listed(root: Path, name: str) -> ListedRun | None:
    """The run of this name. Only names that the folder lists are found, so that none leads elsewhere."""
    return next((each for each in walk_runs(root) if each.name == name), None)


def is_written(run: Run) -> bool:
    """Whether a level, the service or the judge has written a moment ago. A run that was interrupted is over."""
    if run.facts.plan.interrupted:
        return False
    files = (*(run.folder / "logs").glob("*"), *run.history.glob("*"), run.folder / "run.json")
    with contextlib.suppress(OSError):
        return time.time() - max(file.lstat().st_mtime for file in files) < WRITTEN_S
    return True


def list_readable(root: Path) -> list[Path]:
    """The run directories that may be read."""
    whole = root.resolve()
    return [folder for folder in list_run_folders(root) if not leads_out(folder, whole)]


@lru_cache(RUNS_KEPT)
def read_unchanged(folder: Path, written_ns: int, size: int) -> Run:  # noqa: ARG001 - the arguments are the key
    return read_run(folder)


def leads_out(folder: Path, whole: Path) -> bool:
    """Whether anything in a run directory is a link to what lies outside of the whole folder."""
    paths = (folder, *(path for path in folder.rglob("*") if path.is_symlink()))
    return not all(path.resolve().is_relative_to(whole) for path in paths)


def show_moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
