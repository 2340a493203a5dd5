"""Goal: `onewinner ui` listens on loopback, says where, and ends with a signal. Method: the command as users run it."""

import re
import signal
import socket
from pathlib import Path

import httpx
import psutil

from tests.onewinner.running import Command
from tests.onewinner.ui.asking import make_run

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/[\w-]{43,}/")


def test_it_says_its_address_answers_on_loopback_alone_and_ends(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "one")
    command = Command(("ui",), tmp_path)
    with command.start() as process:
        assert process.stdout is not None
        found = ADDRESS.search(process.stdout.readline())
        assert found is not None
        answer = httpx.get(found[0])
        assert "runs/one" in answer.text
        listening = psutil.Process(process.pid).net_connections("tcp")
        assert {each.laddr for each in listening} == {("127.0.0.1", int(found[1]))}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (3, "onewinner ui: interrupted; nothing was judged\n")
    assert command.find_left() == []


def test_a_port_that_is_taken_and_a_file_are_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = Command(("ui", "--port", port), tmp_path).run_here()
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert f"--port: {port} cannot be used: Address already in use" in ended.stderr
    (tmp_path / "file").touch()
    ended = Command(("ui", "file"), tmp_path).run_here()
    assert (ended.returncode, ended.stderr) == (2, "onewinner ui: file is no folder\n")
