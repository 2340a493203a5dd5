"""Runs a command in a process group of its own, and never lets it outlive its owner. A program; standard library only.

    python leash.py LIMIT_S COMMAND...

When standard input closes, because the owner closed it or was killed in whatever way, or when a SIGTERM
comes, the group gets SIGTERM, and after LIMIT_S seconds SIGKILL. When the command ends by itself, what it
left behind in its group is killed. Exits with the command's status; 128 + N when it died by signal N; 127
when it could not be run, with the reason on standard error.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
OWNER_POLL_S = 0.5
END_POLL_S = 0.01


def main() -> int:
    limit_s, command = float(sys.argv[1]), sys.argv[2:]
    owner = os.getppid()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    child = start(command)
    status = watch(child, owner, wake_read)
    if status is None:
        status = end(child, limit_s)
    signal_group(child, signal.SIGKILL)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def note(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe tells which signal came; nothing to do here."""


def start(command: list[str]) -> int:
    keeper = os.getpid()
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == keeper:
            os.execvp(command[0], command)  # noqa: S606 - a shell is what we do not want
    except OSError as error:
        os.write(2, f"{command[0]!r} cannot be run: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def watch(child: int, owner: int, wake: int) -> int | None:
    """The child's wait status when it ends by itself; None when it is to be ended."""
    while True:
        ready, _, _ = select.select([0, wake], [], [], OWNER_POLL_S)
        if 0 in ready and not os.read(0, 1024):
            return None
        if wake in ready and set(os.read(wake, 1024)) - {signal.SIGCHLD}:
            return None
        # A fork of the owner may hold the pipe open for longer than the owner lives.
        if os.getppid() != owner:
            return None
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def end(child: int, limit_s: float) -> int:
    """SIGTERM to the group, SIGKILL after the limit; the leader's wait status."""
    deadline = time.monotonic() + limit_s
    signal_group(child, signal.SIGTERM)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            signal_group(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(END_POLL_S)


def signal_group(child: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, number)


if __name__ == "__main__":
    sys.exit(main())
