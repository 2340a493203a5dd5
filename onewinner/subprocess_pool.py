"""A subprocess pool: asks each variant of the matrix by a command of its own, several at a time.

Each command has a database of its own, leaves a run directory, and ends with this process.
"""

import contextlib
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.provision.child import name_module
from engine.provision.processes import Process, run_process
from onewinner.kill_matrix import Variant
from reports.documents.run_folder import Run, RunError, read_run

AT_ONCE_MAX = 4
POLL_S = 0.1


@dataclass(frozen=True)
class Job:
    """One variant, the run directory of its command, and the file for what the command prints."""

    variant: Variant
    folder: Path
    log: Path


@dataclass(frozen=True)
class JobResult:
    """What a job brought back; `run` is None where it brought nothing to read, and `trouble` says why."""

    variant: Variant
    run: Run | None
    trouble: str = ""


def count_at_once() -> int:
    """How many are asked side by side on this machine."""
    return min(os.cpu_count() or 1, AT_ONCE_MAX)


def run_jobs(variants: Sequence[Variant], arguments: Sequence[str], folder: Path, at_once: int) -> Iterator[JobResult]:
    """Asks all of them with `onewinner defects` and these arguments; the results as they come."""
    waiting = deque(
        Job(each, folder / "engines" / each.name, folder / "logs" / f"{each.name}.log") for each in variants
    )
    running: list[tuple[Job, Process, contextlib.ExitStack]] = []
    with contextlib.ExitStack() as everything:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.popleft()
                mine = everything.enter_context(contextlib.ExitStack())
                running.append((job, mine.enter_context(start(job, arguments)), mine))
            for job, process, mine in list(running):
                if has_ended(process):
                    running.remove((job, process, mine))
                    mine.close()
                    yield read_result(job, process)


@contextlib.contextmanager
def start(job: Job, arguments: Sequence[str]) -> Iterator[Process]:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    command = name_module("onewinner", "defects", *job.variant.arguments, *arguments)
    with (
        job.log.open("ab") as output,
        run_process([*command, "--out", str(job.folder)], output=output, hides=True) as process,
    ):
        yield process


def has_ended(process: Process) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(POLL_S)
    return process.poll() is not None


def read_result(job: Job, process: Process) -> JobResult:
    """What the command left. Where all is as expected nothing of it is kept."""
    try:
        run = read_run(job.folder)
    except RunError:
        trouble = f"{job.variant.name}: the command ended with status {process.returncode}; see {job.log}"
        return JobResult(job.variant, None, trouble)
    if process.returncode == 0:
        shutil.rmtree(job.folder)
    return JobResult(job.variant, run)
