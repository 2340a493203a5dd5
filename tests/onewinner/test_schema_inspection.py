"""Goal: what is found behind the engine's back is evidence, and a failed look is a gap. Method: judged journals."""

from pathlib import Path

from onewinner.engine_choice import EngineChoice, choose_reference, read_target
from onewinner.schema_inspection import SOURCE, inspect, list_sources
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict
from tests.load.stub import SMALL

NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/none"


def test_a_look_that_failed_is_a_gap_in_the_accounting(tmp_path: Path) -> None:
    inspect(NOWHERE, choose_reference(), tmp_path)
    judgement = judge(read_history(tmp_path), plan=RunPlan(sources=(SOURCE,)), only=["schema", "accounting"])
    verdicts = {result.check: result.verdict for result in judgement.checks}
    assert verdicts == {"schema": None, "accounting": Verdict.UNKNOWN}
    assert "could not be read" in judgement.checks[1].findings[0].words
    assert "secret" not in (tmp_path / f"{SOURCE}.jsonl").read_text()


def test_other_engines_tables_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "orders.toml"
    file.write_text(SMALL)
    theirs = EngineChoice(file, read_target(file))
    assert list_sources(theirs) == ()
    inspect(NOWHERE, theirs, tmp_path)
    assert list(tmp_path.iterdir()) == [file]
