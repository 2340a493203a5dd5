"""Goal: Locust's own UI shows what is wrong, as a picture too, and takes onewinner's options; its help names them.

Method: Locust as its users start it, on an engine in memory behind a socket, of which every contender wins; its web UI
is asked over HTTP.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from engine.provision.ports import find_free_port
from tests.load.stub import SMALL
from tests.load.test_locustfile import ALL_WIN, LIMIT_S, PLAIN, ROOT, url

__all__ = ["url"]
NEEDED = {"user_count": 1, "spawn_rate": 1}


@pytest.fixture
def web_ui(tmp_path: Path, url: str) -> Iterator[str]:
    """The address of a web UI whose first run begins at once."""
    (tmp_path / "locustfile.py").write_text(PLAIN + ALL_WIN)
    (tmp_path / "other.toml").write_text(SMALL.replace('name = "small"', 'name = "other"'))
    port = find_free_port()
    where = ["--target", str(tmp_path / "target.toml"), "--base-url", url, "--web-host", "127.0.0.1"]
    plan = ["--races", "3", "--contenders", "4", "--scenarios", "same-transition", "--autostart", "--users", "1"]
    command = [sys.executable, "-m", "locust", "-f", "locustfile.py", *where, "--web-port", str(port), *plan]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
    with (tmp_path / "errors.txt").open("w") as errors:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=errors, stderr=errors)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(LIMIT_S)


def ask(url: str, **form: Any) -> str:
    data = urlencode({**NEEDED, **form}).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=LIMIT_S) as answer:  # noqa: S310 - of our own process
        return str(answer.read().decode())


def begin(web_ui: str, **form: Any) -> None:
    """Another run, once the last one has stopped: until then Locust would only change how many users it has."""
    wait_for(lambda: json.loads(ask(f"{web_ui}/stats/requests"))["state"] == "stopped")
    ask(f"{web_ui}/swarm", **form)


def wait_for_row(web_ui: str, what: str, beginning: str) -> dict[str, str]:
    """The rows of the tab, once this row begins like that."""
    rows: dict[str, str] = {}

    def has_come() -> bool:
        rows.clear()
        rows.update({row["what"]: row["count"] for row in json.loads(ask(f"{web_ui}/onewinner"))})
        return rows.get(what, "").startswith(beginning)

    wait_for(has_come)
    return rows


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # the web UI may not be there yet
            if is_so():
                return
        time.sleep(0.05)
    raise AssertionError("it has not come")


def test_the_tab_shows_the_last_violation_and_the_form_chooses_the_run(web_ui: str) -> None:
    rows = wait_for_row(web_ui, "Sources done", "1 of 1")
    assert (rows["Races run"], rows["Violations"]) == ("3", "3")
    assert "4 of 4 requests for " in rows["The last violation"]
    picture = ask(f"{web_ui}/onewinner/violation.svg")
    assert picture.count("<rect") == 1 + 4
    assert "4 of 4 requests for " in picture
    page = ask(f"{web_ui}/")
    assert '<script src="onewinner/violation.js" defer></script>' in page
    assert all(f'"{name}"' in page for name in ("target", "races", "contenders", "scenarios"))
    assert '"clock"' not in page
    assert "violation.svg" in ask(f"{web_ui}/onewinner/violation.js")

    begin(web_ui, target="missing.toml")
    rows = wait_for_row(web_ui, "The run could not begin", "missing.toml")
    begin(web_ui, target="other.toml", races=2, contenders=6)
    rows = wait_for_row(web_ui, "The last violation", "6 of 6")
    assert "The run could not begin" not in rows
    assert wait_for_row(web_ui, "Sources done", "1 of 1")["Races run"] == "2"


def test_the_help_names_the_options() -> None:
    """Locust prints its own help before it reads a locustfile."""
    command = [sys.executable, "-m", "load", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
    assert all(option in told for option in ("--target", "--races", "--contenders", "--headless"))
