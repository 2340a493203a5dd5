"""Goal: `report` makes documents again and judges nothing. Method: run directories written by hand."""

import json
from pathlib import Path

from reports.judge.verdict import Verdict
from tests.onewinner.commands.test_compare import write_run
from tests.onewinner.running import Command

DOCUMENTS = ("index.html", "junit.xml", "summary.md")


def test_the_documents_are_made_again(tmp_path: Path) -> None:
    write_run(tmp_path, "run", {"audit": Verdict.FAIL})
    record = (tmp_path / "run" / "run.json").read_bytes()
    made = {name: (tmp_path / "run" / name).read_bytes() for name in DOCUMENTS}
    for name in DOCUMENTS:
        (tmp_path / "run" / name).unlink()
    ended = Command(("report", "run"), tmp_path).run_here()
    assert ended.returncode == 0, ended
    assert ended.stdout == "report: run/index.html (fail)\n"
    assert {name: (tmp_path / "run" / name).read_bytes() for name in DOCUMENTS} == made
    assert (tmp_path / "run" / "run.json").read_bytes() == record


def test_a_record_that_was_tampered_with_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, "run", {"audit": Verdict.PASS})
    path = tmp_path / "run" / "run.json"
    record = {**json.loads(path.read_text()), "comparison": {"baseline": 1}}
    path.write_text(json.dumps(record))
    ended = Command(("report", "run"), tmp_path).run_here()
    assert ended.returncode == 3, ended
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("onewinner report: RUN: run/run.json: is not as docs/run.schema.json says: ")


def test_many_runs_are_shown_over_time(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for number in range(16):
        write_run(tmp_path / "runs", f"r{number:02}", {"audit": Verdict.PASS}, 1 + (number >= 8))
    ended = Command(("report", "--history", "runs"), tmp_path).run_here()
    assert ended.returncode == 0, ended
    assert "latency.won.p50 is worse since runs/r08: +100.0%, from 100 ms to 200 ms" in ended.stdout
    assert "report: runs/trend.html" in ended.stdout
    assert "latency.won.p50 is worse since runs/r08: +100.0%" in (tmp_path / "runs" / "trend.html").read_text()
    ended = Command(("report", "--history", "runs", "--out", "trends.html"), tmp_path).run_here()
    assert (tmp_path / "trends.html").read_bytes() == (tmp_path / "runs" / "trend.html").read_bytes()
