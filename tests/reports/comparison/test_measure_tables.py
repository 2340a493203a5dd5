"""Goal: what was measured is in every document and decides nothing. Method: render a small run, and a broken one."""

from pathlib import Path

import pytest

from reports.comparison import measure_tables
from reports.comparison.facts import Facts, Measures
from reports.comparison.measure_tables import describe_quality, measure, tabulate
from reports.documents.page import render_page
from reports.documents.summary import render_summary
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.evidence.faults import describe_faults
from reports.judge.levels.run_plan import LevelRun
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import advance, build_history, fault, read

JUDGEMENT = Judgement(Verdict.PASS, "all passed", ())


def small_facts() -> Facts:
    told = {"race": "r", "workflow": "w"}
    contenders = [
        advance("1", "A-B", 1_000, 2_000_000, "won", detail='{"arrived_ns":500000}', **told),
        advance("2", "A-B", 41_000, 3_000_000, "conflict", detail='{"arrived_ns":620000}', **told),
    ]
    return Facts(measures=measure(build_history(contenders)))


def test_every_document_has_both_tables() -> None:
    facts = small_facts()
    for text in (render_page(facts, JUDGEMENT), render_summary(facts, JUDGEMENT)):
        for word in ("How close the races were", "Latency by outcome", "40 µs", "120 µs", "one by one", "conflict"):
            assert word in text


def test_one_line_says_how_close_the_races_were() -> None:
    line = describe_quality(small_facts().measures)
    assert line.startswith("races of 2 (1): released within 40 µs (p50)")
    assert "all at the server within 120 µs" in line
    assert "1 of 1 in flight together with the winner" in line


def test_where_no_engine_tells_the_arrival_no_column_does() -> None:
    [quality, _] = tabulate(measure(build_history([advance(str(n), "A-B", n, 50, race="r") for n in range(2)])))
    assert not any("arrived" in title for title in quality.head)
    assert "stronger proof" not in quality.note


def test_a_measure_that_fails_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ValueError("no clock")

    monkeypatch.setattr(measure_tables, "MEASURES", {**measure_tables.MEASURES, "latency": fail})
    measured = small_facts().measures
    assert (measured.latency, measured.errors) == (None, {"latency": "ValueError: no clock"})
    assert [table.title for table in tabulate(measured)] == ["How close the races were"]


@pytest.mark.parametrize("nothing", [Measures(), Measures(race_quality=(), latency={})])
def test_a_run_that_measured_nothing_shows_nothing(nothing: Measures) -> None:
    assert tabulate(nothing) == []
    assert describe_quality(nothing) == ""


def test_the_faults_that_were_injected_are_counted_in_every_document() -> None:
    records = [read("r", 0, 1, "A")]
    injected = [fault(1), fault(2, 3, "answer lost"), fault(2, 3, "answer lost")]
    levels = (LevelRun(level="race", unit="races", planned=1, run=1, seconds=1),)
    facts = Facts(measures=measure(build_history(records, *injected)), levels=levels)
    assert facts.measures.faults == {"answer lost": 2, "server killed": 1}
    line = "3 faults were injected: answer lost 2, 1 crash of the database"
    assert describe_faults(facts.measures.faults) == line
    assert line in render_page(facts, JUDGEMENT)
    assert line in render_summary(facts, JUDGEMENT)
    assert describe_faults(Measures(errors={"faults": "no clock"}).faults) == ""
    agenda = {"event": "workload", "source": "faults", "kinds": {}}
    assert measure(build_history(records, agenda, *injected)).faults == facts.measures.faults


def test_sources_that_walk_through_orders_are_not_timed(tmp_path: Path) -> None:
    for name, took_ns, asks in (("interleavings-0", 9_000_000, True), ("race-0", 1_000_000, False)):
        with Journal(tmp_path / f"{name}.jsonl") as journal:
            if asks:
                journal.write(events.Workload(kinds={"advance / advance": 1}))
            for number, outcome in enumerate(("won", "conflict")):
                id_ = f"{name}.{number}"
                journal.write(
                    events.Invoke(id_, "p", name, "advance", 1_000, race="r", tenant="acme", expected="A", next="B")
                )
                journal.write(events.Return(id_, outcome, 200, None, 1_000 + took_ns))
    history = read_history(tmp_path)
    found = measure(history)
    [race] = found.race_quality or ()
    assert race.races == 1
    assert {one.max_ns for one in (found.latency or {}).values()} <= set(range(999_000, 1_001_000))
    kept = history.without({"interleavings-0"})
    assert kept.frame.collect()["id"].to_list() == ["race-0.0", "race-0.1"]
    assert kept.encoded["row"].to_list() == [0, 1]
    assert history.without({"elsewhere"}) is history
    assert measure(history.without({"race-0"})).race_quality == ()
