"""Goal: a service that deletes a workflow, and then answers 404 to all that is asked of it, is judged as any other.

Method: engines in memory, a right one and broken ones, under the scenarios and under doctor.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.target.classified_answer import classify_read
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.target_file import TargetError
from engine.target.template import Request
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from reports.judge.verdict import Verdict
from tests.load.stub import Engine, StubRelease, find_workflow, judge_folder, load_text, make_answer, make_source

TEXT = """
name = "parcels"
base_url = "http://127.0.0.1:1"
[tenants.acme]
headers = { Tenant = "acme" }
[tenants.globex]
headers = { Tenant = "globex" }
[workflow]
initial = "A"
[workflow.transitions]
A = ["B", "DELETED"]
B = ["DELETED"]
[create]
request = { method = "POST", path = "/w" }
id = "id"
won = [201]
[read]
request = { method = "GET", path = "/w/{id}" }
state = "state"
state_by_answer = { DELETED = [404, { status = 200, when = "deleted" }] }
[advance]
won = [200, 204]
conflict = [404, 409]
[[advance.edges]]
to = "B"
from = "A"
request = { method = "POST", path = "/w/{id}/advance", json = { expected = "A", next = "B" } }
[[advance.edges]]
to = "DELETED"
from = ["A", "B"]
request = { method = "DELETE", path = "/w/{id}" }
"""


class DeletingEngine(Engine):
    """Answers 404 to all that is asked of a deleted workflow, as to another tenant."""

    def decide(self, request: Request) -> Answer:
        name = find_workflow(request)
        if not name:
            return super().decide(request)
        if self.owners[name] != dict(request.headers)["Tenant"] or self.is_gone(name, request):
            return make_answer(404)
        if request.method != "DELETE":
            return super().decide(request)
        self.states[name] = "DELETED"
        return make_answer(204)

    def is_gone(self, name: str, request: Request) -> bool:  # noqa: ARG002 - for engines that are wrong here
        return self.states[name] == "DELETED"


class TwiceDeletingEngine(DeletingEngine):
    """A second DELETE of the same workflow is answered as the first."""

    def is_gone(self, name: str, request: Request) -> bool:
        return request.method != "DELETE" and super().is_gone(name, request)


class RevivingEngine(DeletingEngine):
    """A move of a deleted workflow is carried out."""

    def is_gone(self, name: str, request: Request) -> bool:
        return request.method == "GET" and super().is_gone(name, request)

    def move(self, name: str, request: Request) -> Answer:
        self.states[name] = "A" if self.states[name] == "DELETED" else self.states[name]
        return super().move(name, request)


class KeepingEngine(DeletingEngine):
    """Shows the trail of a workflow that is there, and the notes that its moves left."""

    def __init__(self, graph: TransitionGraph) -> None:
        super().__init__(graph, self.show)
        self.notes: dict[str, list[str]] = {}

    def show(self, request: Request, answer: Answer) -> Answer:
        name = find_workflow(request)
        if request.method == "POST" and name and answer.status == 200:
            self.notes.setdefault(name, []).append(json.loads(request.body)["by"])
        if request.method == "GET" and answer.status == 200:
            return make_answer(200, **answer.json(), notes=self.notes.get(name, []))
        return answer


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("make", "failed"),
    [
        (DeletingEngine, set()),
        (TwiceDeletingEngine, {"one-winner", "linearizable"}),
        (RevivingEngine, {"one-winner", "linearizable"}),
    ],
)
def test_a_deleted_workflow_has_a_state(
    make: Callable[..., DeletingEngine], failed: set[str], target: Target, tmp_path: Path
) -> None:
    source = make_source(tmp_path, target, make(target.graph), {"same-transition": 12, "fork": 12, "tenants": 4})
    for _ in source.run():
        pass
    source.finish()
    checks = {check.check: check.verdict for check in judge_folder(tmp_path, target).checks}
    assert {name for name, verdict in checks.items() if verdict is Verdict.FAIL} == failed
    if not failed:
        assert {checks[name] for name in ("one-winner", "final-state", "tenant-isolation")} == {Verdict.PASS}


@pytest.mark.parametrize(
    "shown",
    [
        '[audit]\nrequest = { method = "GET", path = "/w/{id}/trail" }\nentries = "rows"\nfrom = "from"\nto = "to"\n',
        '[effects]\nrequest = { method = "GET", path = "/w/{id}" }\nmarkers = "notes"\nwinners = "any"\n',
    ],
)
def test_what_is_deleted_has_nothing_to_show(shown: str, tmp_path: Path) -> None:
    """Neither under load nor to doctor is the 404 to its trail, or to its effects, a wrong answer."""
    moves = 'json = { expected = "A", next = "B" }'
    target = load_text(tmp_path, TEXT.replace(moves, moves.replace(" }", ', by = "{marker}" }')) + shown)
    source = make_source(tmp_path, target, KeepingEngine(target.graph), {"same-transition": 12, "fork": 12})
    for _ in source.run():
        pass
    source.finish()
    judgement = judge_folder(tmp_path, target)
    assert judgement.verdict is Verdict.PASS, judgement
    examination = Examination(Questions(target, StubRelease(KeepingEngine(target.graph)), tmp_path))  # type: ignore[arg-type]
    examination.run()
    assert examination.wrong == []


def test_doctor_asks_what_is_deleted(target: Target, tmp_path: Path) -> None:
    release: Any = StubRelease(DeletingEngine(target.graph))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    assert examination.wrong == []
    assert {each.probe.classified.observed for each in examination.done if each.probe.what == "read"} >= {"DELETED"}


def test_doctor_names_the_key_of_what_is_deleted(tmp_path: Path) -> None:
    target = load_text(tmp_path, TEXT.replace("state_by_answer", "#").replace("conflict = [404, 409]\n", ""))
    release: Any = StubRelease(DeletingEngine(target.graph))
    examination = Examination(Questions(target, release, tmp_path))
    examination.run()
    remedies = [each.remedy or "" for each in examination.wrong]
    assert any(
        "if the service deletes it, add state_by_answer = { DELETED = [404] } to [read]" in each for each in remedies
    )


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [(404, {}, ("ok", "DELETED")), (200, {"deleted": 1}, ("ok", "DELETED")), (200, {"state": "B"}, ("ok", "B"))],
)
def test_the_state_that_an_answer_tells(
    status: int, body: dict[str, Any], told: tuple[str, str], target: Target
) -> None:
    classified = classify_read(target, make_answer(status, **body))
    assert (classified.outcome, classified.observed) == told


def test_without_a_place_every_answer_tells_its_state(tmp_path: Path) -> None:
    target = load_text(tmp_path, TEXT.replace('state = "state"\n', ""))
    assert classify_read(target, make_answer(404)).observed == "DELETED"
    assert classify_read(target, make_answer(200, state="B")).outcome == "unknown"


def test_without_a_place_a_good_status_tells_a_state_too(tmp_path: Path) -> None:
    """As of a file that is there or not. The target file has no read.ok, so its default is no second meaning of 200."""
    text = TEXT.replace('state = "state"\n', "").replace(
        'DELETED = [404, { status = 200, when = "deleted" }]', "A = [200], DELETED = [404]"
    )
    target = load_text(tmp_path, text)
    assert [classify_read(target, make_answer(status)).observed for status in (200, 404)] == ["A", "DELETED"]
    assert classify_read(target, make_answer(204)).outcome == "unknown"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("DELETED = [404", "GONE = [404", "read.state_by_answer: 'GONE' is no state of workflow.transitions"),
        (
            "[404, {",
            "[200, {",
            "read.state_by_answer.DELETED: 200 is also in read.ok; a status can mean one thing",
        ),
        (
            "{ DELETED = [404",
            "{ B = [404], DELETED = [404",
            "read.state_by_answer.DELETED: 404 is also in read.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=re.escape(said)):
        load_text(tmp_path, TEXT.replace(old, new))
