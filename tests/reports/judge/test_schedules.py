"""Goal: a schedule is told as it was, and a race file is read as it was written. Method: small ones, by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from reports.judge.levels.race_file_format import (
    RACE_FORMAT,
    Line,
    Race,
    RaceFileError,
    RaceRequest,
    read_race,
    write_race,
)
from reports.judge.levels.schedules import Schedule, draw_trace
from reports.judge.text.schedule_explanation import explain_schedule

OLD = Path(__file__).parents[1] / "data" / "old_races"
READ, WRITE, COMMIT = "SELECT state FROM t", "UPDATE t SET state = 'B'", "COMMIT"


def make(order: str, *steps: Line, answers: tuple[str, ...] = ("won", "won")) -> Schedule:
    return Schedule("s", 0, ("w",), order, steps, answers, frozenset(), 1)


STALE = make("ABBA", Line("A", READ), Line("B", READ), Line("B", WRITE), Line("A", WRITE))
WAITED = make("ABAB", Line("A", WRITE), Line("B", WRITE, "waited"), Line("A", COMMIT), Line("B", COMMIT))
TWICE = make("ABBB", Line("A", WRITE), Line("B", WRITE), Line("B", READ), Line("B", WRITE))
SLOW = make("ABBA", Line("A", READ, fault="delayed"), *STALE.steps[1:])
KILLED = make("A", Line("A", COMMIT, fault="server killed"), answers=("won", "won"))
FAULTED = make("A", Line("A", COMMIT, fault="answer lost"), answers=("unknown", "conflict"))


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (STALE, "A read t in step 1, B wrote it in step 3, and A wrote it in step 4, with no read of it in between."),
        (WAITED, "B's write of t in step 2 waited for a lock, and went on after A's commit of step 3."),
        (TWICE, "B sent the same write of t in steps 2 and 4, and read it in step 3 in between."),
        (SLOW, "A read t in step 1, B wrote it in step 3, and A wrote it in step 4, with no read of it in between."),
        (KILLED, "A's statement of step 1 met a fault (server killed), and A was answered won."),
        (FAULTED, "A's statement of step 1 met a fault (answer lost), and A was answered unknown."),
    ],
)
def test_one_sentence_says_what_the_order_did(schedule: Schedule, said: str) -> None:
    assert said in explain_schedule(schedule)


OTHER = "SELECT a FROM settings"
VERSIONED = "UPDATE t SET state = 'B', version = 2 WHERE id = 1 AND version = 1"


@pytest.mark.parametrize(
    "schedule",
    [
        # A read of another table, and a transaction that was undone, say nothing of the write.
        make("ABBA", Line("A", OTHER), Line("B", READ), Line("B", WRITE), Line("A", WRITE)),
        make("ABBA", Line("A", READ), Line("B", READ), Line("B", WRITE), Line("A", "ROLLBACK")),
        make("ABBA", Line("A", READ), Line("B", READ), Line("B", "INSERT INTO log VALUES (1)"), Line("A", WRITE)),
        make("ABAB", Line("A", WRITE), Line("B", READ, "waited"), Line("A", COMMIT), Line("B", COMMIT)),
    ],
)
def test_what_the_statements_do_not_show_is_not_said(schedule: Schedule) -> None:
    assert explain_schedule(schedule) == ""


def test_the_condition_of_the_write_is_shown() -> None:
    schedule = make("ABBA", Line("A", READ), Line("B", READ), Line("B", WRITE), Line("A", VERSIONED))
    assert explain_schedule(schedule).endswith("the condition of that write: WHERE id = 1 AND version = 1.")


def test_a_write_that_reads_is_not_said_to_look_at_nothing() -> None:
    counting = "INSERT INTO t (id, n) SELECT 1, count(*) FROM t WHERE id = 1"
    said = explain_schedule(make("ABBA", Line("A", READ), Line("B", READ), Line("B", counting), Line("A", counting)))
    assert said == "A read t in step 1, B wrote it in step 3, and A wrote it in step 4, in a statement that reads."


def test_on_two_workflows_the_one_that_lost_is_named() -> None:
    steps = (Line("A", WRITE), Line("B", WRITE, "lock timeout"), Line("A", COMMIT))
    apart = Schedule("s", 0, ("v", "w"), "ABA", steps, ("won", "conflict"), frozenset(), 2)
    told = explain_schedule(apart)
    assert told.startswith("Each request had a workflow of its own, and B was answered conflict;")
    assert told.endswith("its statement of step 2 met a lock timeout.")


def test_what_needs_no_fault_comes_first() -> None:
    plain = make("ABABAB", *(Line("AB"[n % 2], WRITE) for n in range(6)))
    assert sorted([FAULTED, plain], key=lambda schedule: schedule.size) == [plain, FAULTED]


def test_what_will_happen_again_for_certain_comes_first() -> None:
    schedules = [
        make("A", Line("A", COMMIT, fault=fault)) for fault in ("connection lost during", "delayed", "server killed")
    ]
    first, second, last = sorted(schedules, key=lambda schedule: schedule.size)
    assert last.steps[0].fault == "connection lost during"
    assert {first.steps[0].fault, second.steps[0].fault} == {"delayed", "server killed"}


def test_a_trace_has_a_column_for_each_request() -> None:
    lines = draw_trace(WAITED).splitlines()
    assert [line[:3].strip() for line in lines] == ["", "1", "2", "", "3", "4", ""]
    assert lines[1].rstrip(" |").endswith(WRITE)
    assert lines[3].endswith("| (waited)")
    assert lines[-1].split() == ["answered", "won", "|", "answered", "won"]


@pytest.mark.parametrize(("lead", "line"), [(0, 1), (2, 3)])
def test_a_trace_tells_where_the_schedule_waited(lead: int, line: int) -> None:
    lines = draw_trace(replace(TWICE, wait_s=0.9, lead=lead)).splitlines()
    assert [number for number, text in enumerate(lines) if "0.9 s after the workflow was ready" in text] == [line]
    assert len(lines) == len(draw_trace(TWICE).splitlines()) + 1


def test_a_race_is_read_as_it_was_written(tmp_path: Path) -> None:
    requests = (RaceRequest("A", "acme", "advance", "X", "Y"), RaceRequest("B", "acme", "advance", "X", "Y"))
    race = Race(RACE_FORMAT, "orders", "two winners", "X", requests, "ABBA", ("one-winner",), {2: "answer lost"})
    race = structs.replace(race, wait_s=0.9, lead=2)
    write_race(tmp_path / "races" / "race.json", race)
    assert read_race(tmp_path / "races" / "race.json") == race


def test_a_race_of_format_1_is_read(tmp_path: Path) -> None:
    """As the version of November 2026 wrote it."""
    race = read_race(OLD / "race-format-1.json")
    assert [request.name for request in race.requests] == ["A", "B"]
    assert (race.state, race.order, race.must_hold[0]) == ("CREATED", "ABBBBAAA", "one-winner")
    assert "".join(step.request for step in race.steps) == race.order
    write_race(tmp_path / "race.json", race)
    assert read_race(tmp_path / "race.json") == race
    assert json.loads((tmp_path / "race.json").read_text())["format"] == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x", "is no race"),
        ('{"format": 1}', "is no race"),
        (
            '{"format":9,"target":"t","found":"","state":"X","sessions":[],"order":"","must_hold":[]}',
            "is a race of format 9",
        ),
        (
            '{"format":1,"target":"t","found":"","state":"X","sessions":[],"order":"A","must_hold":[]}',
            "there is no request A",
        ),
    ],
)
def test_what_is_no_race_is_one_sentence(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "race.json"
    path.write_text(text)
    with pytest.raises(RaceFileError, match=problem):
        read_race(path)
