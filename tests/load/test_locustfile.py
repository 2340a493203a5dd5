"""Goal: on a full disk, and if its watch fails, a run of Locust ends, and its journals say what broke off.

Method: Locust as its users start it, on an engine in memory behind a socket; the files of a process are limited as a
full disk limits them. A run that does not end by itself is one that fails here.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.target.template import Request
from reports.history.history import read_history
from tests.load.odd import KEEP, Asked, serve_odd, write_answer
from tests.load.stub import SMALL, Engine, load_text

ROOT = Path(__file__).parents[2]
LIMIT_S = 120
FULL = 60_000
# Locust files of their own, which change one thing.
PLAIN = "from load.locustfile import Contenders\n"
SMALL_FILES = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({FULL}, {FULL}))
"""
FAILING_WATCH = """
from load.master import Master
def fail(master):
    raise RuntimeError("no worker can be found")
Master.find_lost = fail
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    engine = Engine(load_text(tmp_path, SMALL).graph)

    def behave(asked: Asked, _: int) -> tuple[bytes, bool]:
        body = b"" if asked.body is None else json.dumps(asked.body).encode()
        answer = engine.answer(Request(asked.method, asked.path, (("Tenant", "acme"),), body))
        return write_answer(answer.status or 0, answer.body), KEEP

    with serve_odd(behave) as server:
        yield server.url


def press(folder: Path, url: str, changed: str, *options: str, errors: Path | None = None) -> int:
    """One process of Locust's, to its end: its exit status. Its journals are in folder/history."""
    (folder / "locustfile.py").write_text(PLAIN + changed)
    where = ["--target", str(folder / "target.toml"), "--base-url", url, "--history", str(folder / "history")]
    command = [sys.executable, "-m", "locust", "-f", str(folder / "locustfile.py"), "--headless", "--users", "1"]
    command += ["--contenders", "3", *where, *options]
    with (errors or folder / "errors.txt").open("a") as stderr:
        environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, timeout=LIMIT_S, check=False
        )
    return ended.returncode


def list_events(folder: Path, source: str) -> list[dict[str, Any]]:
    """The whole lines of a journal."""
    lines = (folder / "history" / f"{source}.jsonl").read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def test_a_display_that_cannot_be_written_ends_nothing(tmp_path: Path, url: str) -> None:
    assert press(tmp_path, url, "", "--races", "3", "--live", str(tmp_path / "removed" / "live.json")) == 0
    *_, level, end = list_events(tmp_path, "race-0.0")
    assert (level["event"], level["run"], level["ended"]) == ("level", 3, "complete")
    assert end["event"] == "end"
    assert not (tmp_path / "history" / "locust-0.jsonl").exists()


ALL_WIN = """
from load import worker
first = worker.Worker.record
def record(self, result):
    for outcomes in result.outcomes:
        outcomes[:] = ["won"] * len(outcomes)
    first(self, result)
worker.Worker.record = record
"""


def test_a_violation_is_a_failure_with_its_words(tmp_path: Path, url: str) -> None:
    """In the statistics and the list of failures that --headless prints; Locust's exit status is 1."""
    assert press(tmp_path, url, ALL_WIN, "--races", "3", "--scenarios", "same-transition") == 1
    printed = (tmp_path / "errors.txt").read_text()
    assert "VIOLATION the service is wrong: 3 of 3 requests for A -> B won: exactly one of them can have won" in printed


def test_a_watch_that_fails_ends_the_run(tmp_path: Path, url: str) -> None:
    assert press(tmp_path, url, FAILING_WATCH) == 3
    broken = [event["what"] for event in list_events(tmp_path, "locust-0") if event["event"] == "broken"]
    assert broken == ["the watch over the sources raised RuntimeError: no worker can be found"]


def test_a_full_disk_breaks_the_source_off(tmp_path: Path, url: str) -> None:
    assert press(tmp_path, url, SMALL_FILES) == 3
    broken = [event["what"] for event in list_events(tmp_path, "locust-0") if event["event"] == "broken"]
    assert len(broken) == 1
    assert broken[0].startswith("the source race-0.0 broke off: OSError: ")
    assert (tmp_path / "history" / "race-0.0.jsonl").stat().st_size == FULL
    history = read_history(tmp_path / "history")
    assert history.operations.height > 0, "what was written can be judged"
    assert "end" not in {event["event"] for event in list_events(tmp_path, "race-0.0")}


@pytest.mark.exhaustive
def test_a_full_disk_that_takes_no_word_of_it_either_ends_the_run(tmp_path: Path, url: str) -> None:
    errors = tmp_path / "full.txt"
    errors.write_text("x" * FULL)
    assert press(tmp_path, url, SMALL_FILES, errors=errors) != 0
    assert errors.stat().st_size == FULL
    broken = [event["what"] for event in list_events(tmp_path, "locust-0") if event["event"] == "broken"]
    assert broken[0].startswith("the source race-0.0 broke off: OSError: ")
