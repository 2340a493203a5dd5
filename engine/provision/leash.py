"""Runs commands in a process group of their own, and never lets them outlive their owner. A program; stdlib only.

    python leash.py ORDER

ORDER is JSON: {commands, limit_s, signal, user, folder, log, again_s, orphan}. The commands run one after the other,
each only when the one before ended with status 0; `user` is [uid, gid] or null, `folder` where they run and what is
removed in the end (null: nothing), `log` a file for their output (null: ours). Where `again_s` is above 0, the last
command is run again whenever it died by SIGKILL; should it then fail, because something of its earlier life is still
there, it is tried for so many seconds.

When the owner writes to standard input, or a SIGTERM comes, the running command's group gets `signal`, and after
`limit_s` seconds SIGKILL. When standard input closes without a word, the owner has died: then the group gets the signal
of `orphan`, [seconds, signal], after so many seconds, so that of several commands of one owner those that ask end
before those that answer. Should the leash itself be killed, the
kernel signals the command (Linux). A pipe and a process rather than a death signal straight from the owner, because
that signal is bound to the *thread* that started the command, reaches no group, and removes no folder.

Exits with the last command's status (the folder is then left, for the log to be read); 128 + N when it died by signal
N; 127 when it could not be run, with the reason in its output.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
OWNER_POLL_S = 0.5
END_POLL_S = 0.005
AGAIN_POLL_S = 0.1
STAYS, TOLD, ORPHANED = 0, 1, 2
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    order = json.loads(sys.argv[1])
    owner = os.getppid()
    # A child's end wakes the select below through this pipe; so does SIGTERM, which means "stop".
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in HEARD:
        signal.signal(number, note)
    code, last = 0, order["commands"][-1]
    for command in order["commands"]:
        again_s = order["again_s"] if command is last else 0.0
        code, asked = run(command, order, owner, wake_read, again_s)
        if asked and order["folder"] is not None:
            shutil.rmtree(order["folder"], ignore_errors=True)
        if asked or code != 0:
            break
    return code


def run(command: list[str], order: dict[str, Any], owner: int, wake: int, again_s: float) -> tuple[int, bool]:
    """Runs a command to its end. Returns its exit code, and whether it was ended because it was to."""
    failing_until = 0.0
    while True:
        child = start(command, order)
        status, is_orphan = watch(child, owner, wake)
        code = decode(end(child, order, is_orphan) if status is None else status)
        signal_group(child, signal.SIGKILL)
        if status is None or not again_s:
            return code, status is None
        if was_killed(status):
            failing_until = time.monotonic() + again_s
        elif code == 0 or time.monotonic() > failing_until:
            return code, False
        elif is_to_end(owner, wake, AGAIN_POLL_S):
            return code, True


def note(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe tells which signal came; nothing to do here."""


def start(command: list[str], order: dict[str, Any]) -> int:
    """Forks and executes the command as ordered; returns its pid, which is also its group."""
    leash = os.getpid()
    # A signal to the child waits until it is heard there as usual: until then the child has the leash's handlers.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # Both sides set the group, so that it is there whichever comes first.
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child
    try:
        hear_as_usual(before)
        prepare(order)
        if os.getppid() == leash:
            os.execvp(command[0], command)  # noqa: S606 - a shell is what we do not want
    except OSError as error:
        os.write(2, f"{command[0]!r} cannot be run: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def hear_as_usual(mask: Iterable[int]) -> None:
    """Drops the leash's handlers in the forked child, then lets in the signals that came since the fork."""
    signal.set_wakeup_fd(-1)
    for number in HEARD:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def prepare(order: dict[str, Any]) -> None:
    """What the forked child sets up before it becomes the command."""
    os.setpgid(0, 0)
    if order["log"] is not None:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if order["folder"] is not None:
        os.chdir(order["folder"])
    if order["user"] is not None:
        uid, gid = order["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, order["signal"])


def watch(child: int, owner: int, wake: int) -> tuple[int | None, bool]:
    """The child's wait status when it ends by itself; None when it is to be ended, and whether the owner has died."""
    while True:
        why = is_to_end(owner, wake, OWNER_POLL_S)
        if why:
            return None, why == ORPHANED
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, False


def is_to_end(owner: int, wake: int, limit_s: float) -> int:
    """Whether everything is to end, TOLD or ORPHANED; told at once, or after a child's end or the limit."""
    ready, _, _ = select.select([0, wake], [], [], limit_s)
    if 0 in ready:
        return TOLD if os.read(0, 1024) else ORPHANED
    if wake in ready and set(os.read(wake, 1024)) - {signal.SIGCHLD}:
        return TOLD
    # A fork of the owner may hold the pipe open for longer than the owner lives.
    return ORPHANED if os.getppid() != owner else STAYS


def end(child: int, order: dict[str, Any], is_orphan: bool) -> int:
    """The ordered signal to the group, SIGKILL after the limit; the leader's wait status."""
    after_s, number = order["orphan"] if is_orphan else (0.0, order["signal"])
    due = time.monotonic() + after_s
    while after_s and time.monotonic() < due:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(END_POLL_S)
    deadline = time.monotonic() + order["limit_s"]
    signal_group(child, number)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            signal_group(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(END_POLL_S)


def was_killed(status: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def decode(status: int) -> int:
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def signal_group(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, number)


if __name__ == "__main__":
    sys.exit(main())
