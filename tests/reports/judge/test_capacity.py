"""The check `capacity`: of N takes with K units left exactly min(N, K) win."""

from typing import Any

import pytest

from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.limits import Limits
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, build, build_history, create


def take(identity: str, invoked: int, returned: int | None, outcome: str = "won", **more: Any) -> Record:
    return build(identity, "take", invoked, returned, {"outcome": outcome} | more)


def give_back(identity: str, invoked: int, returned: int | None, outcome: str = "won", **more: Any) -> Record:
    return build(identity, "give_back", invoked, returned, {"outcome": outcome} | more)


def left(identity: str, invoked: int, returned: int, number: int) -> Record:
    return build(identity, "read", invoked, returned, {"outcome": "ok", "left": number})


def voucher(units: int) -> Record:
    return create("c", 0, 1, None, left=units)


def check(*records: Record) -> CheckResult:
    judgement = judge(build_history(records), only=["capacity"])
    return judgement.checks[0]


def test_as_many_as_there_are_may_win() -> None:
    found = check(voucher(2), take("a", 2, 5), take("b", 2, 5), take("d", 2, 5, "conflict"), left("r", 6, 7, 0))
    assert (found.verdict, found.judged, found.unit) == (Verdict.PASS, 3, "takes")


def test_one_more_than_there_are_fails() -> None:
    found = check(voucher(2), take("a", 2, 5), take("b", 2, 5), take("d", 2, 5))
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].title == "3 requests won a unit of w, which had 2 units."
    assert set(found.findings[0].operations) == {"a", "b", "d"}


@pytest.mark.parametrize("outcome", ["conflict", "unknown"])
def test_a_create_that_made_nothing_tells_no_number_of_units(outcome: str) -> None:
    again = build("x", "create", 6, 7, {"outcome": outcome, "left": 1})
    right = (voucher(2), take("a", 2, 3), again, take("b", 8, 9), take("d", 10, 11, "conflict"))
    assert check(*right).verdict is Verdict.PASS
    assert check(*right, take("e", 12, 13)).verdict is Verdict.FAIL
    short = create("c", 0, 1, None, left=1, returns_after_ns=5)
    assert check(short, take("a", 2, 3), again, take("b", 8, 9)).verdict is Verdict.PASS


def test_a_refusal_with_units_left_fails() -> None:
    found = check(voucher(2), take("a", 2, 5), take("d", 2, 5, "conflict"), take("b", 6, 7))
    assert found.verdict is Verdict.FAIL
    assert "got no unit of w while 1 of 2 were left" in found.findings[0].title
    assert found.findings[0].operations[0] == "d"


def test_units_that_may_have_come_back_by_themselves_are_named_as_a_reason() -> None:
    """Only where a take began after the answer to another one, or where more are left than can be."""
    hint = "If units come back by themselves"
    for later, is_told in ((take("b", 2, 6, unit="u"), False), (take("b", 6, 7, unit="u"), True)):
        found = check(create("c", 0, 1, None), take("a", 2, 5, unit="u"), later)
        assert (found.verdict, hint in found.findings[0].words) == (Verdict.FAIL, is_told)
    for later, is_told in ((take("b", 2, 6), False), (take("b", 6, 7), True)):
        found = check(voucher(1), take("a", 2, 5), later)
        assert (found.verdict, hint in found.findings[0].words) == (Verdict.FAIL, is_told)
    for number, is_told in ((2, True), (0, False)):
        found = check(voucher(2), take("a", 2, 3), left("r", 4, 5, number))
        assert (found.verdict, hint in found.findings[0].words) == (Verdict.FAIL, is_told)


def test_an_unknown_take_may_have_had_the_last_unit() -> None:
    assert check(voucher(1), take("u", 2, None, "unknown"), take("d", 3, 5, "conflict")).verdict is Verdict.PASS
    assert check(voucher(1), take("u", 6, None, "unknown"), take("d", 3, 5, "conflict")).verdict is Verdict.FAIL


def test_a_give_back_that_is_sent_again_counts_once() -> None:
    """Whether the service says yes again or refuses it; a second unit that appears is one too many."""
    one = (voucher(2), take("a", 2, 3), take("b", 4, 5), give_back("g", 6, 9, key="k"))
    again = give_back("h", 6, 9, key="k")
    assert check(*one, again, take("d", 10, 11), take("e", 12, 13, "conflict")).verdict is Verdict.PASS
    refused = give_back("h", 6, 9, "refused", key="k")
    assert check(*one, refused, take("d", 10, 11), take("e", 12, 13, "conflict")).verdict is Verdict.PASS
    found = check(*one, again, take("d", 10, 11), take("e", 12, 13))
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].title == "A unit of w was given back twice: request h (client p) gave it back once more."
    shown = "It shows in the answer to request d (client p) (won) and request e (client p) (won)."
    assert shown in found.findings[0].words
    seen = check(*one, again, left("r", 10, 11, 2)).findings[0].words
    assert "It shows in the answer to request r (client p) (2 left)." in seen
    assert check(*one, again, left("r", 10, 11, 2)).verdict is Verdict.FAIL


@pytest.mark.parametrize("outcome", ["conflict", "stale"])
def test_a_give_back_without_an_answer_may_be_why_it_is_given_back_already(outcome: str) -> None:
    """Sent again with its key it is told that it comes too late."""
    for unit in (None, "7"):
        lost = give_back("g", 4, None, "unknown", key="k", unit=unit)
        once = (voucher(1), take("a", 2, 3, unit=unit), lost, give_back("h", 6, 7, outcome, key="k", unit=unit))
        assert check(*once, take("d", 8, 9, unit=unit)).verdict is Verdict.PASS
        assert check(*once, left("r", 8, 9, 1)).verdict is Verdict.PASS
        assert check(*once, take("d", 8, 9, unit=unit), take("e", 10, 11, unit=unit)).verdict is Verdict.FAIL


def test_two_give_backs_give_two_units_back() -> None:
    one = (voucher(2), take("a", 2, 3), take("b", 4, 5), give_back("g", 6, 9, key="k"), give_back("h", 6, 9, key="l"))
    assert check(*one, take("d", 10, 11), take("e", 12, 13)).verdict is Verdict.PASS


def test_one_of_two_unknown_give_backs_may_have_been_carried_out() -> None:
    one = (voucher(1), take("a", 2, 3), *(give_back(name, 4, None, "unknown", key="k") for name in "gh"))
    assert check(*one, take("d", 5, 6)).verdict is Verdict.PASS
    assert check(*one, take("d", 5, 6), take("e", 7, 8)).verdict is Verdict.FAIL


def test_a_named_unit_that_is_given_back_again_is_free_once() -> None:
    one = (voucher(1), take("a", 2, 3, unit="7"), *(give_back(name, 4, 5, key="k", unit="7") for name in "gh"))
    assert check(*one, take("d", 6, 7, unit="7")).verdict is Verdict.PASS
    assert check(*one, take("d", 6, 7, unit="7"), take("e", 8, 9, unit="7")).verdict is Verdict.FAIL


def test_a_named_unit_that_was_taken_again_may_be_given_back_again() -> None:
    """A service that knows units by their names alone cannot tell whose take a give-back is about."""
    once = (voucher(2), take("a", 2, 3, unit="7"), take("b", 2, 3, unit="8"), give_back("g", 4, 5, key="k", unit="7"))
    again = (*once, take("d", 6, 7, unit="7"), give_back("h", 8, 9, key="k", unit="7"))
    assert check(*again, take("e", 10, 11, unit="7"), take("f", 12, 13, "conflict")).verdict is Verdict.PASS
    assert check(*again, take("e", 10, 11, "conflict")).verdict is Verdict.PASS
    assert check(*again, left("r", 10, 11, 1)).verdict is Verdict.PASS
    assert check(*again, left("r", 10, 11, 2)).verdict is Verdict.FAIL
    assert check(*again, take("e", 10, 11, unit="7"), take("f", 12, 13, unit="7")).verdict is Verdict.FAIL
    assert check(*again, take("e", 10, 11, unit="8")).verdict is Verdict.FAIL


def test_a_named_unit_that_is_given_back_again_may_get_the_first_answer_again() -> None:
    """It tells how many units were left then."""
    once = (voucher(1), take("a", 2, 3, unit="7"), give_back("g", 4, 5, key="k", unit="7", left=1))
    again = (*once, take("d", 6, 7, unit="7"), give_back("h", 8, 9, key="k", unit="7", left=1))
    assert check(*again, take("e", 10, 11, "conflict")).verdict is Verdict.PASS
    assert check(*again, take("e", 10, 11, unit="7")).verdict is Verdict.PASS


def test_a_named_unit_that_is_taken_again_later_was_given_back_once() -> None:
    once = (voucher(1), take("a", 2, 3, unit="7"), give_back("g", 4, 5, key="k", unit="7"))
    again = (*once, give_back("h", 6, 7, key="k", unit="7"), take("d", 8, 9, unit="7"))
    assert check(*again).verdict is Verdict.PASS
    assert check(*again, take("e", 10, 11, unit="7")).verdict is Verdict.FAIL


def test_a_wrong_reading_fails() -> None:
    found = check(voucher(3), take("a", 2, 5), left("r", 6, 7, 3))
    assert found.verdict is Verdict.FAIL
    assert "told that 3 of w were left; right is 2" in found.findings[0].title


def test_two_readings_that_are_possible_alone_may_contradict_each_other() -> None:
    found = check(voucher(3), take("a", 2, 20), left("r", 4, 5, 2), left("s", 6, 7, 3))
    assert found.verdict is Verdict.FAIL
    assert set(found.findings[0].operations) == {"a", "r", "s"}


def test_a_unit_that_was_given_back_can_be_taken_again() -> None:
    again = (voucher(1), take("a", 2, 3, unit="x"), give_back("g", 4, 5, unit="x"), take("b", 6, 7, unit="x"))
    assert check(*again).verdict is Verdict.PASS
    assert check(*again, take("d", 8, 9, "conflict")).verdict is Verdict.PASS
    found = check(*again, give_back("h", 8, 9, unit="x"), give_back("i", 8, 9, unit="x"))
    assert found.verdict is Verdict.FAIL


NAMELESS = [give_back("g", 8, None, "unknown"), give_back("g", 8, 9)]


@pytest.mark.parametrize("given_back", NAMELESS, ids=["no answer", "won"])
@pytest.mark.parametrize("units", [None, 3])
def test_a_give_back_without_a_name_explains_one_unit(given_back: Record, units: int | None) -> None:
    """Each of two units may be the one that was given back; not both of them. A third one is there for their number."""
    taken = [take(name, place, place + 1, unit=name) for place, name in enumerate("abc", start=2)]
    once = (create("x", 0, 1, None, left=units), *taken, given_back, give_back("h", 10, 11, unit="c"))
    assert check(*once, take("d", 12, 13, unit="a")).verdict is Verdict.PASS
    assert check(*once, take("d", 12, 13, unit="c"), take("e", 14, 15, unit="b")).verdict is Verdict.PASS
    found = check(*once, take("d", 12, 13, unit="a"), take("e", 14, 15, unit="b"))
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].title == "No order of the requests explains which units of w were given out."


def test_a_unit_that_no_request_took_is_not_given_back() -> None:
    given_back = give_back("g", 6, 7, unit="z")
    found = check(voucher(2), take("a", 2, 3, unit="b"), take("b", 4, 5, unit="c"), given_back)
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].title == "Unit z of w was given back, and no request had taken it."
    assert check(voucher(2), take("a", 2, None, "unknown"), given_back).verdict is Verdict.PASS
    assert check(take("a", 2, 3, unit="b"), given_back).verdict is Verdict.PASS, "it may have been taken before"


def test_a_take_of_two_units_tells_the_name_of_one() -> None:
    """The other one may be given back by its name, or be given back with the one that is named."""
    both = (voucher(2), take("a", 2, 3, units=2, unit="x"))
    again = (*both, give_back("g", 4, 5, units=2, unit="x"), take("b", 6, 7, unit="y"))
    assert check(*both, give_back("g", 4, 5, unit="y"), take("b", 6, 7, unit="y")).verdict is Verdict.PASS
    assert check(*again, take("d", 8, 9, unit="x")).verdict is Verdict.PASS
    assert check(*again, take("d", 8, 9, unit="y")).verdict is Verdict.FAIL


def test_a_request_for_many_units_without_names_is_unknown_beside_names() -> None:
    """It has too many meanings to try."""
    many = (voucher(9), take("a", 2, 3, unit="x"), take("b", 2, 3, units=8), give_back("g", 4, 5, units=8))
    assert check(*many, give_back("h", 6, 7, unit="x"), take("d", 8, 9, unit="x")).verdict is Verdict.UNKNOWN


def test_a_unit_is_given_once() -> None:
    found = check(create("c", 0, 1, None), take("a", 2, 5, unit="job-1"), take("b", 2, 5, unit="job-1"))
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].title == "Unit job-1 of w was given to 2 requests."
    assert "no create told how many units" in found.reason


def test_takes_are_no_transitions() -> None:
    history = build_history([voucher(1), take("a", 2, 5), take("d", 2, 5, "conflict")])
    verdicts = {each.check: each.verdict for each in judge(history).checks}
    assert verdicts["capacity"] is Verdict.PASS
    assert verdicts["conflict-truth"] is None
    assert Verdict.FAIL not in verdicts.values()


def test_a_take_that_was_refused_proves_nothing() -> None:
    found = check(voucher(1), take("a", 2, 5), take("d", 6, 7, "refused", status=422))
    assert found.verdict is Verdict.UNKNOWN
    assert found.findings[0].title == "1 take of the owner was refused (422)."
    assert "add 422 to capacity.conflict" in found.findings[0].words


def test_a_run_in_which_nothing_was_used_up_proves_nothing() -> None:
    records = [voucher(3), take("a", 2, 5)]
    judgement = judge(build_history(records), only=["capacity"], plan=RunPlan(sources=("s",)))
    assert judgement.checks[0].verdict is Verdict.UNKNOWN
    assert "No resource was ever used up, of 1" in judgement.checks[0].findings[0].title
    assert check(*records).verdict is Verdict.PASS, "a history that is judged alone"


def test_where_the_search_ran_out_it_is_unknown_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.judge.searches.linearizability_search.CONFIGURATIONS_PER_LOOK", 1)
    history = build_history([voucher(2), take("a", 2, 5), give_back("g", 6, 7), left("r", 8, 9, 2)])
    (result,) = judge(history, only=["capacity"], limits=Limits(linearizable_s=-1.0)).checks
    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].title == "Workflow w could not be decided within -1 s."


@pytest.mark.parametrize("named", [{}, {"unit": "u"}], ids=["a number", "names"])
@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([], Verdict.FAIL),
        ([take("b", 4, 7), give_back("h", 8, 9, of="b")], Verdict.FAIL),
        ([give_back("h", 14, 16, of="a")], Verdict.FAIL),
        ([give_back("h", 12, 16, of="a")], Verdict.PASS),
        ([give_back("h", 12, None, "unknown", of="a")], Verdict.PASS),
        ([give_back("h", 12, 16, "conflict", of="a")], Verdict.FAIL),
        ([give_back("h", 8, 9)], Verdict.PASS),
        ([take("b", 4, 7), give_back("h", 8, 9, of="b"), give_back("i", 8, 9, of="b")], Verdict.PASS),
        ([take("b", 4, None, "unknown"), give_back("h", 8, 9, of="b")], Verdict.PASS),
    ],
    ids=[
        "nothing else", "of another take", "begun later", "at the same time", "it may have been carried out",
        "both lost", "of a take that is not told", "twice of another take", "of a take that may have got nothing",
    ],
)  # fmt: skip
def test_a_give_back_loses_only_if_something_else_may_have_given_it_back(
    named: dict[str, Any], others: list[Record], verdict: Verdict
) -> None:
    lost = give_back("g", 10, 13, "conflict", of="a")
    told = [each | named for each in (take("a", 2, 5), *others, lost)]
    number = None if named else 3
    found = check(create("c", 0, 1, None, left=number), *told)
    title = "Request g (client p) lost, though nothing gave back before what request a (client p) got."
    shown = [each.operations for each in found.findings if each.title == title]
    assert shown == ([("g", "a")] if verdict is Verdict.FAIL else [])


def test_a_give_back_that_may_have_come_before_its_take_may_lose() -> None:
    lost = give_back("g", 5, 8, "conflict", of="a")
    assert check(voucher(1), take("a", 2, 5), lost).verdict is Verdict.PASS
    assert check(voucher(1), take("a", 2, 4), lost).verdict is Verdict.FAIL


def test_a_lost_give_back_that_names_no_take_is_no_failure() -> None:
    assert check(voucher(1), take("a", 2, 5), give_back("g", 10, 13, "conflict")).verdict is Verdict.PASS


def test_a_give_back_that_asks_for_the_same_as_another_one_may_lose() -> None:
    """Two takes with one key are one, and so is what they got."""
    same = {"key": "k", "payload": "x"}
    takes = (voucher(2), take("a", 2, 5, **same), take("b", 6, 8, **same))
    assert check(*takes, give_back("g", 10, 12, of="a"), give_back("h", 13, 15, "conflict", of="b")).verdict is (
        Verdict.PASS
    )
    assert check(*takes, give_back("g", 10, 12, of="b"), give_back("h", 13, 15, "conflict", of="a")).verdict is (
        Verdict.PASS
    )


def test_a_refused_give_back_of_what_is_held_proves_nothing() -> None:
    refused = give_back("g", 10, 13, "refused", of="a", status=429)
    found = check(voucher(1), take("a", 2, 5), refused)
    assert found.verdict is Verdict.UNKNOWN
    assert "was refused (429)" in found.findings[0].title
    assert "add 429 to capacity.busy" in found.findings[0].words
    assert check(voucher(1), take("a", 2, 5), give_back("h", 8, 9, of="a"), refused).verdict is Verdict.PASS
    fault = {"event": "fault", "at_ns": 11, "until_ns": 12, "what": "connection killed"}
    met = judge(build_history([voucher(1), take("a", 2, 5), refused], fault), only=["capacity"])
    assert met.checks[0].verdict is Verdict.PASS
