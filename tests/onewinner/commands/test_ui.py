"""Goal: `onewinner ui` listens on loopback, says where, and ends with a signal. Method: the command as users run it."""

import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.onewinner.running import Command, wait_for
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
    assert (process.returncode, errors) == (0, "")
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


TARGET = """
name = "sleeper"
base_url = "http://127.0.0.1:{{port}}"
[service]
command = [{python!r}, "-c", "import time; time.sleep(600)"]
ready = "/"
[tenants.acme]
headers = {{ Tenant = "acme" }}
[workflow]
initial = "A"
[workflow.transitions]
A = ["B"]
[create]
request = {{ method = "POST", path = "/w" }}
id = "id"
[advance]
request = {{ method = "POST", path = "/w/{{id}}", json = {{ next = "{{next}}" }} }}
"""


MORE = (pytest.param(number, marks=pytest.mark.exhaustive) for number in (signal.SIGINT, signal.SIGTERM))


@pytest.mark.parametrize("number", [signal.SIGHUP, *MORE])
def test_nothing_of_a_gate_is_left_when_the_ui_ends(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "sleeper.toml").write_text(TARGET.format(python=sys.executable))
    command = Command(("ui",), tmp_path)
    with command.start() as process:
        assert process.stdout is not None
        found = ADDRESS.search(process.stdout.readline())
        assert found is not None
        form = {"engine": "target files: sleeper.toml", "level": "race"}
        started = httpx.post(f"{found[0]}gate/start", data=form, follow_redirects=True)
        assert "Gate of sleeper.toml" in started.text
        wait_for(lambda: any("time.sleep(600)" in words for words in command.find_left()), process)
        process.send_signal(number)
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert command.find_left() == []
