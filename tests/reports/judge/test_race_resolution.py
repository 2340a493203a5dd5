"""Goal: a race is called lost or won twice only when nothing else can explain it. Method: literal races."""

from typing import Any

import pytest

from engine.target.graph import Timed, TransitionGraph
from reports.judge.checks.conflict_count import check_conflict_count
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.race_resolution import resolve_races
from reports.judge.verdict import Verdict
from tests.reports.building import advance, build, build_evidence, build_history, create, override, read, trail

AB = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
CYCLE = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
UNDECIDED = None


def settle(*records: dict[str, Any], graph: TransitionGraph | None = AB) -> list[int | None]:
    """How many winners each unclear race is found to have."""
    case = CheckContext(build_evidence([create("c", 0, 1), *records], graph=graph))
    return [settled.winners for _, settled in resolve_races(case)]


def win(identity: str, **more: Any) -> dict[str, Any]:
    return advance(identity, "A-B", 2, 5, race="r", **more)


def lose(identity: str, told: str | None = "B", **more: Any) -> dict[str, Any]:
    return advance(identity, "A-B", 3, 6, "conflict", race="r", observed=told, **more)


def lost(identity: str) -> dict[str, Any]:
    return advance(identity, "A-B", 2, None, "unknown", race="r")


def test_a_plain_race_is_clear() -> None:
    assert settle(win("a"), lose("b"), lost("u")) == []


def test_two_winners_and_none() -> None:
    assert settle(win("a"), win("b")) == [2]
    assert settle(lose("a", None), lose("b", None)) == [0]


@pytest.mark.parametrize(
    ("before", "told", "winners"),
    [
        ([], "A", UNDECIDED),
        ([advance("w", "A-B", 2, 3)], "A", 1),
        ([advance("w", "A-B", 2, 3)], None, UNDECIDED),
        ([advance("w", "A-B", 2, None, "unknown")], "A", UNDECIDED),
    ],
    ids=["it began there", "it had left", "a loser that tells nothing", "it may have left"],
)
def test_an_answer_that_tells_the_first_state_shows_a_winner_only_if_the_workflow_had_left_it(
    before: list[dict[str, Any]], told: str | None, winners: int | None
) -> None:
    lost = advance("u", "B-A", 5, None, "unknown", race="r")
    lose = advance("l", "B-A", 5, 6, "conflict", race="r", observed=told)
    assert settle(*before, lost, lose, graph=CYCLE) == [winners]


@pytest.mark.parametrize(
    ("rows", "hint"),
    [
        (["A-B"], "has one row for their move"),
        (["A-B", "A-B"], "has 2 rows for their move"),
        (["A-B", "A-B", "A-B"], ""),  # each of them made it
        (["B-C"], ""),
        (None, ""),
    ],
)
def test_winners_with_fewer_rows_may_repeat_a_win(rows: list[str] | None, hint: str) -> None:
    shown = [] if rows is None else [trail(9, *rows)]
    history = build_history([create("c", 0, 1), win("a"), win("b"), win("d")], *shown)
    [result] = judge(history, only=["one-winner"]).checks
    assert result.verdict is Verdict.FAIL
    words = result.findings[0].words
    assert ("repeats = true" in words) == bool(hint)
    assert hint in words


@pytest.mark.parametrize(
    ("evidence", "winners"),
    [
        ([lose("b")], 1),  # the loser was told the state to which only the lost request leads
        ([lose("b", None)], UNDECIDED),
        ([lose("b", None), read("r", 8, 9, "B")], 1),
        ([lose("b", None), advance("n", "B-C", 8, 9)], 1),
        ([lose("b", None), read("r", 8, 9, "A")], 0),
        ([read("r", 8, 9, "A")], UNDECIDED),  # no contender was answered, so no answer is wrong
        ([lose("b", None), read("r", 4, 9, "A")], UNDECIDED),  # asked before the answer had come
    ],
)
def test_a_lost_request_is_settled_by_what_was_seen_later(evidence: list[dict[str, Any]], winners: int | None) -> None:
    assert settle(lost("a"), *evidence) == [winners]


def test_a_request_that_leads_back_to_the_initial_state_is_settled_too() -> None:
    """The create led there as well, but long before."""
    first, gone = advance("n", "A-B", 2, 3), advance("u", "B-A", 5, None, "unknown", race="r")
    loser = advance("l", "B-A", 5, 8, "conflict", race="r")
    assert settle(first, gone, loser, read("s", 10, 11, "A"), graph=CYCLE) == [1]
    assert settle(first, gone, loser, read("s", 10, 11, "B"), graph=CYCLE) == [0]
    unheard = [first, gone, advance("v", "B-A", 5, None, "unknown", race="r")]
    assert settle(*unheard, graph=CYCLE) == [UNDECIDED]
    history = build_history([create("c", 0, 1, status=201), *unheard], trail(70, "A-B", "B-A"))
    assert [settled.winners for _, settled in resolve_races(CheckContext(Evidence(history, graph=CYCLE)))] == [1]
    twice = [first, advance("m", "B-A", 4, 5), advance("o", "A-B", 6, 7)]
    late = [advance(name, "B-A", 8, None, "unknown", race="r") for name in "uv"]
    assert settle(*twice, *late, read("s", 10, 11, "A"), graph=CYCLE) == [1]


def test_where_the_workflow_may_not_exist_all_may_be_refused() -> None:
    lost_create = create("c", 0, None, None, outcome="unknown")
    refused = [advance(name, "A-B", 2, 5, "refused", race="r") for name in "ab"]
    for more, winners in (([], UNDECIDED), ([read("s", 0, 1, "A")], 0)):
        case = CheckContext(build_evidence([lost_create, *more, *refused], graph=AB))
        assert [settled.winners for _, settled in resolve_races(case)] == [winners]
    assert settle(*refused) == [0]


def busy(identity: str, **more: Any) -> dict[str, Any]:
    return advance(identity, "A-B", 3, 6, "busy", race="r", **more)


@pytest.mark.parametrize(
    ("evidence", "winners"),
    [
        ([], 0),
        ([lose("l", None)], 0),
        ([advance("n", "A-B", 7, 8)], 1),
        ([lose("l", None), advance("n", "A|C-B", 7, 8)], 1),
        ([advance("m", "A-B", 7, 8, "busy"), advance("n", "A-B", 9, 10)], 1),  # busy again, then it won
        ([advance("n", "A-B", 6, 8)], UNDECIDED),  # asked before the answer: it may have won the race
        ([advance("n", "A-B", 7, 8, race="later")], 0),
        ([advance("n", "A-C", 7, 8)], 0),
        ([override("s", "A", 7, 8), advance("n", "A-B", 9, 10)], 0),  # another win came first
        ([lost("u"), advance("n", "A-B", 7, 8)], 1),
        ([advance("n", "A-B", 7, None, "unknown")], UNDECIDED),
        ([advance("n", "A-B", 7, None, "unknown"), read("r", 10, 11, "B")], 1),
        ([advance("n", "A-C", 7, None, "unknown"), read("r", 10, 11, "C")], 0),
        ([override("s", "D", 7, 8), advance("n", "A-B", 9, None, "unknown")], 0),
    ],
)
def test_contenders_that_were_busy_must_win_when_asked_again(evidence: list[dict[str, Any]], winners: Any) -> None:
    assert settle(busy("a"), busy("b"), *evidence, graph=None) == [winners]


def refuse(identity: str) -> dict[str, Any]:
    return advance(identity, "A-B", 3, 6, "refused", race="r")


@pytest.mark.parametrize(("answered", "winners"), [(lose("a", None), 0), (busy("a"), None), (refuse("a"), None)])
def test_an_unknown_contender_may_win_after_a_read_unless_another_one_lost(
    answered: dict[str, Any], winners: int | None
) -> None:
    assert settle(answered, lost("u"), read("r", 10, 11, "A")) == [winners]


@pytest.mark.parametrize(
    ("edges", "winners"),
    [
        (("A-B", "A-B"), [2]),
        (("A-B", "B-A"), [UNDECIDED]),  # the one may win after the other
        (("A-B", "A|B-C"), [UNDECIDED]),
        (("A-A", "A-A"), [UNDECIDED]),
        (("A-B", "C-D"), [UNDECIDED]),  # no state that both expect
    ],
)
def test_requests_of_which_several_may_win_are_no_race(edges: tuple[str, str], winners: list[int | None]) -> None:
    contenders = [advance(f"n{number}", edge, 2, 5, race="r") for number, edge in enumerate(edges)]
    assert settle(*contenders, graph=None) == winners


def test_requests_of_one_key_are_one_contender_and_takes_are_none() -> None:
    same = {"key": "k", "payload": "p"}
    assert settle(win("a", **same), win("b", **same)) == []
    assert settle(win("a", **same), win("b", key="other", payload="p")) == [2]
    take = {"outcome": "won", "race": "r"}
    assert settle(*(build(name, "take", 2, 5, dict(take)) for name in "ab")) == []


def keyed(record: dict[str, Any], key: str = "k") -> dict[str, Any]:
    return record | {"key": key, "payload": key}


def again(outcome: str = "won", invoked: int = 7, key: str = "k", **more: Any) -> dict[str, Any]:
    """A request that is sent again with its key, outside of the race."""
    return keyed(advance(f"again-{key}", "A-B", invoked, invoked + 1, outcome, **more), key)


def judge_race(*records: dict[str, Any]) -> tuple[Verdict | None, int, list[str]]:
    """The verdict of `one-winner`, how many races it judged, and the titles of its findings."""
    (found,) = judge(build_history([create("c", 0, 1), *records]), AB, only=["one-winner"]).checks
    return found.verdict, found.judged, [finding.title for finding in found.findings]


def test_a_contender_that_is_sent_again_outside_of_its_race_contends_in_it() -> None:
    """Its answer there tells what became of it in the race."""
    first = keyed(lost("a"))
    assert judge_race(first, lose("b"), again())[:2] == (Verdict.PASS, 1)
    assert judge_race(first, busy("b"), again())[:2] == (Verdict.PASS, 1)
    assert judge_race(first, win("b"), again("conflict", observed="B"))[:2] == (Verdict.PASS, 1)
    assert judge_race(keyed(win("a")), lose("b"), again(invoked=2))[:2] == (Verdict.PASS, 1)
    others = (keyed(lost("b"), "l"), again("conflict", key="l", observed="B"))
    assert judge_race(first, again(), *others)[:2] == (Verdict.PASS, 1)
    verdict, _, titles = judge_race(first, win("b"), again())
    assert verdict is Verdict.FAIL
    assert titles == ["Request b (client p) and request again-k (client p) both moved workflow w from A to B."]


def test_a_request_that_repeats_an_earlier_answer_contends_in_no_race() -> None:
    """It was carried out before the race; then the state came back, and another request won the race."""
    before = keyed(advance("z", "A-B", 2, 3))
    back = override("s", "A", 4, 5)
    repeat = keyed(advance("a", "A-B", 10, 12, race="r"))
    assert judge_race(before, back, repeat, advance("b", "A-B", 10, 12, race="r"))[:2] == (Verdict.PASS, 1)


ALONE = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]}, [Timed("B", "A", 1e-9), Timed("A", "C", 1e-9)])


def test_a_move_without_a_request_may_come_in_between() -> None:
    # It leads away before a client that was told busy asks again.
    again = advance("n", "A-B", 7, 8, "conflict", observed="C")
    assert settle(busy("a"), busy("b"), again, graph=ALONE) == [UNDECIDED]
    # It leads back without a row, and a contender that was not answered enters the second visit.
    unknown = named(lost("u"))
    rows = trail(40, "A-B:qa", "A-B:qu")
    assert settle_with([named(win("a")), unknown], rows, graph=ALONE) == [1]


def test_what_comes_from_outside_of_the_race_may_explain_it() -> None:
    """An override in between may take the state away from all, or bring it back for a second winner."""
    away = override("s", "C", 1, 4, "unknown")
    assert settle(lose("a", None), lose("b", None), away) == [UNDECIDED]
    back = override("s", "A", 3, 4)
    assert settle(win("a"), win("b"), back) == [UNDECIDED]
    assert settle(win("a"), win("b"), override("s", "A", 7, 8)) == [2]


def test_a_cycle_may_bring_the_state_back() -> None:
    again = advance("s", "B-A", 3, 4)
    assert settle(win("a"), win("b"), again, graph=CYCLE) == [UNDECIDED]
    # The way back starts where only the lost request leads.
    assert settle(lost("a"), lose("b", None), read("r", 8, 9, "A"), again, graph=CYCLE) == [1]


def named(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"detail": f'{{"request_id":"q{record["id"]}"}}'}


def settle_with(
    records: list[dict[str, Any]], *readings: dict[str, Any], graph: TransitionGraph = CYCLE, **more: Any
) -> list[int | None]:
    """The same with readings of the trail."""
    case = CheckContext(Evidence(build_history([create("c", 0, 1), *records], *readings), graph=graph, **more))
    return [settled.winners for _, settled in resolve_races(case)]


@pytest.mark.parametrize("expected", ["A|F", "F|A"])
def test_a_state_may_be_any_of_those_that_a_contender_expected(expected: str) -> None:
    """In between somebody led to the other state of the list: the second winner won out of that one."""
    graph = TransitionGraph.of("A", {"A": ["R"], "R": ["F"], "F": ["R"]})
    first, late = (advance(name, f"{expected}-R", 10, end, race="r") for name, end in (("a", 20), ("b", 60)))
    assert settle(first, late, advance("f", "R-F", 30, 40), graph=graph) == [UNDECIDED]
    assert settle(first, late, graph=graph) == [2]


def test_lost_requests_that_the_trail_names_may_have_won_one_visit_each() -> None:
    both = [named(lost("a")), named(lost("b")), named(lose("l"))]
    rows = ("A-B:qa", "B-A:qn", "A-B:qb")
    back = named(advance("n", "B-A", 30, 40))
    assert settle_with([*both, back], trail(70, *rows)) == [1]
    assert settle_with([named(win("a")), *both[1:], back], trail(70, *rows)) == [1]
    assert settle_with([named(win("a")), *both[1:]], trail(70, "A-B:qa", "A-B:qb")) == [2]


def test_the_row_of_a_contender_may_name_another_request_with_its_key() -> None:
    """The winner is one request with one key, sent twice; the row has the id of the other sending."""
    keyed = [named(win(name)) | {"key": "k", "payload": "p"} for name in ("a", "d")]
    back = named(advance("n", "B-A", 30, 40))
    for told in ("qa", "qd"):
        rows = (f"A-B:{told}", "B-A:qn", "A-B:qb")
        assert settle_with([*keyed, named(lost("b")), back], trail(70, *rows)) == [1]
        assert settle_with([*keyed, named(lost("b"))], trail(70, *rows[::2])) == [2]


def test_a_row_without_a_known_id_may_be_of_the_contender_that_tells_none() -> None:
    rows = ("A-B:made-by-the-engine", "B-A:qn", "A-B:qb")
    back = named(advance("n", "B-A", 30, 40))
    assert settle_with([win("a"), named(lost("b")), back], trail(70, *rows)) == [1]
    assert settle_with([win("a"), named(lost("b"))], trail(70, *rows[::2])) == [2]


def test_the_row_that_led_to_the_race_does_not_lead_back_to_it() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
    first = named(advance("s", "A-B", 2, 3))
    contenders = [named(advance("w", "B-C", 5, 9, race="r")), named(advance("u", "B-C", 5, None, "unknown", race="r"))]
    assert settle_with([first, *contenders], trail(70, "A-B:qs", "B-C:qw", "B-C:qu"), graph=graph) == [2]


def test_the_last_reading_is_the_one_that_was_read_last() -> None:
    contenders = [named(win("a")), named(lost("b")), named(advance("n", "B-A", 30, 40))]
    last, early = trail(70, "A-B:qa", "B-A:qn", "A-B:qb"), trail(25, "A-B:qa")
    assert settle_with(contenders, last, early) == settle_with(contenders, early, last) == [1]


def test_a_winner_after_the_trail_was_read_may_have_won_a_later_visit() -> None:
    contenders = [named(lost("a")), named(advance("b", "A-B", 9, 12, race="r"))]
    back = named(advance("n", "B-A", 3, None, "unknown"))
    assert settle_with([*contenders, back], trail(8, "A-B:qa")) == [UNDECIDED]
    assert settle_with(contenders, trail(8, "A-B:qa")) == [2]
    assert settle_with([*contenders, back], trail(20, "A-B:qa", "A-B:qb")) == [2]


def test_an_id_of_two_requests_names_neither() -> None:
    contenders = [named(win("a")), lost("b") | {"detail": '{"request_id":"qa"}'}]
    assert settle_with(contenders, trail(70, "A-B:qa")) == []


def test_of_readings_at_one_time_the_longest_counts() -> None:
    contenders = [named(win("a")), named(lost("b")), named(advance("n", "B-A", 3, 9))]
    longest, begun_later = trail(6, "A-B:qa", "B-A:qn", "A-B:qb", returned_ns=9), trail(7, "A-B:qa", returned_ns=8)
    assert settle_with(contenders, longest, begun_later) == settle_with(contenders, begun_later, longest) == [1]


def test_a_row_that_may_be_older_than_the_history_shows_nothing() -> None:
    records = [lost("a"), lose("b", None)]
    for first, expected in ((create("c", 0, 1, status=201), 1), (create("c", 0, 1), UNDECIDED)):
        history = build_history([first, *records], trail(70, "A-B"))
        [(_, settled)] = resolve_races(CheckContext(Evidence(history, graph=CYCLE)))
        assert settled.winners == expected


def test_an_order_that_was_not_found_in_time_is_not_known_to_be_none() -> None:
    back = override("s", "A", 3, 4)
    assert settle_with([win("a"), win("b"), back], limits=Limits(linearizable_s=-1)) == [UNDECIDED]
    assert settle_with([win("a"), win("b")], limits=Limits(linearizable_s=-1)) == [2]


@pytest.mark.parametrize(("written", "winners"), [(True, None), (False, 0)])
def test_a_race_of_stale_contenders_fails_unless_a_write_may_have_come_first(
    *, written: bool, winners: int | None
) -> None:
    told = read("r", 1, 2, "A", token_told="v1")
    lost = [advance(f"l{n}", "A-B", 5, 9, "stale", race="1", token_carried="v1") for n in range(3)]
    write = [build("n", "write", 4, 8, {"outcome": "ok"})] if written else []
    context = CheckContext(build_evidence([create("c", 0, 0), told, *write, *lost]))
    [(race, resolved)] = resolve_races(context)
    assert (race.stale, resolved.winners) == (3, winners)
    assert check_conflict_count(context).verdict is Verdict.PASS
