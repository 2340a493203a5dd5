"""Goal: a read that an engine cannot answer now is sent again for a while, and each time is in the history.

Method: an engine in memory that cannot tell so often; pauses are noted instead of made.
"""

import json
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client import read_retry
from load.client.asker import Asker
from load.client.read_retry import PAUSES_S
from reports.history.history import read_history
from reports.history.journal import Journal
from tests.load.stub import RICH, Engine, StubRelease, load_text, make_answer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr("load.client.read_retry.time.sleep", made.append)
    return made


def make_asker(folder: Path, *, lost: int, answer: Answer) -> Asker:
    """Its engine answers the first `lost` questions for a trail with `answer`."""
    target = load_text(folder / "target", RICH)
    left = [lost]

    def lose(request: Request, right: Answer) -> Answer:
        if not request.path.endswith("/trail") or not left[0]:
            return right
        left[0] -= 1
        return answer

    release = StubRelease(Engine(target.graph, lose))
    return Asker(target, release, Journal(folder / "h" / "race-0.0.jsonl"))  # type: ignore[arg-type]


def read_trail(asker: Asker) -> bool:
    """Whether the trail of a new workflow is shown."""
    workflow = asker.create(asker.target.owner)
    assert workflow is not None
    return asker.trail(workflow, asker.target.owner) is not None


def list_unshown(asker: Asker) -> list[dict[str, object]]:
    """The questions whose answer was none: those that accuse, and those that do not."""
    lines = [json.loads(line) for line in asker.journal.path.read_text().splitlines()]
    return [line for line in lines if line["event"] in ("probe", "hidden")]


@pytest.mark.parametrize("answer", [make_answer(503), make_answer(429), Answer(None, error="the connection broke")])
def test_a_trail_is_shown_in_the_end(answer: Answer, tmp_path: Path, pauses: list[float]) -> None:
    asker = make_asker(tmp_path, lost=3, answer=answer)
    assert read_trail(asker)
    assert pauses == list(PAUSES_S[:3])
    unshown = list_unshown(asker)
    assert [event["event"] for event in unshown] == ["probe" if answer.status == 503 else "hidden"] * 3
    for event in unshown:
        assert int(str(event["at_ns"])) <= int(str(event["until_ns"]))


def test_patience_in_vain_is_not_had_again_until_it_pays(tmp_path: Path, pauses: list[float]) -> None:
    once = len(PAUSES_S) + 1
    asker = make_asker(tmp_path, lost=once + 2, answer=make_answer(500))
    shown = [read_trail(asker) for _ in range(4)]
    assert shown == [False, False, False, True]
    assert pauses == list(PAUSES_S)
    assert len(list_unshown(asker)) == once + 2
    assert asker.trails.retry.pays


@pytest.mark.parametrize(("status", "is_wrong"), [(404, True), (200, True), (405, False), (302, False)])
def test_another_answer_is_an_answer(status: int, is_wrong: bool, tmp_path: Path, pauses: list[float]) -> None:
    """A refusal and a page without the trail are wrong; an unknown answer accuses no service here either."""
    asker = make_asker(tmp_path, lost=1, answer=make_answer(status))
    assert not read_trail(asker)
    assert pauses == []
    [event] = list_unshown(asker)
    about = ("contract", f"the audit trail of race-0.0.w1 was not shown: status {status}") if is_wrong else (None, None)
    assert (event.get("check"), event.get("problem")) == about
    assert is_wrong or (event["event"], event["what"], event["workflow"]) == ("hidden", "audit trail", "race-0.0.w1")


def test_too_many_requests_to_the_end_accuse_no_service(tmp_path: Path, pauses: list[float]) -> None:
    asker = make_asker(tmp_path, lost=len(PAUSES_S) + 1, answer=make_answer(429))
    assert not read_trail(asker)
    assert pauses == list(PAUSES_S)
    assert {event["event"] for event in list_unshown(asker)} == {"hidden"}


def test_entries_that_are_no_transitions_are_not_in_the_history(tmp_path: Path) -> None:
    """A comment between two rows: the other rows can be judged."""
    rows = [{"from": "A", "to": "B"}, {"from": None, "to": None}, {"text": "a comment"}, {"from": "B", "to": "C"}]
    asker = make_asker(tmp_path, lost=1, answer=make_answer(200, rows=rows))
    workflow = asker.create(asker.target.owner)
    assert workflow is not None
    assert asker.trail(workflow, asker.target.owner) == [rows[0], rows[3]]
    asker.end()
    assert read_history(asker.journal.path).audit.select("from", "to").rows() == [("A", "B"), ("B", "C")]


def test_an_engine_that_is_slow_to_say_nothing_is_not_waited_for(
    tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_retry, "LIMIT_S", -1.0)
    asker = make_asker(tmp_path, lost=2, answer=make_answer(500))
    assert [read_trail(asker) for _ in range(3)] == [False, False, True]
    assert pauses == []
    assert len(list_unshown(asker)) == 2
