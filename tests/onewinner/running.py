"""Runs the command as its users do, and finds whatever it left behind."""

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "ONEWINNER_TEST_MARK"
WAIT_S = 60.0


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

    def run(self, limit_s: float = 300) -> "subprocess.CompletedProcess[str]":
        with self.start() as process:
            output, errors = process.communicate(timeout=limit_s)
        return subprocess.CompletedProcess(self.arguments, process.returncode, output, errors)

    def find_left(self) -> list[str]:
        """The command lines of processes that are still there."""
        left = []
        for process in self.walk_left():
            with contextlib.suppress(psutil.NoSuchProcess):
                left.append(" ".join(process.cmdline()))
        return left

    def walk_left(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get(MARK) == self.mark:
                    yield process


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Polls the thing itself until it holds; fails when the process ends before."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited too long"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
