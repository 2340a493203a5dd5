"""Goal: doctor asks for no move that needs a value, such as a hold, which the workflow does not have, and goes on.

Method: an engine in memory.
"""

from pathlib import Path
from typing import Any

from engine.target.http_answer import Answer
from engine.target.template import Request
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from tests.load.stub import Engine, StubRelease, is_move, load_text, make_answer
from tests.stateful_tests.sequential.test_sweep import HOLDS


def hold(request: Request, answer: Answer) -> Answer:
    return make_answer(200, **answer.json(), hold="7") if is_move(request) and answer.status == 200 else answer


def test_a_move_without_its_hold_is_not_asked_for(tmp_path: Path) -> None:
    target = load_text(tmp_path, HOLDS.replace("PLACE", "hold"))
    release: Any = StubRelease(Engine(target.graph, hold))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    assert examination.wrong == []
    assert set(examination.visited) == set(target.graph.states)
    [skipped] = [each for each in examination.skipped if "needs {hold}" in each]
    assert skipped.startswith("illegal advance FREE -> SOLD: ")


def test_a_workflow_may_leave_its_initial_state_without_a_request_alone(tmp_path: Path) -> None:
    text = (
        HOLDS.replace("PLACE", "hold")
        .replace('FREE = ["HELD"]', 'READY = ["HELD"]')
        .replace('from = "FREE"', 'from = "READY"')
    )
    text = text.replace("[create]", '[[workflow.timed]]\nfrom = "FREE"\nto = "READY"\nafter_s = 1\n[create]', 1)
    target = load_text(tmp_path, text)
    release: Any = StubRelease(Engine(target.graph, hold))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    assert examination.wrong == []
    assert any(each.startswith("any move: no request leads out of the initial state") for each in examination.skipped)
