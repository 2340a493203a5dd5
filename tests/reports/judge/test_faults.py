"""Goal: what a fault touched is told fast and right. Method: drawn intervals, against each fault held to each call."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.target.graph import TransitionGraph
from reports.history import events
from reports.history.history import History, read_history
from reports.history.journal import Journal
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.faults import Fault, Spans, choose_likeliest, count_faults, describe_faults, take_faults
from reports.judge.judge import judge
from tests.reports.building import Record, advance, build_history, read

moments = st.integers(0, 40)


@st.composite
def draw_fault(draw: st.DrawFn) -> dict[str, Any]:
    at_ns = draw(moments)
    optional = {
        "workflow": st.sampled_from("vw"),
        "until_ns": st.integers(at_ns, 40) | st.none(),
        "what": st.sampled_from(["answer lost", "delayed", "server killed"]),
    }
    return {"at_ns": at_ns, **draw(st.fixed_dictionaries({}, optional=optional))}


FAULT = draw_fault()
CALL = st.tuples(moments, st.none() | st.integers(0, 12))


def with_faults(records: list[Record], faults: list[dict[str, Any]]) -> History:
    return build_history(records, *({"event": "fault", **each} for each in faults))


def is_touched(begin: int, end: int | None, fault: dict[str, Any]) -> bool:
    if fault.get("what") == "delayed" or fault.get("workflow") == "v":
        return False
    at, until = fault["at_ns"], max(fault["at_ns"], fault.get("until_ns") or 0)
    return begin <= until and (end is None or end >= at)


@settings(deadline=None, database=None)
@given(st.lists(FAULT, max_size=8), st.lists(CALL, min_size=1, max_size=8))
def test_a_call_is_touched_by_the_faults_that_its_interval_meets(
    faults: list[dict[str, Any]], calls: list[tuple[int, int | None]]
) -> None:
    ends = [None if length is None else begin + length for begin, length in calls]
    records = [read(str(n), begin, ends[n], "A") for n, (begin, _) in enumerate(calls)]
    case = CheckContext(Evidence(with_faults(records, faults)))
    touched = dict(zip(case.ops["row"], case.touched_by_fault, strict=True))
    for row, (begin, _) in enumerate(calls):
        assert touched[row] == any(is_touched(begin, ends[row], fault) for fault in faults)


@settings(deadline=None, database=None)
@given(st.lists(FAULT, max_size=8), moments, moments)
def test_the_faults_between_two_moments(faults: list[dict[str, Any]], begin: int, length: int) -> None:
    found = take_faults(with_faults([read("r", 0, 1, "A")], faults))
    mine = [each for each in found.all if each.workflow in (None, "w")]
    assert found.between("w", begin, begin + length) == [each for each in mine if begin <= each.until < begin + length]
    during = [each for each in mine if each.at <= begin + length and each.until >= begin]
    assert found.any_during("w", begin, begin + length) == bool(during)
    assert Spans.over(found.all).meet(begin, begin + length) >= bool(during)


def test_the_clocks_uncertainty_widens_a_fault(tmp_path: Any) -> None:
    with Journal(tmp_path / "s.jsonl", clock_uncertainty_ns=5) as journal:
        journal.write(events.Invoke("a", 0, "w", "read", 1))
        journal.write(events.Return("a", "ok", 200, "A", 2))
        journal.write(events.Fault(at_ns=100, until_ns=200, what="answer lost"))
    (fault,) = take_faults(read_history(tmp_path)).all
    assert (fault.at, fault.until) == (95, 205)


def test_the_likeliest_of_several_is_the_one_during_the_call() -> None:
    first, crash, during = Fault(5, 4, "answer lost"), Fault(30, 20, "server killed"), Fault(12, 11, "backend ended")
    assert choose_likeliest([first, crash, during], 10, 15) is during
    assert choose_likeliest([first, crash], 10, 15) is crash
    assert choose_likeliest([first], 10, 15) is first


@pytest.mark.parametrize(
    ("sorts", "said"),
    [
        ([], ""),
        (["delayed"], "1 fault was injected: delayed 1"),
        (["answer lost"] * 2 + ["delayed"], "3 faults were injected: answer lost 2, delayed 1"),
        (["server killed"] * 3, "3 faults were injected: 3 crashes of the database"),
        (
            ["server killed"] + ["backend ended"] * 1200,
            "1,201 faults were injected: backend ended 1,200, 1 crash of the database",
        ),
    ],
)
def test_faults_are_counted_by_their_sorts(sorts: list[str], said: str) -> None:
    faults = [{"at_ns": 1, "what": sort} for sort in sorts]
    assert describe_faults(count_faults(with_faults([read("r", 0, 1, "A")], faults))) == said


def test_a_fault_whose_writer_was_killed_lasts_to_the_end() -> None:
    begun = {"event": "fault_begun", "source": "s", "what": "answer lost"}
    over = {"event": "fault", "source": "s", "what": "answer lost", "at_ns": 10, "until_ns": 12}
    history = build_history(
        [read("1", 1, 2, "A")], over, *({**begun, "at_ns": at_ns, "workflow": "w"} for at_ns in (10, 30))
    )
    faults = take_faults(history)
    assert [faults.any_during("w", *span) for span in ((1, 2), (13, 29), (1_000, 2_000))] == [False, False, True]


@pytest.mark.parametrize("kind", ["fault", "break_met"])
def test_the_time_0_is_a_time(kind: str) -> None:
    event = {"event": kind, "source": "s", "at_ns": -10, "until_ns": 0}
    faults = take_faults(build_history([read("1", -20, 9, "A")], event))
    assert [(each.at, each.until) for each in (*faults.all, *faults.meetings)] == [(-10, 0)]


def test_a_fault_of_several_workflows_touches_each() -> None:
    fault = {"event": "fault", "source": "s", "what": "x", "at_ns": 10, "until_ns": 12, "workflow": "v"}
    faults = take_faults(build_history([read("1", 1, 2, "A")], {**fault, "workflows": ["v", "w"]}))
    assert [faults.any_during(name, 10, 11) for name in ("v", "w", "u")] == [True, True, False]


def test_what_needs_no_fault_is_shown_first() -> None:
    """Both workflows have two winners; the fault struck the first."""
    records = [
        advance(f"{workflow}{number}", "A-B", begin + number, begin + 9, workflow=workflow)
        for workflow, begin in (("v", 0), ("w", 20))
        for number in (1, 2)
    ]
    struck = {"event": "fault", "source": "s", "what": "answer lost", "at_ns": 3, "until_ns": 4, "workflow": "v"}
    graph = TransitionGraph.of("A", {"A": ["B"]})
    for told, first in (((), "v"), ((struck,), "w")):
        (check,) = judge(build_history(records, *told), graph, only=["linearizable"]).checks
        assert check.findings[0].workflow == first
        assert len(check.findings) == 2
