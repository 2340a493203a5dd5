"""Goal: a busy answer is asked again for a while, and changes nothing that is believed.

Method: an engine in memory that is busy so many times; pauses are noted instead of made.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.asker import Asker
from load.client.read_retry import PAUSES_S
from load.scenarios import SCENARIOS
from load.tally import Tally
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict
from tests.load.stub import (
    RICH,
    CrowdedEngine,
    CrowdRelease,
    Engine,
    StubRelease,
    is_move,
    judge_folder,
    load_text,
    make_answer,
    make_source,
)

TEXT = RICH.replace("refused = [404]", "refused = [404]\nbusy = [423]")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr("load.client.asker.time.sleep", made.append)
    return made


def make_asker(folder: Path, busy: list[int], headers: Mapping[str, str] = MappingProxyType({})) -> Asker:
    """Its engine is busy for so many requests; a busy one changes nothing."""
    target = load_text(folder / "target", TEXT)

    class Busy(Engine):
        def decide(self, request: Request) -> Answer:
            if busy[0]:
                busy[0] -= 1
                return Answer(423, headers)
            return super().decide(request)

    release = StubRelease(Busy(target.graph))
    return Asker(target, release, Journal(folder / "h" / "race-0.0.jsonl"))  # type: ignore[arg-type]


def test_it_is_asked_again_until_it_is_told(tmp_path: Path, pauses: list[float]) -> None:
    busy = [0]
    asker = make_asker(tmp_path, busy)
    workflow = asker.create("acme")
    assert workflow is not None
    busy[0] = 2
    ask = asker.advance_ask(workflow, "acme", asker.target.routes_for("A", "B")[-1], "A", "B")
    assert asker.ask_until_told(ask).outcome == "won"
    assert pauses == list(PAUSES_S[:2])
    asker.end()
    history = read_history(asker.journal.path)
    assert history.operations["outcome"].to_list() == ["ok", "busy", "busy", "won"]
    judgement = judge(history, asker.target.graph, plan=RunPlan(sources=("race-0.0",)))
    assert judgement.verdict is Verdict.PASS, judgement


def test_a_create_is_asked_again(tmp_path: Path, pauses: list[float]) -> None:
    asker = make_asker(tmp_path, [1])
    assert asker.create("acme") is not None
    assert pauses == [PAUSES_S[0]]


def test_one_that_stays_busy_is_found_if_it_was_asked_when_it_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The times in the history are those of a clock that the pauses move on."""
    clock = [1_000_000_000]

    def sleep(seconds: float) -> None:
        clock[0] += round(seconds * 1e9)

    def tick() -> int:
        clock[0] += 1_000_000
        return clock[0]

    monkeypatch.setattr("load.client.asker.time.sleep", sleep)
    monkeypatch.setattr("load.client.asker.now_ns", tick)
    monkeypatch.setattr("tests.load.stub.now_ns", tick)
    busy = [0]
    asker = make_asker(tmp_path, busy, {"retry-after": "1"})
    workflow = asker.create("acme")
    assert workflow is not None
    busy[0] = 1000
    route = asker.target.routes_for("A", "B")[-1]
    assert asker.ask_until_told(asker.advance_ask(workflow, "acme", route, "A", "B")).outcome == "busy"
    asker.end()
    history = read_history(asker.journal.path)
    assert history.operations["outcome"].to_list() == ["ok", *["busy"] * (1 + len(PAUSES_S))]
    [contract] = judge(history, asker.target.graph, only=["contract"]).checks
    assert [len(each.operations) for each in contract.findings] == [4], "the short pauses were shorter than told"


def test_one_that_stays_busy_is_left_alone_after_a_while(tmp_path: Path, pauses: list[float]) -> None:
    asker = make_asker(tmp_path, [1000])
    assert asker.create("acme") is None
    assert pauses == list(PAUSES_S)
    assert asker.create("acme") is None
    assert pauses == list(PAUSES_S)


def test_a_create_that_the_caller_has_planned_is_asked_once(tmp_path: Path, pauses: list[float]) -> None:
    asker = make_asker(tmp_path, [1])
    asker.plan(1)
    assert asker.create("acme", planned=True) is None
    assert (pauses, asker.asked) == ([], 1)


class CrowdShy(CrowdedEngine):
    """Busy to every move that is not alone; or to every move, when it never gets better."""

    gets_better = True

    def decide(self, request: Request) -> Answer:
        if is_move(request) and (len(self.crowd) > 1 or not self.gets_better):
            return make_answer(423)
        return super().decide(request)


@pytest.mark.parametrize("scenario", ["same-transition", "side-by-side", "lone-moves"])
@pytest.mark.parametrize("gets_better", [True, False])
def test_a_race_that_all_lost_to_being_busy_is_asked_for_again_alone(
    scenario: str, tmp_path: Path, pauses: list[float], *, gets_better: bool
) -> None:
    target = load_text(tmp_path / "target", TEXT)
    engine = CrowdShy(target.graph)
    engine.gets_better = gets_better
    source = make_source(tmp_path / "h", target, engine, {scenario: 6})
    source.asker.release = CrowdRelease(engine)  # type: ignore[assignment]
    tally = Tally()
    for result in source.run():
        tally.count(result)
    source.finish()
    results = {check.check: check.verdict for check in judge_folder(tmp_path / "h", target).checks}
    assert results["accounting"] is Verdict.PASS
    assert tally.violations == 0, "what was busy is for the judge"
    if SCENARIOS[scenario].races:
        assert results["one-winner"] is (Verdict.PASS if gets_better else Verdict.FAIL)
    assert results["linearizable"] in (Verdict.PASS, None)
    operations = read_history(tmp_path / "h").operations.filter(pl.col("kind") == "advance")
    again = operations.filter(pl.col("race").is_null() & (pl.col("outcome") == "won"))
    assert (again.height > 0) == gets_better


class Limited(Engine):
    """Answers every second create, and every second read, with busy, as a limiter of the rate does."""

    asked = 0

    def decide(self, request: Request) -> Answer:
        if not is_move(request):
            self.asked += 1
            if self.asked % 2:
                return make_answer(423)
        return super().decide(request)


def test_a_limited_rate_ends_no_race(tmp_path: Path, pauses: list[float]) -> None:
    target = load_text(tmp_path / "target", TEXT)
    source = make_source(tmp_path, target, Limited(target.graph), {"same-transition": 12})
    for _ in source.run():
        continue
    source.finish()
    assert source.ended == "complete"
    assert pauses
    judgement = judge_folder(tmp_path, target)
    assert judgement.verdict is Verdict.PASS, judgement
