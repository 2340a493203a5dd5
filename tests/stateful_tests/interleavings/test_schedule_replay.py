"""Goal: a replay follows the recorded statements, and knows when it does not. Method: options by hand."""

import pytest

from reports.judge.levels.race_file_format import RACE_FORMAT, Line, Race, RaceRequest
from stateful_tests.interleavings.schedule import Option
from stateful_tests.interleavings.schedule_replay import Follower

READ, WRITE, CACHE = "SELECT s FROM t WHERE id = 1", "UPDATE t SET s = 'x' WHERE id = 1", "SELECT * FROM settings"
REQUESTS = (RaceRequest("A", "acme", "go", "X", "Y"), RaceRequest("B", "acme", "go", "X", "Y"))
STEPS = (Line("A", READ), Line("B", READ), Line("B", WRITE, fault="answer lost"), Line("A", WRITE))


def make(*steps: Line, order: str = "ABBA") -> Follower:
    faults = {3: "answer lost"}
    return Follower.of(Race(RACE_FORMAT, "t", "", "X", REQUESTS, order, (), faults, steps=steps))


def play(follower: Follower, *programs: list[str]) -> tuple[str, str | None]:
    """The order of the statements, and the one that met a fault."""
    order, struck = "", None
    left = [list(program) for program in programs]
    while options := [Option(number, program[0]) for number, program in enumerate(left) if program]:
        choice = follower(options)
        assert choice is not None
        order += "AB"[choice.task]
        struck = left[choice.task][0] if choice.fault else struck
        left[choice.task].pop(0)
    return order, struck


def about(sql: str) -> str:
    """The same statement about another workflow."""
    return sql.replace("1", "77").replace("'x'", "'y'")


@pytest.mark.parametrize("steps", [STEPS, ()])
def test_the_recorded_order_is_followed(steps: tuple[Line, ...]) -> None:
    """By its letters, if the file was written by hand."""
    follower = make(*steps)
    assert play(follower, [about(READ), about(WRITE)], [READ, WRITE]) == ("ABBA", WRITE)
    assert not follower.has_left


def test_a_statement_that_was_not_recorded_goes_in_between() -> None:
    """The recorded statement still meets its fault."""
    follower = make(*STEPS)
    assert play(follower, [CACHE, READ, WRITE], [READ, WRITE]) == ("AABBA", WRITE)
    assert follower.has_left


def test_a_recorded_statement_that_does_not_come_is_skipped() -> None:
    follower = make(*STEPS)
    assert play(follower, [WRITE], [READ, WRITE]) == ("BBA", WRITE)
    assert follower.has_left


def test_an_order_that_ends_early_has_been_left() -> None:
    follower = make(*STEPS)
    assert play(follower, [READ], [READ]) == ("AB", None)
    assert follower.has_left
