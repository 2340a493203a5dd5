"""Goal: a schedule is told as it was, and a race file is read as it was written. Method: small ones, by hand."""

from pathlib import Path

import pytest

from reports.schedules import (
    RACE_FORMAT,
    Line,
    Race,
    RaceFileError,
    Schedule,
    Session,
    draw_trace,
    explain_order,
    read_race,
    write_race,
)

READ, WRITE, COMMIT = "SELECT state FROM t", "UPDATE t SET state = 'B'", "COMMIT"


def make(order: str, *steps: Line, answers: tuple[str, ...] = ("won", "won")) -> Schedule:
    return Schedule("s", 0, "w", order, steps, answers, frozenset(), 1)


STALE = make("ABBA", Line("A", READ), Line("B", READ), Line("B", WRITE), Line("A", WRITE))
WAITED = make("ABAB", Line("A", WRITE), Line("B", WRITE, "waited"), Line("A", COMMIT), Line("B", COMMIT))
TWICE = make("ABBB", Line("A", WRITE), Line("B", WRITE), Line("B", READ), Line("B", WRITE))
SLOW = make("ABBA", Line("A", READ, fault="delayed"), *STALE.steps[1:])
KILLED = make("A", Line("A", COMMIT, fault="server killed"), answers=("won", "won"))
FAULTED = make("A", Line("A", COMMIT, fault="answer lost"), answers=("unknown", "conflict"))


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (STALE, "A read in step 1, B wrote in step 3, and in step 4 A wrote what it had decided on before"),
        (WAITED, "B's statement of step 2 waited for a lock of A's, and wrote when A had committed"),
        (TWICE, "B came too late in step 2, looked in step 3, and in step 4 wrote all the same"),
        (SLOW, "A read in step 1, B wrote in step 3, and in step 4 A wrote what it had decided on before"),
        (KILLED, "A's statement of step 1 met a fault (server killed), and A was answered won."),
        (FAULTED, "A's statement of step 1 met a fault (answer lost), and A was answered unknown."),
    ],
)
def test_one_sentence_says_what_the_order_did(schedule: Schedule, said: str) -> None:
    assert said in explain_order(schedule)


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


def test_a_race_is_read_as_it_was_written(tmp_path: Path) -> None:
    sessions = (Session("A", "acme", "advance", "X", "Y"), Session("B", "acme", "advance", "X", "Y"))
    race = Race(RACE_FORMAT, "orders", "two winners", "X", sessions, "ABBA", ("one-winner",), {2: "answer lost"})
    write_race(tmp_path / "races" / "race.json", race)
    assert read_race(tmp_path / "races" / "race.json") == race


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
            "there is no session A",
        ),
    ],
)
def test_what_is_no_race_is_one_sentence(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "race.json"
    path.write_text(text)
    with pytest.raises(RaceFileError, match=problem):
        read_race(path)
