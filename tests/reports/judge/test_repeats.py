"""Goal: a request that repeats a win is no second win; what the engine stored says which one made the move.

Method: races of such requests, written by hand, with a trail, with markers, and with answers alone.
"""

from typing import Any

from engine.target.graph import Timed, TransitionGraph
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import advance, build_history, create, read, trail

AB = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C"]})
BORN = create("c", 0, 2, "A", status=201)


def put(identity: str, edge: str = "A-B", invoked: int = 3, returned: int = 9, **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"repeats": True, "race": "r", "marker": identity} | more
    return advance(identity, edge, invoked, returned, **about)


def stored(*markers: str) -> dict[str, Any]:
    return {"event": "effects", "source": "s", "workflow": "w", "read_ns": 50, "markers": list(markers)}


def judge_all(*records: dict[str, Any]) -> Judgement:
    events = [each for each in records if "event" in each]
    return judge(build_history([each for each in records if "event" not in each], *events), AB)


def find(judged: Judgement, check: str) -> Verdict | None:
    return next(each.verdict for each in judged.checks if each.check == check)


def test_several_may_be_told_that_they_won() -> None:
    judged = judge_all(BORN, put("a"), put("b"), put("d", observed="B"), read("r", 10, 11, "B"))
    assert judged.verdict is Verdict.PASS
    assert (find(judged, "one-winner"), find(judged, "conflict-count")) == (None, None)
    [reason] = [each.reason for each in judged.checks if each.check == "one-winner"]
    assert "answers alone do not tell" in reason


def test_it_is_a_win_only_in_the_state_that_it_asks_for() -> None:
    assert (
        find(judge_all(BORN, put("a", "A-X"), put("b", race=None, invoked=20, returned=30)), "linearizable")
        is Verdict.FAIL
    )
    assert find(judge_all(BORN, put("a"), put("b", "A-X")), "linearizable") is Verdict.FAIL
    assert find(judge_all(BORN, put("a"), put("b", "A-X")), "one-winner") is Verdict.FAIL, "two different states"


def test_without_the_word_two_winners_are_two() -> None:
    judged = judge_all(BORN, put("a", repeats=None), put("b", repeats=None))
    assert find(judged, "one-winner") is Verdict.FAIL


def test_a_trail_decides() -> None:
    right = judge_all(BORN, put("a"), put("b"), trail(40, "A-B"))
    assert (find(right, "one-winner"), find(right, "audit")) == (Verdict.PASS, Verdict.PASS)
    twice = judge_all(BORN, put("a"), put("b"), trail(40, "A-B", "A-B"))
    assert (find(twice, "one-winner"), find(twice, "audit")) == (Verdict.FAIL, Verdict.FAIL)
    none = judge_all(BORN, put("a"), put("b"), trail(40))
    assert find(none, "audit") is Verdict.FAIL
    double = judge_all(BORN, put("a"), put("b"), trail(40, "A-B", "B-B"))
    assert find(double, "audit") is Verdict.FAIL


def test_a_request_for_the_state_that_there_is_leaves_no_row() -> None:
    """Also where the graph has a move from the state to itself."""
    graph = TransitionGraph.of("A", {"A": ["A", "B"]})
    for repeats, verdict in ((True, Verdict.FAIL), (None, Verdict.PASS)):
        moved = put("a", "A-A", race=None, repeats=repeats)
        assert judge(build_history([BORN, moved], trail(40, "A-A")), graph, only=["audit"]).verdict is verdict


def test_markers_that_were_not_read_say_nothing() -> None:
    """Neither of an unknown move nor of a repeated win, beside a workflow whose markers were read."""
    others = (BORN | {"id": "e", "workflow": "v"}, put("f", race=None, workflow="v", repeats=None))
    read_one = stored("f") | {"workflow": "v"}
    lost = advance("a", "A-B", 3, None, "unknown", marker="a")
    for moves in ((lost,), (put("a"), put("b"))):
        judged = judge_all(BORN, *moves, read("r", 10, 11, "B"), *others, read_one)
        assert find(judged, "effects") is Verdict.PASS
    judged = judge_all(BORN, lost, read("r", 10, 11, "B"), *others, stored() | {"workflow": "v"})
    assert find(judged, "effects") is Verdict.FAIL, "the marker of the other workflow is missing"


def test_markers_decide() -> None:
    right = judge_all(BORN, put("a"), put("b"), stored("b"))
    assert (find(right, "one-winner"), find(right, "effects")) == (Verdict.PASS, Verdict.PASS)
    both = judge_all(BORN, put("a"), put("b"), stored("a", "b"))
    assert (find(both, "one-winner"), find(both, "effects")) == (Verdict.FAIL, Verdict.FAIL)
    assert find(judge_all(BORN, put("a"), put("b"), stored("a", "a")), "effects") is Verdict.FAIL
    assert find(judge_all(BORN, put("a"), put("b"), stored()), "effects") is Verdict.FAIL


def test_the_same_state_entered_twice_may_have_two_movers() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
    again = put("d", invoked=30, returned=31, race=None)
    back = advance("b", "B-A", 20, 21, marker="b")
    history = build_history([BORN, put("a"), back, again], stored("a", "b", "d"))
    assert judge(history, graph, only=["effects"]).verdict is Verdict.PASS


def test_a_loser_is_judged_as_ever() -> None:
    lie = judge_all(BORN, put("a"), put("b", outcome="conflict", observed="C"))
    assert find(lie, "conflict-truth") is Verdict.FAIL


def test_a_state_that_is_left_without_a_request_may_have_a_mover_for_each_visit() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"]}, [Timed("B", "A", 1e-9)])
    records = [BORN, put("a"), advance("b", "A-B", 3, None, "unknown", repeats=True, race="r", marker="b")]
    judged = judge(build_history(records, stored("a", "b")), graph)
    assert (find(judged, "one-winner"), find(judged, "effects")) == (Verdict.PASS, Verdict.PASS)


def test_two_states_that_no_request_expects_are_two() -> None:
    """Without a graph, too: a win of one is no repeated win of the other."""
    records = [BORN, put("a", race=None, invoked=3, returned=9), put("b", "A-X", race=None, invoked=4, returned=8)]
    [linearizable] = judge(build_history(records), only=["linearizable"]).checks
    assert linearizable.verdict is Verdict.FAIL
