"""Runs commands in a process group, and ends the group when their owner ends. A program; standard library only.

    python leash.py

The specification comes through standard input, because arguments would show its secrets: 8 bytes with its length, then
JSON: {commands, limit_s, signal, user, folder, log, again_s, orphan, left, secrets}. The commands run one after the
other; a command that ends with another status than 0 is the last. `user` is [uid, gid] or null. The commands run in
`folder`, which the leash removes at the end (null: none); it removes the folder `left` if the owner has died. Their
output goes to the file `log` (null: to our output). Where `secrets` has any, output to our output passes a filter
first: a process that hides them. If `again_s` is above 0, the leash runs the last command again each time it dies by
SIGKILL. If a restart fails because processes of the run before are still there, the leash tries again for `again_s`
seconds.

The owner ends the group by a write to standard input, or by SIGTERM to the leash: the group gets `signal`, and SIGKILL
after `limit_s` seconds. If standard input closes without a write, the owner has died. Then the group gets the signal of
`orphan`, [seconds, signal], after that many seconds: so the clients among the commands of one owner end before the
servers. If the leash itself is killed, the kernel signals the command (Linux). A death signal from the owner would not
do: the kernel binds it to the *thread* that started the command, it reaches no group, and it removes no folder.

A process that leaves the group (a daemon, setsid) ends with the group (Linux): the leash is the subreaper of all that
the command starts, and finds it in /proc. A leash below ends by itself. What cannot be ended is named in the output.

The leash is a fork of the process that the owner has started, its guard. If the leash itself is killed, the kernel
signals the command, and the guard kills what is left of it, daemons included. If the guard is killed, the leash ends as
without its owner. If both are killed at once, a daemon is left: nothing can end it.

The exit code is the status of the last command (then the folder stays, so that its log can be read), 128 + N if signal
N killed it, or 127 if it could not be run; the output then has the reason.
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
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STRAYS_LIMIT_S = 2.0
LEASH = b"/engine/provision/leash.py"
OWNER_POLL_S = 0.5
END_POLL_S = 0.005
AGAIN_POLL_S = 0.1
PIECE_BYTES = 65536
ROOMS = str(Path(__file__).parents[2])
STAYS, TOLD, ORPHANED = 0, 1, 2
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Runs the leash below a guard: if the leash is killed, the guard ends what the leash had to end (Linux)."""
    if sys.platform != "linux":
        return hold()
    owner = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    leash = os.fork()
    if not leash:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        try:
            code = hold()
            sys.stdout.flush()
        finally:
            os._exit(code)
    return guard(leash, owner)


def guard(leash: int, owner: int) -> int:
    """Waits for the leash, and passes on what tells it to end. Returns its exit code.

    If the owner ends, so does the guard: the leash takes that for the end of its owner.
    """
    while os.getppid() == owner:
        came = signal.sigtimedwait(HEARD, OWNER_POLL_S)
        if came is not None and came.si_signo != signal.SIGCHLD:
            os.kill(leash, signal.SIGTERM)
        ended, status = os.waitpid(leash, os.WNOHANG)
        if ended:
            if os.WIFSIGNALED(status):
                # The kernel has signalled the command by now; what is still there after a moment is killed.
                wait_for_strays()
                end_strays(set())
            return decode(status)
    return 0


def wait_for_strays() -> None:
    """Waits until nothing is left that the command has started, but not for long."""
    deadline = time.monotonic() + STRAYS_LIMIT_S
    while (strays := find_descendants()) and time.monotonic() < deadline:
        reap(strays)
        time.sleep(END_POLL_S)


def hold() -> int:
    owner = os.getppid()
    spec = read_spec()
    if spec is None:
        return 0
    # Through this pipe the end of a child wakes the select below, and so does SIGTERM, which means "stop".
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in HEARD:
        signal.signal(number, note)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    end_filter = start_filter(spec["secrets"]) if spec["secrets"] else None
    code = run_all(spec, owner, wake_read)
    if end_filter is not None:
        end_filter()
    return code


def run_all(spec: dict[str, Any], owner: int, wake_read: int) -> int:
    """Runs the commands, up to the first that fails. Returns the exit code of the last one."""
    code, last = 0, spec["commands"][-1]
    for command in spec["commands"]:
        again_s = spec["again_s"] if command is last else 0.0
        code, why = run(command, spec, owner, wake_read, again_s)
        if why and spec["folder"] is not None:
            shutil.rmtree(spec["folder"], ignore_errors=True)
        if why == ORPHANED and spec["left"] is not None:
            shutil.rmtree(spec["left"], ignore_errors=True)
        if why or code != 0:
            break
    return code


def read_spec() -> dict[str, Any] | None:
    """The specification; None if the owner ended before it had sent it."""
    length = int.from_bytes(read_exactly(8))
    text = read_exactly(length)
    return json.loads(text) if length and len(text) == length else None


def read_exactly(length: int) -> bytes:
    """So many bytes of standard input; fewer at its end."""
    text = b""
    while len(text) < length and (piece := os.read(0, length - len(text))):
        text += piece
    return text


def start_filter(texts: list[str]) -> Callable[[], None]:
    """Forks the filter, and makes it our output. Returns what ends it, after the commands have ended.

    A process of its own: if the leash is killed, the filter goes on until the last command has closed its output.
    """
    (output, entrance), (over, ending) = os.pipe(), os.pipe()
    filtering = os.fork()
    if not filtering:
        try:
            for number in HEARD:
                signal.signal(number, signal.SIG_IGN)
            for unused in (0, entrance, ending):
                os.close(unused)
            filter_output(output, over, texts)
        finally:
            os._exit(0)
    for ours in (1, 2):
        os.dup2(entrance, ours)
    for unused in (output, entrance, over):
        os.close(unused)

    def end_filter() -> None:
        os.write(ending, b"end")
        os.waitpid(filtering, 0)

    return end_filter


def filter_output(output: int, over: int, texts: list[str]) -> None:
    """Copies to standard output and hides the secrets, to the end of the output, or up to the end that we are told."""
    sys.path.append(ROOMS)
    from engine.target.secrets import SecretFilter, Secrets

    stream, awaited = SecretFilter(Secrets(frozenset(texts))), [output, over]
    while True:
        ready, _, _ = select.select(awaited, [], [])
        piece = os.read(output, PIECE_BYTES) if output in ready else b""
        if piece:
            write_all(stream.feed(piece))
        elif output in ready or os.read(over, 1024):
            write_all(stream.end())
            return
        else:
            # The leash was killed; the commands may still write.
            awaited = [output]


def write_all(text: bytes) -> None:
    """Writes to standard output. What a full disk does not take is lost."""
    with contextlib.suppress(OSError):
        while text:
            text = text[os.write(1, text) :]


def run(command: list[str], spec: dict[str, Any], owner: int, wake: int, again_s: float) -> tuple[int, int]:
    """Runs a command to its end. Returns its exit code, and why we ended it: TOLD or ORPHANED, else STAYS."""
    failing_until = 0.0
    while True:
        own = set(find_descendants())
        child = start(command, spec)
        status, is_orphan = watch(child, owner, wake, own)
        code = decode(end(child, spec, is_orphan) if status is None else status)
        signal_group(child, signal.SIGKILL)
        end_strays(own)
        if status is None or not again_s:
            return code, STAYS if status is not None else ORPHANED if is_orphan else TOLD
        if was_killed(status):
            failing_until = time.monotonic() + again_s
        elif code == 0 or time.monotonic() > failing_until:
            return code, STAYS
        elif why := is_to_end(owner, wake, AGAIN_POLL_S):
            return code, why


def note(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe tells which signal came; nothing to do here."""


def start(command: list[str], spec: dict[str, Any]) -> int:
    """Forks and executes the command as specified. Returns its pid, which is also its group."""
    leash = os.getpid()
    # Until the child has the usual handlers in place of the leash's, signals to it wait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # Both sides set the group, so that it exists in any order of the two.
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child
    try:
        hear_as_usual(before)
        prepare(spec)
        if os.getppid() == leash:
            os.execvp(command[0], command)  # noqa: S606 - a shell is what we do not want
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError) and "/" not in command[0]
        remedy = "; it is not on the PATH: activate its environment, or write its path" if is_missing else ""
        os.write(2, f"{command[0]!r} cannot be run: {error.strerror}{remedy}\n".encode())
    finally:
        os._exit(127)


def hear_as_usual(mask: Iterable[int]) -> None:
    """Drops the leash's handlers in the forked child, then lets in the signals that came since the fork."""
    signal.set_wakeup_fd(-1)
    for number in HEARD:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def prepare(spec: dict[str, Any]) -> None:
    """Sets up the forked child before it becomes the command."""
    os.setpgid(0, 0)
    if spec["log"] is not None:
        log = os.open(spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if spec["folder"] is not None:
        os.chdir(spec["folder"])
    if spec["user"] is not None:
        uid, gid = spec["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which would clear this setting.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, spec["signal"])


def watch(child: int, owner: int, wake: int, own: set[int]) -> tuple[int | None, bool]:
    """The wait status of a child that ends by itself; else None, and whether the owner has died."""
    while True:
        why = is_to_end(owner, wake, OWNER_POLL_S)
        if why:
            return None, why == ORPHANED
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, False
        if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            reap(set(find_descendants()) - own - {child})


def is_to_end(owner: int, wake: int, limit_s: float) -> int:
    """Whether to end: TOLD or ORPHANED, at once; else STAYS, after the end of a child or the limit."""
    ready, _, _ = select.select([0, wake], [], [], limit_s)
    if 0 in ready:
        return TOLD if os.read(0, 1024) else ORPHANED
    if wake in ready and set(os.read(wake, 1024)) - {signal.SIGCHLD}:
        return TOLD
    # A fork of the owner may keep the pipe open after the end of the owner.
    return ORPHANED if os.getppid() != owner else STAYS


def end(child: int, spec: dict[str, Any], is_orphan: bool) -> int:
    """Signals the group, with SIGKILL after the limit. Returns the wait status of its leader."""
    after_s, number = spec["orphan"] if is_orphan else (0.0, spec["signal"])
    due = time.monotonic() + after_s
    while after_s and time.monotonic() < due:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(END_POLL_S)
    deadline = time.monotonic() + spec["limit_s"]
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


def end_strays(own: set[int]) -> None:
    """Kills every descendant that the leash did not have before the command; says which could not be killed."""
    deadline = time.monotonic() + STRAYS_LIMIT_S
    while strays := set(find_descendants()) - own:
        for stray in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(stray, signal.SIGKILL)
        reap(strays)
        if time.monotonic() > deadline:
            os.write(2, f"These processes of the command could not be ended: {sorted(strays)}\n".encode())
            return
        time.sleep(END_POLL_S)


def reap(strays: Iterable[int]) -> None:
    """Waits for those of our children that have ended. A child of another process is refused."""
    for stray in strays:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(stray, os.WNOHANG)


def find_descendants() -> list[int]:
    """The processes below this one that run or were not waited for; not another leash, nor what is below it."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            # The name, in brackets, may contain any character.
            parent = int(file.read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(file.parent.name))
    found, left = [], [os.getpid()]
    while left:
        below = [child for child in children.get(left.pop(), ()) if not is_leash(child)]
        found += below
        left += below
    return found


def is_leash(process: int) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word.endswith(LEASH) for word in words)


if __name__ == "__main__":
    sys.exit(main())
