"""Goal: a run.json of format 1 is reported, compared and traced for ever, and tells what it told.

Method: files that were written before format 2: `made-*` have every section; the others are real runs of the reference
engine and of its defect check-then-act, with fewer findings and operations than they had.
"""

import json
import shutil
from pathlib import Path

import jsonschema_rs
import pytest

from reports.comparison.comparison import Side, Terms, compare
from reports.comparison.facts import Pairing
from reports.comparison.trends import find_trends
from reports.documents.chronicle import read_chronicle
from reports.documents.run_folder import Run, finish_run, read_run, write_documents
from reports.judge.verdict import Verdict
from tools.json_schemas import make_run_schema

FOLDER = Path(__file__).parent / "data" / "old_runs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def take_run(folder: Path, name: str) -> Run:
    folder.mkdir(parents=True)
    shutil.copy(FOLDER / f"{name}.json", folder / "run.json")
    return read_run(folder)


@pytest.mark.parametrize("name", NAMES)
def test_every_document_is_made_again(name: str, tmp_path: Path) -> None:
    run = take_run(tmp_path / name, name)
    assert run.judgement.verdict is (Verdict.FAIL if "failing" in name else Verdict.PASS)
    write_documents(run)
    page, summary = (run.folder.joinpath(file).read_text() for file in ("index.html", "summary.md"))
    assert "This cannot be shown" not in page
    for text in (page, summary):
        assert ("Latency by outcome" in text) == bool(run.facts.measures.latency)
    assert ("What was found" in page) == (run.judgement.verdict is Verdict.FAIL)
    assert ("smallest schedule that fails" in summary) == bool(run.facts.schedules)


@pytest.mark.parametrize("name", NAMES)
def test_written_again_it_is_of_todays_format_and_the_same(name: str, tmp_path: Path) -> None:
    run = take_run(tmp_path / name, name)
    (run.folder / "history").mkdir()
    finish_run(run)
    assert read_run(run.folder) == run
    record = json.loads((run.folder / "run.json").read_text())
    assert record["format"] == 2
    assert [error.message for error in jsonschema_rs.validator_for(make_run_schema()).iter_errors(record)] == []


def test_what_stood_under_an_old_name_stands_under_the_new_one(tmp_path: Path) -> None:
    run = take_run(tmp_path / "run", "made-failing")
    facts = run.facts
    assert facts.pairings == (
        Pairing("interleavings", "advance / cancel", 1, 1, 6, 0, 1, 0, {"waited": 2}),
        Pairing("interleavings", "advance / advance", 2, 1, 12, 0, 1, 4),
    )
    [found] = facts.schedules
    assert (found.schedule, found.file, list(found.checks)) == ("ABBA", "races/race-1.json", ["one-winner"])
    assert facts.samples is not None
    assert [picture.purpose for picture in facts.samples.pictures] == ["finding", "finding", "tightest", "typical"]
    assert facts.samples.state_pairs is not None
    assert facts.samples.state_pairs.states == ("A", "B", "X", "C")
    assert run.judgement.checks[0].check == "one-winner"
    assert run.judgement.checks[0].findings_total == 1


def test_what_could_not_be_taken_is_among_the_errors(tmp_path: Path) -> None:
    record = json.loads((FOLDER / "made-failing.json").read_text())
    record["measures"]["latency"] = {"error": "ValueError: no clock"}
    record["exhibits"]["pictures"] = {"error": "KeyError: x"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    facts = read_run(tmp_path).facts
    assert (facts.measures.latency, facts.measures.errors) == (None, {"latency": "ValueError: no clock"})
    assert facts.samples is not None
    assert (facts.samples.pictures, facts.samples.errors) == ((), {"pictures": "KeyError: x"})


def test_what_was_planned_is_still_a_condition(tmp_path: Path) -> None:
    record = json.loads((FOLDER / "made-passing.json").read_text())
    record["storm"] = {"rate": 0.01, "crashes": 3}
    crew = {"contenders": 5, "processes": 1, "together": False, "rate": None, "duration": None}
    record["plan"] |= {
        "shares": {"race-0": {"races": 50, "rounds": 0}},
        "crews": [{"scenarios": {"fork": 1}, "races": 50, **crew}],
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    old, new = read_run(tmp_path), take_run(tmp_path / "other", "made-passing")
    assert old.facts.plan.quotas["race-0"].races == 50
    [group] = old.facts.plan.worker_groups
    assert (group.scenarios, group.races, group.contenders) == ({"fork": 1}, 50, 5)
    [note] = compare(Side("a", new.facts, new.judgement), Side("b", old.facts, old.judgement), Terms()).notes
    assert note.startswith("different faults under load: none in the baseline, 0.01 of the statements")


def test_it_is_a_point_of_a_trend(tmp_path: Path) -> None:
    for name in NAMES:
        take_run(tmp_path / name, name)
    chronicle = read_chronicle(tmp_path)
    assert {run.folder.name for run in chronicle.runs} >= {name for name in NAMES if "explore" not in name}
    assert {"latency.won.p50", "gate_time"} <= {trend.measure for trend in find_trends(chronicle.measured)}
