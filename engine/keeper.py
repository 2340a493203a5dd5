"""Keeps a database server for a process, and never outlives it. A program of its own; standard library only.

It runs the given commands one after the other as an unprivileged user, the last of them being the server,
and watches its standard input: when that closes, because the owner closed it or was killed in whatever
way, the running command is ended and the folder is removed. Should the keeper itself be killed, the kernel
ends the server (Linux). A pipe and a process rather than a death signal straight from the owner, because
that signal is bound to the *thread* that started the server, and could not remove the folder.

Exit codes: 0 ended as asked, 1 a command ended by itself (the folder is left, for its log to be read).
"""

import ctypes
import json
import os
import select
import shutil
import signal
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
OWNER_POLL_S = 0.5


def main() -> int:
    order = json.loads(sys.argv[1])
    owner = os.getppid()
    # A child's end wakes the select below through this pipe; so does SIGTERM, which means "stop".
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    for command in order["commands"]:
        child = start(command, order)
        status = watch(child, owner, wake_read)
        if status is None:
            end(child, order["stop_limit_s"])
            shutil.rmtree(order["folder"], ignore_errors=True)
            return 0
        if status != 0:
            return 1
    return 1


def note(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe tells which signal came; nothing to do here."""


def start(command: list[str], order: dict[str, int | str]) -> int:
    """Forks and executes the command as the ordered user; returns its pid."""
    keeper = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.set_wakeup_fd(-1)
        os.chdir(str(order["folder"]))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(int(order["gid"]))
            os.setuid(int(order["uid"]))
        if sys.platform == "linux":
            # After the change of user, which would clear it.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() == keeper:
            os.execv(command[0], command)  # noqa: S606 - a shell is not wanted
    finally:
        os._exit(127)


def watch(child: int, owner: int, wake: int) -> int | None:
    """The child's exit status when it ends by itself; None when it is to be ended."""
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


def end(child: int, limit_s: float) -> None:
    """A fast shutdown; killed when it takes longer than the limit."""
    deadline = time.monotonic() + limit_s
    os.kill(child, signal.SIGINT)
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main())
