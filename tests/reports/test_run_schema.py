"""Goal: docs/run.schema.json describes run.json as it is. Method: make it anew, and validate small runs with it."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec import structs

from reports.comparison.facts import Facts
from reports.comparison.measure_tables import measure
from reports.documents.run_folder import Run, begin_run, finish_run, with_judgement
from reports.judge.judge import judge
from reports.judge.levels.run_plan import LevelRun, RunPlan
from reports.judge.verdict import Verdict
from tests.reports.building import Record, advance, build_history, create
from tests.reports.pages import build_run
from tools.json_schemas import make_run_schema

SCHEMA = json.loads(Path(__file__).parents[2].joinpath("docs", "run.schema.json").read_text())
FACTS = Facts(
    name="small",
    command="onewinner gate",
    target="small",
    seed=1,
    profile="quick",
    started_at="2026-01-01T00:00:00Z",
    versions={"python": "3"},
    plan=RunPlan(sources=("history",)),
)


def test_the_schema_is_made_from_the_structs() -> None:
    assert json.dumps(SCHEMA) == json.dumps(make_run_schema()), "python -m tools.json_schemas"


def list_faults(record: object) -> list[str]:
    return [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(record)]


def begin(folder: Path) -> Run:
    target = folder / "given.toml"
    target.write_text("")
    return begin_run(folder / "run", target, FACTS)


def read_record(run: Run) -> Any:
    return json.loads((run.folder / "run.json").read_text())


def contend(*outcomes: str) -> list[Record]:
    told = {"race": "r", "workflow": "w", "detail": '{"arrived_ns":12}'}
    racing = [advance(str(n), "A-B", 10 + n, 30 + n, outcome, **told) for n, outcome in enumerate(outcomes)]
    return [create("c", 0, 5), *racing]


def test_a_run_that_did_not_finish_is_valid(tmp_path: Path) -> None:
    record = read_record(begin(tmp_path))
    assert list_faults(record) == []
    assert record["verdict"] == "unknown"


@pytest.mark.parametrize(("outcomes", "verdict"), [(("won", "conflict"), "pass"), (("won", "won"), "fail")])
def test_a_finished_run_is_valid(outcomes: tuple[str, ...], verdict: str, tmp_path: Path) -> None:
    run = begin(tmp_path)
    history = build_history(contend(*outcomes))
    levels = (LevelRun(level="race", unit="races", planned=1, run=1, seconds=0.1),)
    finish_run(with_judgement(run, judge(history), measures=measure(history), levels=levels))
    record = read_record(run)
    assert list_faults(record) == []
    assert record["verdict"] == Verdict(verdict)
    assert record["measures"]["race_quality"][0]["arrival_ns"]["max"] == 0
    assert set(record["measures"]["latency"]) >= {"won", "ok"}


@pytest.mark.parametrize("failing", [True, False])
def test_all_that_a_page_can_show_is_described(failing: bool, tmp_path: Path) -> None:
    facts, judgement = build_run(failing=failing)
    run = begin(tmp_path)
    finish_run(with_judgement(run, judgement, **structs.asdict(facts)))
    record = read_record(run)
    assert list_faults(record) == []
    assert list_faults({**record, "samples": {"pictures": [{"purpose": "other"}]}}) != []


def test_a_record_that_is_not_one_is_told_apart(tmp_path: Path) -> None:
    record = read_record(begin(tmp_path))
    for change in ({"verdict": "green"}, {"format": 3}, {"measures": {"race_quality": [{"contenders": 1}]}}):
        assert list_faults({**record, **change}) != []
