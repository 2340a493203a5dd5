"""Goal: a leash ends its command at once, also right after the start, with all that the command has started.

Method: commands that sleep, become daemons, or have a leash of their own.
"""

import signal
import sys
from pathlib import Path

import psutil
import pytest

from engine.provision.processes import end_process, start_leash

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
    ["signal.pause()", "raise SystemExit(0)", "os.kill(os.getpid(), 9)", "os.kill(os.getppid(), 15)"],
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
