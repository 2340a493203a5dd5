"""Goal: a leash ends its command with all that it started, and hides secrets in its output.

Method: a command that sleeps, and commands that write secrets.
"""

import base64
import contextlib
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from engine.provision.processes import end_process, start_leash
from engine.target.secrets import Secrets, know
from tests.engine.probing import eventually

SECRET = "tok-7f3a9c1e5b2d"

# Starts a process in a session of its own, which starts another; then writes their ids, and does what follows.
STRAYS = """
import os, signal, sys
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    below = os.fork()
    if below:
        os.write(write, f"{{os.getpid()}} {{below}}".encode())
    while True:
        signal.pause()
open(sys.argv[1] + ".part", "wb").write(os.read(read, 100))
os.rename(sys.argv[1] + ".part", sys.argv[1])
{then}
"""


@pytest.mark.parametrize("attempt", range(5))
def test_a_command_that_is_ended_as_it_starts_hears_the_signal(attempt: int) -> None:
    """A command that does not receive the signal would be killed with SIGKILL after the limit."""
    assert end_process(start_leash([["sleep", "600"]])) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "then",
    [
        "signal.pause()",
        "raise SystemExit(0)",
        "os.kill(os.getpid(), 9)",
        "os.kill(os.getppid(), 15)",
        "os.kill(os.getppid(), 9)",
    ],
)
def test_what_left_the_group_is_ended(then: str, tmp_path: Path) -> None:
    note = tmp_path / "strays"
    process = start_leash([[sys.executable, "-c", STRAYS.format(then=then), str(note)]])
    while not note.exists():
        assert process.poll() is None or note.exists()
    strays = [int(word) for word in note.read_text().split()]
    assert len(strays) == 2
    end_process(process)
    assert not [each for each in strays if psutil.pid_exists(each)]


def test_a_daemon_ends_though_the_guard_was_killed(tmp_path: Path) -> None:
    note = tmp_path / "strays"
    process = start_leash([[sys.executable, "-c", STRAYS.format(then="signal.pause()"), str(note)]])
    while not note.exists():
        assert process.poll() is None
    strays = [int(word) for word in note.read_text().split()]
    process.kill()
    end_process(process)
    assert eventually(lambda: not [each for each in strays if psutil.pid_exists(each)])


NESTED = """
import signal, sys
from pathlib import Path
from engine.provision.processes import start_leash
process = start_leash([["sleep", "600"]], folder=Path(sys.argv[1]), orphan=(0.0, signal.SIGTERM))
Path(sys.argv[1]).with_name("note.part").write_text(str(process.pid))
Path(sys.argv[1]).with_name("note.part").rename(Path(sys.argv[1]).with_name("note"))
signal.pause()
"""


def test_a_leash_below_ends_by_itself_and_puts_away(tmp_path: Path) -> None:
    """Its owner is killed, and it still removes its folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    process = start_leash([[sys.executable, "-c", NESTED, str(folder)]])
    note = tmp_path / "note"
    while not note.exists():
        assert process.poll() is None
    below = psutil.Process(int(note.read_text()))
    end_process(process)
    below.wait(60)
    assert not folder.exists()


# Writes to both outputs, and the secret in two pieces.
TALKER = """
import base64, os, sys, time
secret = os.environ["TOKEN"]
os.write(1, b"first " + secret[:7].encode())
time.sleep(0.05)
os.write(1, secret[7:].encode() + b" then\\n")
os.write(2, base64.b64encode(b"u:" + secret.encode()) + b"\\n")
os.write(1, b"last words " + secret[:9].encode())
"""


def test_the_log_never_holds_a_secret_and_no_argument_does(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with know(Secrets.of([SECRET])), log.open("ab") as output:
        environment = {**os.environ, "TOKEN": SECRET}
        leash = start_leash([[sys.executable, "-c", TALKER]], output=output, environment=environment, hides=True)
        told = psutil.Process(leash.pid).cmdline()
        assert leash.wait(60) == 0
        end_process(leash)
    assert not any(SECRET in word for word in told)
    first, second, last = log.read_text().splitlines()
    assert first == "first [secret] then"
    assert last == f"last words {SECRET[:9]}"
    assert encode(SECRET).startswith(second.partition("[secret]")[0])
    assert "[secret]" in second


def test_the_log_is_hidden_after_the_leash_was_killed(tmp_path: Path) -> None:
    """The command writes on its way out."""
    log = tmp_path / "log"
    program = f"trap 'echo {SECRET} on its way out; exit' TERM; echo {SECRET} begins; while :; do sleep 0.1; done"
    with know(Secrets.of([SECRET])), log.open("ab") as output:
        leash = start_leash([["sh", "-c", program]], output=output, hides=True)
    assert eventually(lambda: log.read_text() == "[secret] begins\n")
    [below_guard] = (each for each in psutil.Process(leash.pid).children() if each.children())
    below_guard.kill()
    end_process(leash)
    assert eventually(lambda: log.read_text() == "[secret] begins\n[secret] on its way out\n")


def test_a_process_that_left_the_group_does_not_hold_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with know(Secrets.of([SECRET])), log.open("ab") as output:
        program = f"setsid sleep 600 & echo $! > {tmp_path / 'pid'}; echo {SECRET}"
        leash = start_leash([["sh", "-c", program]], output=output, hides=True)
        try:
            assert leash.wait(60) == 0
            assert log.read_text() == "[secret]\n"
        finally:
            end_process(leash)
            left = int((tmp_path / "pid").read_text())
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


def encode(text: str) -> str:
    return base64.b64encode(f"u:{text}".encode()).decode().rstrip("=")
