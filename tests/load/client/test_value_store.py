"""Goal: what an answer saves stands in the next request about the same workflow, and in no other one's; a request
without its value is not sent, and the run does not pass in silence.

Method: an asker over the engine in memory, which tells a version with every answer and asks for it with every move.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.target import NotBuiltError, Target
from engine.target.template import Request
from load.client.asker import Asker
from reports.history import events
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict
from tests.load.stub import SMALL, Engine, load_text, make_source

VERSIONED = (
    SMALL.replace('id = "id"', 'id = "id"\nsave = { etag = "header:ETag" }')
    .replace(
        'state = "state"\n[advance]', 'state = "state"\nsave = { etag = "header:ETag", seen = "state" }\n[advance]'
    )
    .replace('"{next}" } }', '"{next}" }, headers = { If-Match = "{etag}" } }\nsave = { etag = "header:ETag" }')
)


class VersionedEngine(Engine):
    """Counts a version up with each move of a workflow; a move with another one is a 412. `tells`: with an ETag."""

    tells: Callable[[Request], bool] = staticmethod(lambda _: True)

    def decide(self, request: Request) -> Answer:
        name = request.path.strip("/").split("/")[1:2]
        if request.method == "POST" and name:
            carried = dict(request.headers)["If-Match"]
            if carried != self.version(name[0]):
                return Answer(412, {}, b"{}")
        answer = super().decide(request)
        name = name or [json.loads(answer.body)["id"]]
        told = {"etag": self.version(name[0])} if self.tells(request) and answer.status != 409 else {}
        return Answer(answer.status, told, answer.body)

    def version(self, name: str) -> str:
        return f'"{name}.{len(self.trails[name])}"'


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path, VERSIONED)


@pytest.fixture
def engine(target: Target) -> VersionedEngine:
    return VersionedEngine(target.graph)


@pytest.fixture
def asker(tmp_path: Path, target: Target, engine: VersionedEngine) -> Asker:
    return make_source(tmp_path / "h", target, engine, {"fork": 1}).asker


def move(asker: Asker, workflow: str, origin: str, to: str) -> str:
    route = asker.target.routes_for(origin, to)[-1]
    return asker.ask(asker.advance_ask(workflow, "acme", route, origin, to)).outcome


def test_a_value_goes_from_answer_to_request(asker: Asker) -> None:
    workflow = asker.create("acme")
    assert workflow is not None
    assert move(asker, workflow, "A", "B") == "won", "with the version of the create"
    assert move(asker, workflow, "B", "C") == "won", "with the version of the move"
    assert asker.values.list("acme", "", workflow)["etag"] == '"0.2"'


def test_each_workflow_has_its_own(asker: Asker) -> None:
    first, second = asker.create("acme"), asker.create("acme")
    assert first is not None
    assert second is not None
    move(asker, first, "A", "B")
    assert asker.values.list("acme", "", second) == {"etag": '"1.0"'}
    assert asker.values.list("acme", "", "another") == {}
    asker.forget(second)
    assert asker.values.list("acme", "", second) == {}


def test_only_a_good_answer_gives_values(asker: Asker, engine: VersionedEngine) -> None:
    engine.tells = lambda request: request.method != "GET"
    workflow = asker.create("acme")
    assert workflow is not None
    asker.values.adopt({workflow: {"etag": "old"}})
    assert move(asker, workflow, "A", "B") == "unknown"
    assert asker.values.list("acme", "", workflow) == {"etag": "old", "seen": "A"}
    engine.tells = lambda _: True
    asker.read(workflow, "acme")
    assert asker.values.list("acme", "", workflow) == {"etag": '"0.0"', "seen": "A"}
    assert asker.values.tell([workflow, "x"]) == {workflow: {"etag": '"0.0"', "seen": "A"}}


def test_a_request_without_its_value_is_not_sent_and_no_operation(
    tmp_path: Path, asker: Asker, engine: VersionedEngine
) -> None:
    engine.tells = lambda _: False
    workflow = asker.create("acme")
    assert workflow is not None
    assert move(asker, workflow, "A", "B") == "unknown"
    assert engine.states == {"0": "A"}
    with pytest.raises(NotBuiltError):
        asker.begin(asker.advance_ask(workflow, "acme", asker.target.routes_for("A", "B")[-1], "A", "B"))
    engine.tells = lambda request: request.method == "GET"
    assert move(asker, workflow, "A", "B") == "won"
    asker.end()
    history = read_history(tmp_path / "h")
    assert len(history.having(events.Unsent)) == 2
    judgement = judge(history, asker.target.graph, plan=RunPlan(sources=("race-0.0",)))
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason == (
        "POST /w/{id}/advance needs {etag}, which create.save gives; no answer has shown it yet (2 requests not sent)"
    )


def test_a_race_is_run_without_the_request_that_cannot_be_built(asker: Asker, engine: VersionedEngine) -> None:
    first, second = asker.create("acme"), asker.create("acme")
    assert first is not None
    assert second is not None
    asker.values.forget(first)
    engine.tells = lambda _: False
    route = asker.target.routes_for("A", "B")[-1]
    asks = [asker.advance_ask(name, "acme", route, "A", "B") for name in (first, second)]
    lost, won = asker.race(asks, None)
    assert (lost.outcome, lost.id, won.outcome) == ("unknown", "", "won")


def test_a_source_passes_with_versions(tmp_path: Path, target: Target, engine: VersionedEngine) -> None:
    source = make_source(tmp_path / "s", target, engine, {"lone-moves": 4, "pipelines": 2})
    for _ in source.run():
        continue
    source.finish()
    history = read_history(tmp_path / "s")
    assert history.having(events.Unsent) == []
    # A contender with an old version is answered 412, which this file gives no meaning.
    assert judge(history, target.graph).counts["won"] > 20
