"""Goal: a move without a request excuses what it explains, and nothing else. Method: histories of a hold that expires
4 ns after it began, written by hand, and the checks that fail.
"""

from typing import Any

import pytest

from engine.target.graph import Timed, TransitionGraph
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import advance, build_history, create, read, trail

HOLDS = TransitionGraph.of("H", {"H": ["B", "R"], "B": ["U"]}, [Timed("H", "E", 4e-9)])
CHECKS = (
    "one-winner",
    "conflict-count",
    "conflict-truth",
    "legality",
    "linearizable",
    "final-state",
    "audit",
    "contract",
)


def judge_all(*records: dict[str, Any], graph: TransitionGraph = HOLDS) -> Judgement:
    events = [each for each in records if "event" in each]
    operations = [
        each | ({"status": 201} if each["kind"] == "create" else {}) for each in records if "event" not in each
    ]
    return judge(build_history(operations, *events), graph, only=CHECKS)


def list_failed(*records: dict[str, Any], graph: TransitionGraph = HOLDS) -> set[str]:
    return {check.check for check in judge_all(*records, graph=graph).checks if check.verdict is Verdict.FAIL}


BORN = create("c", 0, 2, "H")


def test_it_may_happen_from_its_time_on() -> None:
    assert list_failed(BORN, read("r", 3, 4, "E"), trail(9, "H-E")) == set()
    assert list_failed(BORN, read("r", 50, 60, "E"), trail(90, "H-E")) == set()


def test_it_may_never_happen() -> None:
    assert list_failed(BORN, read("r", 50, 60, "H"), advance("a", "H-B", 70, 80), trail(90, "H-B")) == set()


def test_earlier_it_is_a_failure() -> None:
    assert list_failed(BORN, read("r", 3, 3, "E")) == {"linearizable", "final-state"}
    assert "conflict-truth" in list_failed(BORN, advance("a", "H-B", 2, 3, "conflict", observed="E"))
    words = judge_all(BORN, read("r", 3, 3, "E")).findings[0].words
    assert (
        "H -> E needs no request, but comes no earlier than 4e-09 s after the request that led to H was sent" in words
    )


def test_the_time_counts_from_the_request() -> None:
    """Although answers show that it took effect later: a service may compute the end when the request comes."""
    early = advance("a", "B-H", 10, 30)
    graph = TransitionGraph.of("B", {"B": ["H"]}, [Timed("H", "E", 4e-9)])
    born, still = create("c", 0, 2, "B"), read("s", 12, 12, "B")
    assert list_failed(born, early, still, read("r", 13, 13, "E"), graph=graph) == {"linearizable"}
    assert list_failed(born, early, still, read("r", 13, 14, "E"), graph=graph) == set()


def test_of_two_requests_alike_either_may_have_been_the_last() -> None:
    """The first was sent at 10, the other at 14. If the first took effect last, its time is over at 20."""
    graph = TransitionGraph.of("B", {"B": ["H"], "H": ["B"]}, [Timed("H", "E", 10e-9)])
    born, back = create("c", 0, 2, "B"), advance("x", "H-B", 15, 16)
    for outcome in ("won", "unknown"):
        both = [advance("a", "B-H", 10, 30, outcome), advance("b", "B-H", 14, 31, outcome)]
        shown = [read("s", 15, 15, "H"), back, read("t", 17, 17, "H")]
        assert list_failed(born, *both, *shown, read("r", 18, 20, "E"), graph=graph) == set()
        assert "linearizable" in list_failed(born, *both, *shown, read("r", 18, 19, "E"), graph=graph)


def test_a_win_after_the_move_was_told_is_a_failure() -> None:
    failed = list_failed(BORN, read("r", 9, 10, "E"), advance("a", "H-B", 11, 12), trail(20, "H-B"))
    assert failed == {"linearizable"}


def test_a_race_that_the_move_won_has_no_other_winner() -> None:
    lost = [advance(f"a{n}", "H-B", 9, 12, "conflict", observed="E", race="r") for n in range(3)]
    judged = judge_all(BORN, *lost, trail(20, "H-E"))
    assert judged.verdict is Verdict.PASS
    assert judged.counts["races"] == 1


def test_a_race_that_is_lost_before_its_time_has_no_winner() -> None:
    lost = [advance(f"a{n}", "H-B", 2, 3, "conflict", race="r") for n in range(3)]
    assert {"one-winner", "linearizable"} <= list_failed(BORN, *lost)


def test_two_winners_are_two_although_it_may_have_moved() -> None:
    both = [advance(f"a{n}", "H-B", 9, 12, race="r") for n in range(2)]
    assert {"one-winner", "linearizable"} <= list_failed(BORN, *both)


def test_a_workflow_that_comes_back_by_itself_can_be_won_again() -> None:
    graph = TransitionGraph.of("H", {"H": ["B"]}, [Timed("B", "H", 2e-9)])
    both = [advance("a", "H-B", 9, 12, race="r"), advance("b", "H-B", 9, 19, race="r")]
    assert list_failed(BORN, *both, graph=graph) == set()


@pytest.mark.parametrize(
    "rows", [("H-B", "H-E"), ("H-E", "H-B"), ("H-E", "H-E"), ("H-B", "B-E"), ("H-E",)], ids="|".join
)
def test_the_trail_has_one_of_both(rows: tuple[str, ...]) -> None:
    assert "audit" in list_failed(BORN, advance("a", "H-B", 9, 10), trail(20, *rows))


def test_a_row_may_come_later_or_never() -> None:
    seen = read("r", 9, 10, "E")
    assert list_failed(BORN, seen, trail(20), trail(30, "H-E")) == set()
    assert list_failed(BORN, seen, trail(20)) == set()
    assert list_failed(BORN, seen, trail(20, "H-E"), trail(30)) == {"audit"}


def test_the_rows_of_two_moves_in_a_row_may_both_come_later() -> None:
    graph = TransitionGraph.of("H", {"F": ["B"]}, [Timed("H", "E", 0.0), Timed("E", "F", 0.0)])
    seen, moved = read("r", 9, 10, "F"), advance("a", "F-B", 14, 15)
    assert list_failed(BORN, seen, trail(12), trail(20, "H-E", "E-F"), graph=graph) == set()
    assert list_failed(BORN, seen, trail(12), moved, trail(20, "H-E", "E-F", "F-B"), graph=graph) == set()
    assert list_failed(BORN, seen, trail(12, "H-E"), trail(20, "H-E", "E-F"), graph=graph) == set()
    assert list_failed(BORN, seen, trail(12, "E-F"), trail(20, "E-F", "H-E"), graph=graph) == {"audit"}
    assert list_failed(BORN, seen, trail(12), moved, trail(20, "F-B", "H-E"), graph=graph) == {"audit"}
    assert list_failed(BORN, seen, trail(12), trail(20, "H-E", "E-F", "E-F"), graph=graph) == {"audit"}


def test_a_row_that_comes_too_early_is_a_failure() -> None:
    assert list_failed(BORN, trail(3, "H-E")) == {"audit"}
    assert list_failed(BORN, trail(4, "H-E")) == set()


def test_a_booking_that_the_move_undoes_is_a_failure() -> None:
    assert list_failed(BORN, advance("a", "H-B", 1, 2), read("r", 9, 10, "E")) == {"linearizable"}
    assert {"audit", "legality"} <= list_failed(BORN, advance("a", "H-B", 1, 2), trail(20, "H-B", "B-E"))


def test_a_request_for_it_is_illegal_and_may_be_refused() -> None:
    assert list_failed(BORN, advance("a", "H-E", 2, 3, "conflict", observed="H")) == set()
    assert "legality" in list_failed(BORN, advance("a", "H-E", 2, 3))
    asked = TransitionGraph.of("H", {"H": ["B", "E"]}, HOLDS.timed)
    assert list_failed(BORN, advance("a", "H-E", 2, 3), trail(9, "H-E"), graph=asked) == set()


def test_a_refusal_is_right_once_it_may_have_moved() -> None:
    served = read("r", 2, 3, "H")
    assert list_failed(BORN, served, advance("a", "H-B", 4, 5, "refused", status=404)) == set()
    assert list_failed(BORN, read("r", 2, 2, "H"), advance("a", "H-B", 3, 3, "refused", status=404)) == {"contract"}
    slow = TransitionGraph.of("H", {"H": ["B"]}, [Timed("H", "E", 9e-9)])
    assert list_failed(BORN, served, advance("a", "H-B", 4, 5, "refused", status=404), graph=slow) == {"contract"}


def test_a_workflow_is_no_older_than_the_unknown_create_that_made_it() -> None:
    lost = create("c", 10, 11, None, outcome="unknown")

    def list_wrong(*records: dict[str, Any]) -> set[str]:
        events = [each for each in records if "event" in each]
        history = build_history([lost, *(each for each in records if "event" not in each)], *events)
        judged = judge(history, HOLDS, only=CHECKS).checks
        return {check.check for check in judged if check.verdict is Verdict.FAIL}

    assert "linearizable" in list_wrong(read("r", 12, 13, "E"))
    assert list_wrong(read("r", 12, 14, "E")) == set()
    assert "audit" in list_wrong(trail(13, "H-E"))
    assert list_wrong(trail(14, "H-E")) == set()
    # What was answered before the create was asked for tells of a workflow that there was already.
    assert list_wrong(read("q", 1, 2, "H"), read("r", 12, 13, "E")) == set()


def test_a_workflow_that_no_request_made_may_be_as_old_as_it_likes() -> None:
    listed = create("c", 0, 1, "H")
    history = build_history([listed, read("r", 2, 3, "E")])
    assert judge(history, HOLDS, only=CHECKS).verdict is Verdict.PASS
