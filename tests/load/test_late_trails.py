"""Goal: a trail and markers that a service writes after its answer accuse no service if the target says how
late they may be, and still accuse one that never writes them.

Method: engines in memory that show what was so DELAY_S ago, under the scenarios and under the sequences.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.client.asker import Asker
from load.client.release import ReleaseError
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from reports.history.events import Effects, Hidden
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from stateful_tests.sequential.machine import WorkflowMachine
from tests.load.stub import (
    RICH,
    Engine,
    StubRelease,
    find_workflow,
    is_move,
    judge_folder,
    load_text,
    make_answer,
    make_source,
)

DELAY_S = 0.05
SHOWN = (
    RICH.replace('next = "{next}" } }\nwon', 'next = "{next}", mark = "{marker}" } }\nwon')
    + """
[effects]
request = { method = "GET", path = "/w/{id}/marks" }
markers = "marks"
"""
)
AUDIT = RICH[RICH.index("[audit]") :]
LATE = SHOWN.replace("[effects]\n", "within_s = 0.2\n[effects]\nwithin_s = 0.2\n")


class LateEngine(Engine):
    """Shows a row or a marker DELAY_S after the move that left it. `forgets` every third of them, row or marker."""

    forgets = ""

    def __init__(self, target: Target) -> None:
        super().__init__(target.graph)
        self.left: list[tuple[float, str, dict[str, str], str]] = []

    def decide(self, request: Request) -> Answer:
        name = find_workflow(request)
        due = [(row, mark) for at, of, row, mark in self.left if of == name and at + DELAY_S <= time.monotonic()]
        if request.path.endswith("/trail"):
            return make_answer(200, rows=[row for row, _ in due if row])
        if request.path.endswith("/marks"):
            return make_answer(200, marks=[mark for _, mark in due if mark])
        answer = super().decide(request)
        if is_move(request) and answer.status == 200:
            row, mark = self.trails[name][-1], json.loads(request.body).get("mark", "")
            is_third = len(self.left) % 3 == 2
            row = {} if is_third and self.forgets == "row" else row
            mark = "" if is_third and self.forgets == "mark" else mark
            self.left.append((time.monotonic(), name, row, mark))
        return answer


class RowForgettingEngine(LateEngine):
    forgets = "row"


class MarkForgettingEngine(LateEngine):
    forgets = "mark"


def race(folder: Path, target: Target, engine: Engine) -> Judgement:
    source = make_source(folder, target, engine, {"same-transition": 3, "fork": 3})
    for _ in source.run():
        pass
    source.finish()
    return judge_folder(folder, target)


def walk(folder: Path, target: Target, engine: Engine) -> Judgement:
    release: Any = StubRelease(engine)
    machine = WorkflowMachine(Asker(target, release, Journal(folder / "s.jsonl"), "sequential"), None)
    machine.create_one(1)
    for hops in ([(1, 0)], [(0, 0)]):
        machine.advance_legally(which=0, hops=hops)
        machine.agree()
    machine.teardown()
    machine.workflows.asker.end()
    return judge(read_history(folder / "s.jsonl"), target.graph)


def find_failed(judgement: Judgement) -> set[str]:
    return {check.check for check in judgement.checks if check.verdict is Verdict.FAIL}


@pytest.mark.parametrize("ask", [race, walk])
def test_what_comes_late_accuses_no_service_that_says_so(ask: Callable[..., Judgement], tmp_path: Path) -> None:
    target = load_text(tmp_path, LATE)
    judgement = ask(tmp_path, target, LateEngine(target))
    assert find_failed(judgement) == set()
    assert {check.check for check in judgement.checks if check.verdict is Verdict.PASS} >= {"audit", "effects"}
    [journal] = tmp_path.glob("*.jsonl")
    history = read_history(journal)
    told = dict(history.operations.group_by("workflow").agg(pl.col("returned_ns").max()).iter_rows())
    trails = dict(history.audit.select("workflow", "read_ns").iter_rows())
    markers = {event.workflow: event.read_ns for event in history.having(Effects)}
    for shown in (trails, markers):
        assert shown.keys() == told.keys()
        assert all(shown[workflow] >= returned_ns for workflow, returned_ns in told.items()), "all of it must be there"


@pytest.mark.parametrize(("make", "failed"), [(RowForgettingEngine, {"audit"}), (MarkForgettingEngine, {"effects"})])
def test_what_never_comes_is_found(make: Callable[..., LateEngine], failed: set[str], tmp_path: Path) -> None:
    target = load_text(tmp_path, LATE)
    assert find_failed(race(tmp_path, target, make(target))) == failed


def test_a_service_that_answers_no_more_is_not_asked_for_each_trail(tmp_path: Path) -> None:
    """It ends before the trails are read: what was not asked for is hidden, and nothing passes."""
    target = replace(load_text(tmp_path, LATE), timeout_s=0.01)
    engine = LateEngine(target)
    source = make_source(tmp_path, target, engine, {"same-transition": 40})
    for _ in source.run():
        pass
    asked: set[str] = set()

    def answer_nothing(request: Request, _: Answer) -> Answer:
        asked.add(request.path)
        return Answer(None, error="nothing came", timed_out=True)

    engine.twist = answer_nothing
    source.finish()
    history = read_history(tmp_path)
    hidden = {(event.what, event.workflow) for event in history.having(Hidden)}
    assert len(hidden) == 2 * history.operations["workflow"].n_unique() > len(asked)
    assert judge_folder(tmp_path, target).verdict is Verdict.UNKNOWN


def test_a_service_that_is_gone_is_told(tmp_path: Path) -> None:
    target = load_text(tmp_path, LATE)
    engine = LateEngine(target)
    source = make_source(tmp_path, target, engine, {"same-transition": 3})
    for _ in source.run():
        pass

    def refuse(_: Request, __: Answer) -> Answer:
        raise ReleaseError("it cannot be reached")

    engine.twist = refuse
    source.finish()
    judgement = judge_folder(tmp_path, target)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, "accounting could not be decided")
    assert "it cannot be reached" in str(judgement.checks)


def test_without_the_word_what_comes_late_is_missing(tmp_path: Path) -> None:
    target = load_text(tmp_path, SHOWN)
    assert find_failed(race(tmp_path, target, LateEngine(target))) == {"audit", "effects"}


def test_doctor_waits_too(tmp_path: Path) -> None:
    target = load_text(tmp_path, LATE)
    release: Any = StubRelease(LateEngine(target))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    assert examination.wrong == []


@pytest.mark.parametrize(("text", "key"), [(SHOWN, "audit"), (SHOWN.replace(AUDIT, ""), "effects")])
def test_doctor_tells_how_late_it_was(text: str, key: str, tmp_path: Path) -> None:
    target = load_text(tmp_path, text)
    release: Any = StubRelease(LateEngine(target))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    told = next(each.remedy for each in examination.wrong if each.remedy)
    assert told.startswith(f"{key}.within_s: what the move left came 0.")
    assert "write how late it may be at most, such as within_s = 2" in told
