"""Runs the command as its users do, and finds what it left behind."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import psutil

from engine.target.secrets import TOLD
from onewinner.command_line import main
from onewinner.signals import HEARD

MARK = "ONEWINNER_TEST_MARK"
WAIT_S = 60.0
# No command hangs so long; a busy machine may need a part of it.
LIMIT_S = 1200.0


@dataclass
class Command:
    """One call of `onewinner`. Every process that descends from it carries its mark in the environment."""

    arguments: tuple[str, ...]
    cwd: Path
    environment: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "onewinner")
    python: str = sys.executable
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.python, *self.program, *self.arguments],
            cwd=self.cwd,
            env={**os.environ, **self.environment, MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, limit_s: float = LIMIT_S) -> "subprocess.CompletedProcess[str]":
        with self.start() as process:
            output, errors = process.communicate(timeout=limit_s)
        return subprocess.CompletedProcess(self.arguments, process.returncode, output, errors)

    def run_here(self) -> "subprocess.CompletedProcess[str]":
        """Runs it in this process, which spares the second that an interpreter takes to import it.

        For commands that end by themselves and start little. What they start carries the mark, too.
        """
        assert self.program == ("-m", "onewinner"), "another program needs a process of its own"
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.ExitStack() as changed:
            changed.enter_context(keep_handlers())
            changed.callback(TOLD.clear)
            changed.enter_context(patch.dict(os.environ, {**self.environment, MARK: self.mark}))
            changed.enter_context(patch.object(sys, "path", list(sys.path)))
            changed.enter_context(contextlib.chdir(self.cwd))
            changed.enter_context(contextlib.redirect_stdout(output))
            changed.enter_context(contextlib.redirect_stderr(errors))
            code = run_main(self.arguments)
        return subprocess.CompletedProcess(self.arguments, code, output.getvalue(), errors.getvalue())

    def find_left(self) -> list[str]:
        """The command lines of processes that are still there."""
        return [" ".join(words) for process in self.walk_left() if (words := read_words(process))]

    def walk_left(self) -> Iterator[psutil.Process]:
        for pid in self.list_marked():
            with contextlib.suppress(psutil.Error):
                yield psutil.Process(pid)

    def list_marked(self) -> list[int]:
        """The ids of the processes that carry the mark; read from /proc where there is one, which takes a tenth."""
        marked, own = f"{MARK}={self.mark}".encode(), os.getpid()
        found = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.Error):
                if sys.platform == "linux":
                    carries = marked in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                else:
                    carries = psutil.Process(pid).environ().get(MARK) == self.mark
                if carries and pid != own:
                    found.append(pid)
        return found


def read_words(process: psutil.Process) -> list[str]:
    """The command line of a process; empty where it has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def run_main(arguments: tuple[str, ...]) -> int:
    """The exit code of the command."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(str(ended.code))


@contextlib.contextmanager
def keep_handlers() -> Iterator[None]:
    """Puts back the signal handlers of this process afterwards."""
    before = {number: signal.getsignal(number) for number in HEARD}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Polls the thing itself until it holds; fails when the process ends before."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited too long"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
