"""Errands: each engine of the matrix asked by a command of its own, several side by side. A run directory is an answer.

They share nothing but the machine: each has a database of its own, and ends with this process, however that ends.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.provision.processes import Process, run_process
from onewinner.kill_matrix import Engine
from reports.documents.run import Run, RunError, read_run

AT_ONCE_MAX = 4
POLL_S = 0.1


@dataclass(frozen=True)
class Errand:
    """One engine, the run directory in which the answer will be, and the file for what the command prints."""

    engine: Engine
    folder: Path
    log: Path


@dataclass(frozen=True)
class Answer:
    """What an errand brought back; `run` is None where it brought nothing to read, and `trouble` says why."""

    engine: Engine
    run: Run | None
    trouble: str = ""


def count_at_once() -> int:
    """How many are asked side by side on this machine."""
    return min(os.cpu_count() or 1, AT_ONCE_MAX)


def run_errands(engines: Sequence[Engine], arguments: Sequence[str], folder: Path, at_once: int) -> Iterator[Answer]:
    """Asks all of them with `onewinner defects` and these arguments; the answers as they come."""
    waiting = deque(
        Errand(each, folder / "engines" / each.name, folder / "logs" / f"{each.name}.log") for each in engines
    )
    running: list[tuple[Errand, Process, contextlib.ExitStack]] = []
    with contextlib.ExitStack() as everything:
        while waiting or running:
            while waiting and len(running) < at_once:
                errand = waiting.popleft()
                mine = everything.enter_context(contextlib.ExitStack())
                running.append((errand, mine.enter_context(start(errand, arguments)), mine))
            for errand, process, mine in list(running):
                if has_ended(process):
                    running.remove((errand, process, mine))
                    mine.close()
                    yield read_answer(errand, process)


@contextlib.contextmanager
def start(errand: Errand, arguments: Sequence[str]) -> Iterator[Process]:
    errand.log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "onewinner", "defects", *errand.engine.arguments, *arguments]
    with (
        errand.log.open("ab") as output,
        run_process([*command, "--out", str(errand.folder)], output=output) as process,
    ):
        yield process


def has_ended(process: Process) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(POLL_S)
    return process.poll() is not None


def read_answer(errand: Errand, process: Process) -> Answer:
    """What the command left. Where all is as expected nothing of it is kept."""
    try:
        run = read_run(errand.folder)
    except RunError:
        trouble = f"{errand.engine.name}: the command ended with status {process.returncode}; see {errand.log}"
        return Answer(errand.engine, None, trouble)
    if process.returncode == 0:
        shutil.rmtree(errand.folder)
    return Answer(errand.engine, run)
