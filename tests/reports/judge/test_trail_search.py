"""Goal: a trail and the answers are believed only where both can be true. Method: literal histories, each of which was
once judged wrongly, or stands beside one that was."""

from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import advance, build_history, create, read, trail

ABC = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
CYCLE = TransitionGraph.of("A", {"A": ["B", "C"], "B": ["A"], "C": ["A"]})
FAIL, PASS, UNKNOWN = Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN
Record = dict[str, Any]


def audit(*records: Record, graph: TransitionGraph | None = ABC) -> CheckResult:
    """What the check says; the readings of the trail are among the records."""
    operations = [record for record in records if "event" not in record]
    readings = [record for record in records if "event" in record]
    [result] = judge(build_history(operations, *readings), graph, only=["audit"]).checks
    return result


def lost(identity: str, edge: str, invoked: int) -> Record:
    return named(advance(identity, edge, invoked, None, "unknown"))


def named(record: Record) -> Record:
    return record | {"detail": f'{{"request_id":"q{record["id"]}"}}'}


CREATE = create("c", 0, 1, status=201)


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        # The state moved, and there is no row of it.
        ([lost("a", "A-B", 20), read("r", 30, 40, "B"), trail(50)], FAIL),
        ([lost("a", "A-B", 20), read("r", 30, 40, "B"), trail(50, "A-B:qa")], PASS),
        ([lost("a", "A-B", 20), read("r", 30, 40, "A"), trail(50)], PASS),
        # There is a row, and the state did not move, unless it did later than it was read.
        ([lost("a", "A-B", 20), trail(50, "A-B:qa"), read("r", 60, 70, "A")], FAIL),
        ([lost("a", "A-B", 20), trail(50, "A-B:qa"), read("r", 60, 70, "B")], PASS),
        ([lost("a", "A-B", 20), read("r", 30, 40, "A"), trail(50, "A-B:qa")], PASS),
        ([lost("a", "A-B", 20), trail(50), read("r", 60, 70, "B")], PASS),
        ([lost("a", "A-B", 20), trail(50), read("r", 40, 70, "B"), read("s", 45, 47, "B")], FAIL),
        # Two requests of one edge: the row names the one that was asked too late for what was read.
        ([lost("a", "A-B", 20), lost("b", "A-B", 45), read("r", 30, 40, "B"), trail(50, "A-B:qb")], FAIL),
        ([lost("a", "A-B", 20), lost("b", "A-B", 45), read("r", 30, 40, "B"), trail(50, "A-B:qa")], PASS),
        # Without names either may be the one.
        ([lost("a", "A-B", 20), lost("b", "A-B", 45), read("r", 30, 40, "B"), trail(50, "A-B")], PASS),
    ],
)
def test_an_unanswered_request_is_held_against_trail_and_answers(records: list[Record], verdict: Verdict) -> None:
    assert audit(CREATE, *records).verdict is verdict


def test_a_trail_only_grows() -> None:
    asked = lost("a", "A-B", 20)
    gone = audit(CREATE, asked, trail(50, "A-B:qa"), trail(60))
    assert [finding.title for finding in gone.findings] == [
        "The trail of workflow w had a row A -> B when it was read before, and has it no more."
    ]
    changed = audit(CREATE, asked, lost("b", "A-B", 20), trail(50, "A-B:qa"), trail(60, "A-B:qb"))
    assert changed.verdict is FAIL
    assert audit(CREATE, asked, trail(50), trail(60, "A-B:qa")).verdict is PASS


def test_readings_under_way_at_once_may_have_been_at_any_moment_of_it() -> None:
    asked = lost("a", "A-B", 20)
    assert audit(CREATE, asked, trail(50, "A-B:qa", returned_ns=70), trail(60, returned_ns=65)).verdict is PASS
    assert audit(CREATE, asked, trail(50, "A-B:qa", returned_ns=59), trail(60, returned_ns=65)).verdict is FAIL


def test_a_transition_during_the_reading_may_have_a_row_or_not() -> None:
    won = named(advance("a", "A-B", 52, 58))
    for rows in ((), ("A-B:qa",)):
        assert audit(CREATE, won, trail(50, *rows, returned_ns=60)).verdict is PASS
    assert audit(CREATE, won, trail(50, "A-B:qa")).verdict is FAIL  # a moment before it was asked
    assert audit(CREATE, won, trail(50, returned_ns=51)).verdict is PASS


def test_rows_stand_in_an_order_that_can_have_been() -> None:
    edges = ("A-B", "B-A", "A-C", "C-A")
    won = [named(advance(str(number), edge, 10 * number + 10, 10 * number + 15)) for number, edge in enumerate(edges)]
    right = [f"{edge}:q{number}" for number, edge in enumerate(edges)]
    assert audit(CREATE, *won, trail(90, *right), graph=CYCLE).verdict is PASS
    turned = audit(CREATE, *won, trail(90, *right[2:], *right[:2]), graph=CYCLE)
    assert [finding.title for finding in turned.findings] == [
        "The trail of workflow w has the row of 3 before that of 0."
    ]
    # Two that were under way at once may stand in either order.
    both = [named(advance("a", "A-B", 10, 40)), named(advance("b", "B-A", 20, 30)), named(advance("d", "A-C", 5, 45))]
    for rows in (("A-B:qa", "B-A:qb", "A-C:qd"), ("A-C:qd",)):
        expected = PASS if len(rows) == 3 else FAIL
        assert audit(CREATE, *both, trail(90, *rows), graph=CYCLE).verdict is expected


def test_what_happened_before_the_history_may_stand_first() -> None:
    won = named(advance("a", "B-C", 10, 20))
    for seen in ([], [read("r", 1, 2, "B")]):
        assert audit(*seen, won, trail(30, "A-B:old", "B-C:qa")).verdict is PASS
        assert audit(*seen, won, trail(30, "A-B:old")).verdict is FAIL
        assert audit(*seen, won, trail(30, "B-C:qa", "C-A:odd"), graph=None).verdict is FAIL
    # A workflow that was named to us, and had come back to where it began.
    cycle = named(advance("a", "A-B", 10, 20))
    given = create("c", 0, 1)
    rows = ("A-B:old", "B-A:old2", "A-B:qa")
    assert audit(given, cycle, trail(30, *rows), graph=CYCLE).verdict is PASS
    assert audit(CREATE, cycle, trail(30, *rows), graph=CYCLE).verdict is FAIL  # this one was made by a request
    assert audit(given, cycle, trail(30, "A-C:old", "A-B:qa"), graph=CYCLE).verdict is FAIL


def test_the_finding_tells_the_operations_that_contradict_each_other() -> None:
    [finding] = audit(CREATE, lost("a", "A-B", 20), read("r", 30, 40, "B"), trail(50)).findings
    assert finding.title == "The trail of workflow w with no row, in the state A, contradicts what was answered."
    assert finding.operations == ("r",)


@pytest.mark.parametrize("ends", [(6, 7, 8, 9), (8, 9, 6, 7)])
def test_the_order_of_the_rows_is_that_of_the_answers(ends: tuple[int, ...]) -> None:
    """Two rounds through a cycle at once: what was read says which came first, whichever order is tried first."""
    edges = ("A-B", "B-A", "A-C", "C-A")
    rounds = [
        advance(edge, edge, 2 + number, 4 + end) for number, (edge, end) in enumerate(zip(edges, ends, strict=True))
    ]
    seen = [read("r", 6, 6, "C"), read("s", 7, 7, "B")]
    assert audit(CREATE, *rounds, trail(20, *edges), graph=CYCLE).verdict is PASS
    assert audit(CREATE, *rounds, *seen, trail(20, *edges[2:], *edges[:2]), graph=CYCLE).verdict is PASS
    assert audit(CREATE, *rounds, *seen, trail(20, *edges), graph=CYCLE).verdict is FAIL


def test_a_trail_is_one_sequence() -> None:
    """Without request ids: each row has a win of its edge, and each win a row; but not in this order, or not so few."""
    edges = ("A-C", "C-A", "A-B", "B-A")
    won = [advance(edge, edge, 10 * number + 10, 10 * number + 15) for number, edge in enumerate(edges)]
    assert audit(CREATE, *won, trail(90, *edges), graph=CYCLE).verdict is PASS
    [finding] = audit(CREATE, *won, trail(90, *edges[2:], *edges[:2]), graph=CYCLE).findings
    assert finding.title == "The trail of workflow w has a row A -> B where it cannot stand, as row 1."
    assert finding.operations == ("A-C", "A-B")
    # It went A, B, A, B, A: the lost request led back between the two wins, since the third came after both.
    twice = [
        advance("a", "A-B", 10, 15),
        lost("u", "B-A", 16),
        advance("b", "A-B", 20, 25),
        advance("d", "B-A", 30, 35),
    ]
    rows = ("A-B", "B-A", "A-B", "B-A")
    assert audit(CREATE, *twice, trail(90, *rows), graph=CYCLE).verdict is PASS
    [finding] = audit(CREATE, *twice, trail(90, *rows[:3]), graph=CYCLE).findings
    assert (
        finding.title
        == "The trail of workflow w had 3 rows when it was read, and no order of the requests leads to that."
    )
    assert finding.operations == ("a", "b", "d")


def test_every_pair_of_readings_counts() -> None:
    either = [lost("a", "A-B", 20), lost("b", "A-C", 20)]
    between = trail(54, returned_ns=70)
    for first, last in (("A-B", "A-C"), ("A-B:qa", "A-C:qb")):
        readings = [trail(50, first, returned_ns=55), between, trail(69, last, returned_ns=75)]
        assert audit(CREATE, *either, *readings, graph=CYCLE).verdict is FAIL
    gone = [trail(50, "A-B", returned_ns=55), between, trail(69, returned_ns=75)]
    assert audit(CREATE, *either, *gone, graph=CYCLE).verdict is FAIL
    assert audit(CREATE, *either, *gone[:2], graph=CYCLE).verdict is PASS
    # An id that one reading does not tell says nothing, but a third one may tell another.
    ids = [trail(50, "A-B:qa"), trail(60, "A-B"), trail(70, "A-B:qb")]
    both = [lost("a", "A-B", 20), lost("b", "A-B", 20)]
    assert audit(CREATE, *both, *ids[:2]).verdict is PASS
    assert audit(CREATE, *both, *ids).verdict is FAIL
    won = advance("a", "A-B", 10, 20)
    assert audit(CREATE, won, *ids[:2]).verdict is PASS
    assert audit(CREATE, won, *ids[::2]).verdict is FAIL


def test_clocks_that_differ_widen_readings_too() -> None:
    won = advance("a", "A-B", 4000, 5000)
    for wide, read_ns, verdict in ((0, 6500, FAIL), (700, 6500, FAIL), (750, 6500, PASS), (1000, 6500, PASS)):
        header = {"event": "header", "clock_uncertainty_ns": wide}
        [result] = judge(build_history([CREATE, won], header, trail(read_ns)), ABC, only=["audit"]).checks
        assert result.verdict is verdict
    early = trail(3500, "A-B")  # a row before the request
    for wide, verdict in ((0, FAIL), (249, FAIL), (250, PASS)):
        header = {"event": "header", "clock_uncertainty_ns": wide}
        [result] = judge(build_history([CREATE, won], header, early), ABC, only=["audit"]).checks
        assert result.verdict is verdict


def test_a_row_that_names_an_operation_is_of_no_other() -> None:
    """A loser's id, or that of another request, in the row of a win that tells no id."""
    won, loser = advance("a", "A-B", 10, 20), named(advance("b", "A-B", 12, 22, "conflict", observed="B"))
    assert audit(CREATE, won, loser, trail(50, "A-B:made-by-the-engine")).verdict is PASS
    assert audit(CREATE, won, loser, trail(50, "A-B:qb")).verdict is FAIL
    assert audit(named(won), trail(50, "A-B:qa", "A-B:qa"), graph=None).verdict is FAIL
    older = [named(advance("a", "A-B", 10, 20)), named(advance("d", "B-A", 30, 40))]
    assert audit(*older, trail(50, "C-A:old", "A-B:qa", "B-A:qd"), graph=CYCLE).verdict is PASS
    # What happened before the history is of no operation in it.
    assert audit(*older, trail(50, "B-A:qd", "A-B:qa", "B-A"), graph=CYCLE).verdict is FAIL


def test_a_contradiction_in_the_answers_alone_is_not_held_against_the_trail() -> None:
    won = advance("a", "A-B", 10, 20)
    stale = read("r", 30, 40, "A")
    assert audit(CREATE, won, stale, trail(50, "A-B")).verdict is PASS
    assert audit(CREATE, won, stale, trail(50)).verdict is FAIL
    # Two winners after the trail was read, of which it says nothing.
    after = [advance("b", "B-C", 60, 70), advance("d", "B-C", 62, 70)]
    assert audit(CREATE, won, *after, trail(50, "A-B")).verdict is PASS


def test_what_takes_too_long_is_unknown() -> None:
    """600 transitions, twenty of them lost; two rows less than the wins force. Nothing but the search can tell."""
    edges = ["A-B", "B-A"] * 300
    asked = [
        lost(str(number), edge, 10 * number + 10)
        if number % 60 in (0, 31)
        else advance(str(number), edge, 10 * number + 10, 10 * number + 15)
        for number, edge in enumerate(edges)
    ]
    history = build_history([CREATE, *asked], trail(10**6, *edges[:-2]))
    for workflow_s, verdict in ((-1.0, UNKNOWN), (60.0, FAIL)):
        limits = Limits(workflow_s=workflow_s, explain_s=0.0)
        [result] = judge(history, CYCLE, only=["audit"], limits=limits).checks
        assert result.verdict is verdict
    [result] = judge(build_history([CREATE, *asked], trail(10**6, *edges)), CYCLE, only=["audit"]).checks
    assert result.verdict is PASS


def test_a_conflict_is_not_called_untrue_where_the_trail_has_the_row_that_it_is_due_to() -> None:
    """A loser that was carried out all the same: the trail has its row, and others were rightly told of it."""
    won, carried_out = named(advance("a", "A-B", 10, 20)), named(advance("b", "A-C", 10, 20, "conflict", observed="B"))
    told = named(advance("d", "A-B", 30, 40, "conflict", observed="C"))
    for rows, verdict in ((("A-B:qa",), FAIL), (("A-B:qa", "B-C:qb"), PASS)):
        history = build_history([CREATE, won, carried_out, told], trail(50, *rows))
        truth, trails = judge(history, ABC, only=["conflict-truth", "audit"]).checks
        assert truth.verdict is verdict
        assert (trails.verdict is FAIL) == (verdict is PASS)


def ask(identity: str, outcome: str, **more: Any) -> Record:
    return named(advance(identity, "A-B", 20, 30, outcome, **more))


@pytest.mark.parametrize(
    ("records", "row", "verdict"),
    [
        # A key of its own says nothing of another request's row.
        ([ask("a", "won", key="k"), ask("b", "conflict", key="l")], "qa", PASS),
        ([ask("a", "won", key="k"), ask("b", "conflict", key="l")], "qb", FAIL),
        ([ask("a", "won", key="k"), ask("b", "refused", key="l")], "qb", FAIL),
        ([ask("a", "won", key="k"), ask("b", "conflict")], "qb", FAIL),
        ([ask("a", "won"), ask("b", "conflict", key="l")], "qb", FAIL),
        ([ask("a", "won", key="k"), ask("b", "conflict", key="k", tenant="other")], "qb", FAIL),
        # Each request with one key may be the one that was carried out.
        ([ask("a", "won", key="k"), ask("b", "won", key="k")], "qb", PASS),
        ([ask("a", "won", key="k"), ask("b", "busy", key="k"), ask("d", "conflict")], "qb", PASS),
        ([ask("a", "won", key="k"), ask("b", "won", key="k"), ask("d", "conflict")], "qd", FAIL),
        # An id that no request of the workflow tells is of one that tells none.
        ([ask("a", "won", key="k"), ask("b", "won", key="k")], "other", FAIL),
        ([ask("a", "won", key="k"), advance("b", "A-B", 20, 30, key="k")], "other", PASS),
        ([ask("a", "won", key="k"), advance("b", "A-B", 20, 30, key="k"), ask("d", "conflict")], "qd", FAIL),
    ],
)
def test_a_row_names_a_request_with_the_key_of_its_transition(
    records: list[Record], row: str, verdict: Verdict
) -> None:
    assert audit(CREATE, *records, trail(50, f"A-B:{row}")).verdict is verdict


def test_an_empty_request_id_is_an_id() -> None:
    won, lost_it = ask("a", "won"), advance("b", "A-B", 20, 30, "conflict") | {"detail": '{"request_id":""}'}
    empty = trail(50, "A-B")
    empty["entries"][0]["request_id"] = ""
    assert audit(CREATE, won, empty).verdict is FAIL
    assert audit(CREATE, won, lost_it, empty).verdict is FAIL
    assert audit(CREATE, won | {"detail": '{"request_id":""}'}, empty).verdict is PASS
    assert audit(CREATE, lost_it, advance("a", "A-B", 20, 30), empty).verdict is FAIL
