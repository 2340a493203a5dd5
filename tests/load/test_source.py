"""Goal: a source sends what it declared, for all answers of an engine; and a right engine is never accused.

Method: sources on an engine in memory; their journals go to the judge, accounting included.
"""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.barrier import Alone, BarrierError, BarrierServer, set_instant
from load.client.clock import Instant
from load.scenarios import SCENARIOS
from load.script_run import walk_instants
from load.source import Source
from reports.history.history import read_history
from reports.judge.verdict import Verdict
from tests.load.stub import RICH, SMALL, Engine, StubRelease, judge_folder, load_text, make_answer, make_source

FEW = dict.fromkeys(SCENARIOS, 5)
# Other tests have targets for them: they need a version, an idempotency key, or a move without a request.
OF_UNITS = ("last-unit", "takes-and-give-backs", "two-resources", "foreign-takes", "returned-units")
OF_OTHERS = ("stale-version", "no-version", "same-key", "expiry", *OF_UNITS)


@pytest.fixture
def rich(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", RICH)


def run(source: Source) -> None:
    for _ in source.run():
        continue
    source.finish()


def read_report(folder: Path, name: str = "race-0.0") -> dict[str, Any]:
    lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    return next(line for line in lines if line["event"] == "level")


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - set(OF_OTHERS)))
def test_a_right_engine_passes_every_scenario(name: str, rich: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", rich, Engine(rich.graph), {name: 12})
    run(source)
    judgement = judge_folder(tmp_path / "h", rich)
    assert judgement.verdict is Verdict.PASS, judgement
    report = read_report(tmp_path / "h")
    assert [(each["planned"], each["run"]) for each in report["scenarios"]] == [(12, 12)]
    assert report["ended"] == "complete"
    if name != "writes-beside-moves":  # some of its rounds are races
        assert judgement.counts["races"] == (12 if SCENARIOS[name].races else 0)
    assert source.asker.server_ids == {}, "finished workflows are forgotten"


def test_connections_are_warmed_before_a_race_and_only_then(rich: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", rich, Engine(rich.graph), {"same-transition": 2})
    release = source.asker.release
    assert isinstance(release, StubRelease)
    workflow = source.asker.create(rich.owner)
    assert workflow is not None
    source.asker.read(workflow, rich.owner)
    assert release.warmed == [], "a single request has no race"
    run(source)
    assert set(release.warmed) == {(source.contenders, "GET")}


def test_every_workflow_ends_with_a_read_and_its_trail(rich: Target, tmp_path: Path) -> None:
    run(make_source(tmp_path / "h", rich, Engine(rich.graph), FEW))
    history = read_history(tmp_path / "h")
    last = history.operations.sort("invoked_ns").group_by("workflow").last()
    assert set(last["kind"]) == {"read"}
    assert set(history.audit["workflow"]) == set(last["workflow"])


def test_two_runs_of_one_seed_ask_the_same(rich: Target, tmp_path: Path) -> None:
    asked = []
    for folder in ("a", "b"):
        run(make_source(tmp_path / folder, rich, Engine(rich.graph), FEW))
        columns = ["id", "scenario", "race", "tenant", "workflow", "kind", "expected", "next"]
        asked.append(read_history(tmp_path / folder).operations.select(columns))
    assert asked[0].equals(asked[1])


def test_what_the_engine_leaves_no_room_for_is_taken_back_and_made_up_for(rich: Target, tmp_path: Path) -> None:
    calls = Counter[str]()

    def lose_some(request: Request, answer: Answer) -> Answer:
        calls[request.method] += 1
        return Answer(None, error="lost") if request.method == "POST" and calls["POST"] % 40 == 0 else answer

    source = make_source(tmp_path / "h", rich, Engine(rich.graph, lose_some), {"pipelines": 60, "replay-storm": 20})
    run(source)
    judgement = judge_folder(tmp_path / "h", rich)
    assert {check.check: check.verdict for check in judgement.checks}["accounting"] is Verdict.PASS
    assert [(each.planned, each.run) for each in source.report().scenarios or ()] == [(60, 60), (20, 20)]


def test_an_engine_that_creates_nothing_ends_the_source(
    rich: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("load.source.REST_S_MAX", 0.0)
    source = make_source(tmp_path / "h", rich, Engine(rich.graph, lambda *_: make_answer(500)), {"pipelines": 5})
    run(source)
    assert source.ended == "gave up"
    assert judge_folder(tmp_path / "h", rich).verdict is not Verdict.PASS


@pytest.mark.parametrize("hangs", [True, False])
def test_an_engine_that_answers_nothing_any_more_leaves_the_run_unknown(
    rich: Target, tmp_path: Path, *, hangs: bool
) -> None:
    """The last round's answers are lost, and so is the read that looks again; or that one is answered."""
    engine = Engine(rich.graph)
    source = make_source(tmp_path / "h", rich, engine, {"replay-storm": 60})
    for result in source.run():
        assert result.replies
    silent = Answer(None, error="no answer within 5 s")
    engine.twist = lambda *_: silent
    workflow = source.asker.latest
    assert workflow is not None
    source.asker.server_ids[workflow[0]] = workflow[1]
    source.asker.read(workflow[0], workflow[2])
    engine.twist = lambda _, answer: silent if hangs else answer
    source.finish()
    judgement = judge_folder(tmp_path / "h", rich)
    assert ("the service stopped answering" in judgement.reason) == hangs
    assert judgement.verdict is (Verdict.UNKNOWN if hangs else Verdict.PASS)


def test_an_engine_that_cannot_answer_for_a_while_is_given_a_rest(
    rich: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database recovers from a crash, say: nothing is given up, and what was asked meanwhile is accounted for."""
    rests: list[float] = []
    monkeypatch.setattr("load.source.time.sleep", rests.append)
    source = make_source(
        tmp_path / "h",
        rich,
        Engine(rich.graph, lambda _, answer: make_answer(503) if 3 < len(rests) < 10 or len(rests) < 2 else answer),
        {"pipelines": 20},
    )
    run(source)
    assert source.ended == "complete"
    assert rests[:2] == [0.02, 0.04]
    checks = {check.check: check.verdict for check in judge_folder(tmp_path / "h", rich).checks}
    assert checks["accounting"] is Verdict.PASS


def test_closing_ends_in_good_order(rich: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", rich, Engine(rich.graph), {"pipelines": 50})
    rounds = source.run()
    for _ in range(4):
        next(rounds)
    rounds.close()
    source.finish()
    results = {check.check: check for check in judge_folder(tmp_path / "h", rich).checks}
    gaps = [finding.title for finding in results.pop("accounting").findings]
    assert gaps == ["The source race-0.0 ended with 4 of its 50 races: stopped."]
    assert {check.verdict for check in results.values()} <= {Verdict.PASS, None}


def test_a_scenario_that_raises_leaves_a_gap(rich: Target, tmp_path: Path) -> None:
    def fail(request: Request, answer: Answer) -> Answer:
        raise RuntimeError("a scenario that raises")

    engine = Engine(rich.graph)
    source = make_source(tmp_path / "h", rich, engine, {"pipelines": 50})
    rounds = source.run()
    for _ in range(4):
        next(rounds)
    engine.twist = fail
    with pytest.raises(RuntimeError, match="raises"):
        next(rounds)
    source.asker.journal.close()
    judgement = judge_folder(tmp_path / "h", rich)
    assert judgement.verdict is Verdict.UNKNOWN
    assert any("was cut short" in finding.title for finding in judgement.findings)


def test_a_target_without_the_means_says_so(tmp_path: Path) -> None:
    small = load_text(tmp_path / "target", SMALL)
    obstacles = {name: SCENARIOS[name].find_obstacle(small) for name in SCENARIOS}
    assert {name for name, obstacle in obstacles.items() if obstacle} == {
        "cancel-against-advance",
        "step-routes",
        "guards",
        "tenants",
        "writes-beside-moves",
        *OF_OTHERS,
    }
    source = make_source(tmp_path / "h", small, Engine(small.graph), FEW)
    run(source)
    report = read_report(tmp_path / "h")
    assert set(report["not_applicable"]) == {name for name, obstacle in obstacles.items() if obstacle}
    assert judge_folder(tmp_path / "h", small).verdict is Verdict.PASS


def test_the_intended_instant_is_recorded(rich: Target, tmp_path: Path) -> None:
    source = make_source(tmp_path / "h", rich, Engine(rich.graph), {"same-transition": 5})
    source.instants = walk_instants(1000.0, 0, 1, 1_000)
    run(source)
    races = read_history(tmp_path / "h").operations.filter(source_has_race())
    intended = {json.loads(detail)["intended_ns"] for detail in races["detail"]}
    assert intended == {1_000 + number * 1_000_000 for number in range(5)}


def source_has_race() -> Any:
    return pl.col("race").is_not_null()


class Table:
    """A barrier of threads."""

    def __init__(self, size: int) -> None:
        self.barriers, self.condition, self.heard = BarrierServer(size), threading.Condition(), dict[str, list[Any]]()


class Seat:
    def __init__(self, table: Table, number: int, size: int) -> None:
        self.table, self.number, self.size = table, number, size

    def gather(self, key: str, value: Any) -> list[Any]:
        with self.table.condition:
            values = self.table.barriers.take(key, self.number, value)
            if values is not None:
                self.table.heard[key] = values
                self.table.condition.notify_all()
            if not self.table.condition.wait_for(lambda: key in self.table.heard, 20):
                raise BarrierError(key)
            return self.table.heard[key]

    def line_up(self, key: str, intended_ns: int | None) -> Instant:
        self.gather(key, intended_ns)
        return Instant()


@pytest.mark.parametrize("size", [2, 3, 8])
def test_one_race_over_several_journals(size: int, rich: Target, tmp_path: Path) -> None:
    engine, table = Engine(rich.graph), Table(size)
    names = [f"race-{number}.0" for number in range(size)]
    sources = [
        make_source(tmp_path / "h", rich, engine, FEW, name=name, barrier=Seat(table, number, size))
        for number, name in enumerate(names)
    ]
    threads = [threading.Thread(target=run, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = read_history(tmp_path / "h")
    shared = (
        history.operations.filter(source_has_race())
        .group_by("race")
        .agg(contenders=source_has_race().count(), journals=split_source().n_unique())
    )
    assert set(shared["contenders"]) == {6}
    assert max(shared["journals"]) == min(size, 6)
    # The stub answers at once: whether a contender overlapped the winner is left to chance.
    results = judge_folder(tmp_path / "h", rich, names).checks
    assert {check.verdict for check in results if check.check != "one-winner"} <= {Verdict.PASS, None}, results
    assert not any(check.verdict is Verdict.FAIL for check in results)
    assert table.barriers.open == {}


def split_source() -> Any:
    return pl.col("process").str.split("#").list.first()


def test_a_key_is_complete_when_all_sources_have_sent_a_value() -> None:
    server = BarrierServer(2)
    assert server.take("a", 1, "y") is None
    assert server.take("b", 0, "z") is None
    assert server.take("a", 0, "x") == ["x", "y"]
    assert list(server.open) == ["b"]


def test_the_instant_lies_ahead_and_not_before_the_intended_one() -> None:
    assert set_instant(1_000, [None, None]) > 1_000
    assert set_instant(1_000, [10**12, None]) == 10**12


def test_a_source_alone_waits_for_no_other() -> None:
    assert Alone().gather("k", 5) == [5]
    assert Alone().line_up("k", 7) == Instant(7, 7)


def test_a_source_with_nothing_to_run_says_so(tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", SMALL)
    source = make_source(tmp_path, target, Engine(target.graph), {})
    assert list(source.run()) == []
    source.finish()
    [accounting] = [check for check in judge_folder(tmp_path, target).checks if check.check == "accounting"]
    assert accounting.findings == ()
