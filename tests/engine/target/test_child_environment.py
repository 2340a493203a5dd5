"""Goal: a program of the user runs as in the user's shell; our own settings do not reach it.

Method: environments with programs of the same name in several folders, given to the function and to a service.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from engine.provision.ports import find_free_port
from engine.provision.service import run_service
from engine.target.child_environment import ROOMS, clean_environment, find_own
from engine.target.file_tables import ServiceTable

OURS = str(Path(sys.executable).parent)
# Prints which Python runs it and its module path, then answers every GET.
TELLING = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
print("started by", os.environ["STARTED_BY"], "PYTHONPATH", os.environ.get("PYTHONPATH"), flush=True)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def write_program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_the_callers_path_comes_first_and_ours_last() -> None:
    assert clean_environment({"PATH": "/a:/b"})["PATH"].split(os.pathsep) == ["/a", "/b", OURS]


@pytest.mark.parametrize("environment", [{}, {"PATH": ""}])
def test_without_a_path_programs_of_the_system_are_found(environment: dict[str, str]) -> None:
    assert clean_environment(environment)["PATH"] == f"{os.defpath}{os.pathsep}{OURS}"


def test_a_service_runs_with_the_python_of_the_activated_environment(tmp_path: Path) -> None:
    write_program(tmp_path / "bin", "python", f'#!/bin/sh\nSTARTED_BY=activated exec "{sys.executable}" "$@"\n')
    port = find_free_port()
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": f"{ROOMS}:/theirs"}
    service = ServiceTable(["python", "-c", TELLING, str(port)], {}, "/", None)
    log = tmp_path / "service.log"
    with run_service(service, f"http://127.0.0.1:{port}", {}, log, environment=environment):
        pass
    assert log.read_text().splitlines()[0] == "started by activated PYTHONPATH /theirs"


def test_a_path_of_python_that_was_ours_alone_is_taken_away() -> None:
    assert "PYTHONPATH" not in clean_environment({"PYTHONPATH": str(ROOMS)})


def test_a_caller_who_has_activated_nothing_finds_what_is_installed_beside_us() -> None:
    path = clean_environment({"PATH": "/nowhere"})["PATH"]
    assert shutil.which(Path(sys.executable).name, path=path) == sys.executable


def test_our_own_command_is_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other version on the caller's PATH ever serves the reference engine."""
    write_program(tmp_path, "onewinner", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert find_own("onewinner") == str(tmp_path / "onewinner")
    assert find_own("python") == "python"
