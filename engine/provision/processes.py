"""Starts and ends processes on a leash: they end when we end them, and at the latest when this process ends."""

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

from engine.target.secrets import read_secrets

END_LIMIT_S = 10.0
# If the owner of a command dies, the command's group gets this signal after this many seconds. Clients end at once,
# then the service, and last the database, so that no client records an error that the end of a server caused.
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
    hides: bool = False,
) -> Iterator[Process]:
    """The command, running in a process group of its own until the block is left.

    `output` takes its standard output and errors. The yielded process is the leash: its return code is the command's
    (127 if it could not be run), its id is not. `inherit` are file descriptors that the command inherits.
    `hides`: as in start_leash.
    """
    process = None
    try:
        with hold_signals():
            process = start_leash(
                [list(command)], output=output, environment=environment, cwd=cwd, inherit=inherit, hides=hides
            )
        yield process
    finally:
        if process is not None:
            end_process(process)


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Defers SIGINT, SIGTERM and SIGHUP to the end of the block: then the owner knows what the block has started.

    Python runs signal handlers in the main thread only. In another thread this does nothing.
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
        for deferred in held:
            signal.raise_signal(deferred)


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
    left: Path | None = None,
    hides: bool = False,
) -> Process:
    """Starts commands, one after the other, on a leash; engine/provision/leash.py explains the arguments.

    `hides`: the leash hides the secrets that this process knows in what the commands write to `output`. If the caller
    is interrupted before it has the result, the pipe closes and the commands end.
    """
    spec = {
        "commands": list(commands),
        "limit_s": limit_s,
        "signal": int(end_signal),
        "user": user,
        "folder": None if folder is None else str(folder),
        "log": None if log is None else str(log),
        "again_s": again_s,
        "orphan": orphan,
        "left": None if left is None else str(left),
        "secrets": sorted(read_secrets().texts) if hides else [],
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("leash.py"))],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=dict(environment if environment is not None else os.environ),
        cwd=cwd,
        pass_fds=inherit,
        # Ctrl-C in a terminal must reach only us; we end the process.
        start_new_session=True,
    )
    assert process.stdin is not None
    text = json.dumps(spec).encode()
    # The leash may have been killed already.
    with contextlib.suppress(OSError):
        process.stdin.write(len(text).to_bytes(8) + text)
        process.stdin.flush()
    return process


def ask_to_end(process: Process) -> None:
    """Tells the leash to end its process group, and does not wait for it."""
    if process.stdin is not None:
        # The leash may have ended already.
        with contextlib.suppress(OSError, ValueError):
            process.stdin.write(b"end")
            process.stdin.flush()
        with contextlib.suppress(OSError):
            process.stdin.close()


def end_process(process: Process, limit_s: float = END_LIMIT_S) -> int:
    """Ends the process group and waits until it is gone. Returns its exit code.

    `limit_s`: after this many seconds the leash kills the group; the same value as at the start.
    """
    ask_to_end(process)
    try:
        return process.wait(limit_s + 5)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
