"""Processes on a leash: they end when they are told to, and in any case when this process does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

END_LIMIT_S = 10.0
# What becomes of a command whose owner has died: after so many seconds its group gets this signal. Those that ask end
# at once, then the service that answers, and last the database, so that nothing that is recorded comes of their end.
Orphan = tuple[float, int]
AT_ONCE: Orphan = (0.0, int(signal.SIGKILL))
SERVICE: Orphan = (2.0, int(signal.SIGTERM))
DATABASE_AFTER_S = 5.0

Process = subprocess.Popen[bytes]


@contextlib.contextmanager
def run_process(
    command: Sequence[str],
    *,
    output: IO[bytes] | int | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    inherit: Sequence[int] = (),
) -> Iterator[Process]:
    """The command, running in a process group of its own until the block is left.

    `output` takes its standard output and errors. The process that is given is the leash: its return code
    is the command's (127 when it could not be run), its id is not. `inherit` are file descriptors that the command
    keeps under their numbers.
    """
    process = None
    try:
        with hold_signals():
            process = start_process(command, output=output, environment=environment, cwd=cwd, inherit=inherit)
        yield process
    finally:
        if process is not None:
            end_process(process)


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Puts off SIGINT, SIGTERM and SIGHUP until the block is left: what was started in it is known to its owner then.

    Python runs handlers in the main thread alone; elsewhere there is nothing to put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, lambda number, _: held.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for told in held:
            signal.raise_signal(told)


def start_process(
    command: Sequence[str],
    *,
    output: IO[bytes] | int | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    inherit: Sequence[int] = (),
    orphan: Orphan = AT_ONCE,
) -> Process:
    """Starts it, to be ended with SIGTERM; see run_process."""
    return start_leash([list(command)], output=output, environment=environment, cwd=cwd, inherit=inherit, orphan=orphan)


def start_leash(
    commands: Sequence[list[str]],
    *,
    end_signal: signal.Signals = signal.SIGTERM,
    user: tuple[int, int] | None = None,
    folder: Path | None = None,
    log: Path | None = None,
    output: IO[bytes] | int | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    inherit: Sequence[int] = (),
    limit_s: float = END_LIMIT_S,
    again_s: float = 0.0,
    orphan: Orphan = AT_ONCE,
) -> Process:
    """Starts commands, one after the other, on a leash (see engine/provision/leash.py for what the arguments mean).

    Should the caller be interrupted before it holds the result, the pipe closes and all ends.
    """
    order = {
        "commands": list(commands),
        "limit_s": limit_s,
        "signal": int(end_signal),
        "user": user,
        "folder": None if folder is None else str(folder),
        "log": None if log is None else str(log),
        "again_s": again_s,
        "orphan": orphan,
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("leash.py")), json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=dict(environment if environment is not None else os.environ),
        cwd=cwd,
        pass_fds=inherit,
        # A terminal's Ctrl-C must reach us first, and the process when we say so.
        start_new_session=True,
    )


def end_process(process: Process, limit_s: float = END_LIMIT_S) -> int:
    """Ends the process group and waits until it is gone. Returns its exit code.

    `limit_s` is the one with which it was started: how long the group may take until it is killed.
    """
    if process.stdin is not None:
        # A leash that has ended already hears nothing.
        with contextlib.suppress(OSError):
            process.stdin.write(b"end")
            process.stdin.flush()
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        return process.wait(limit_s + 5)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
