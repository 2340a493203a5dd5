"""Goal: the search stays small on the shapes that make others exponential, and gives up in time on the rest.

Method: work is counted in configurations, which no machine's load changes.
"""

import time

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.linearizability_search import search
from reports.judge.verdict import Verdict

AB = TransitionGraph.of("A", {"A": ["B"]})
CYCLE = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})


def win(row: int, edge: str, invoked: int, returned: int, outcome: str = "won") -> Operation:
    return Operation(
        row, "advance", outcome, (edge[0],), edge[-1], None, invoked, returned if outcome != "unknown" else NEVER
    )


def lose(row: int, edge: str, invoked: int, returned: int, told: str | None = None) -> Operation:
    return Operation(row, "advance", "conflict", (edge[0],), edge[-1], told, invoked, returned)


def look(row: int, told: str, invoked: int, returned: int) -> Operation:
    return Operation(row, "read", "ok", (), None, told, invoked, returned)


@pytest.mark.parametrize("contenders", [10, 1_000, 20_000])
def test_two_winners_take_no_more_configurations_however_many_lose(contenders: int) -> None:
    losers = [lose(number, "A-B", number, contenders + number, "B") for number in range(contenders)]
    operations = [*losers, win(-1, "A-B", 3, 2 * contenders), win(-2, "A-B", 4, 2 * contenders)]
    found = search(operations, ["A"], AB)
    assert found.verdict is Verdict.FAIL
    assert found.configurations <= 4
    assert {each.row for each in found.conflict_core if each.outcome == "won"} == {-1, -2}


def test_any_number_of_like_unknowns_counts_as_a_number() -> None:
    """200 lost advances either way: 2^200 subsets, but only their counts matter."""
    lost = [win(number, "A-B" if number % 2 else "B-A", number, 0, "unknown") for number in range(200)]
    reads = [look(1_000, "B", 300, 301), look(1_001, "A", 302, 303)]
    back = win(1_002, "A-B", 400, 401)
    found = search([*lost, *reads, back, look(1_003, "A", 300, 302), lose(1_004, "B-A", 401, 402, "A")], ["A"], CYCLE)
    assert found.verdict is Verdict.PASS
    stuck = [win(2_000 + number, "A-B", 500, 600) for number in range(102)]
    found = search([*lost, *reads, *stuck], ["A"], CYCLE)
    assert found.verdict is Verdict.FAIL
    assert found.configurations < 50_000
    assert search([*lost, *reads[:2]], ["A"], CYCLE).verdict is Verdict.PASS


@pytest.mark.parametrize("count", [30, pytest.param(60, marks=pytest.mark.exhaustive)])
def test_overlapping_writes_of_few_values_do_not_multiply(count: int) -> None:
    writes = [Operation(number, "set", "won", (), "ABC"[number % 3], None, 0, 1_000) for number in range(count)]
    found = search([*writes, look(98, "A", 2_000, 2_001), look(99, "B", 2_002, 2_003)], ["A"], None)
    assert found.verdict is Verdict.FAIL
    assert found.configurations < count**3 / 2


def test_a_long_chain_is_walked_once() -> None:
    chain = [win(number, "A-B" if number % 2 == 0 else "B-A", 10 * number, 10 * number + 15) for number in range(5_000)]
    found = search(chain, ["A"], CYCLE)
    assert found.verdict is Verdict.PASS
    assert found.configurations <= 2 * len(chain)


def test_past_the_deadline_the_answer_is_unknown() -> None:
    """Sets of different values, all at once, and reads that disagree when all is over: truly exponential."""
    writes = [Operation(number, "set", "won", (), f"v{number}", None, 0, 1_000) for number in range(40)]
    asked = [look(100 + number, f"v{number}", 0, 3_000) for number in range(40)]
    reads = [look(98, "v1", 2_000, 2_001), look(99, "v2", 2_002, 2_003)]
    found = search([*writes, *asked, *reads], ["A"], None, deadline_s=time.monotonic() + 0.05)
    assert found.verdict is Verdict.UNKNOWN


def test_values_that_no_request_asks_about_are_one() -> None:
    """The same without a question about each value: 2^40 orders, and all but two of the values are alike."""
    for outcome in ("won", "unknown"):
        writes = [Operation(number, "set", outcome, (), f"v{number}", None, 0, 1_000) for number in range(40)]
        found = search([*writes, look(98, "v1", 2_000, 2_001), look(99, "v2", 2_002, 2_003)], ["A"], None)
        assert found.verdict is (Verdict.FAIL if outcome == "won" else Verdict.PASS)
        assert found.configurations < 1_000
        assert {each.next for each in found.conflict_core if each.kind == "set"} <= {each.next for each in writes}


def test_an_answer_that_fits_no_state_at_all_needs_no_search() -> None:
    writes = [Operation(number, "set", "won", (), f"v{number}", None, 0, 1_000) for number in range(40)]
    found = search([*writes, look(99, "Z", 0, 2_000)], ["A"], None)
    assert found.verdict is Verdict.FAIL
    assert [each.row for each in found.conflict_core] == [99]
    assert found.configurations == 0


def test_a_pure_answer_is_never_left_for_a_state_that_does_not_come_back() -> None:
    """The read of A must be placed before A is left for good, though it returns late."""
    assert search([win(0, "A-B", 0, 5), look(1, "A", 0, 9)], ["A"], AB).verdict is Verdict.PASS
    assert search([win(0, "A-B", 0, 5), look(1, "A", 6, 9)], ["A"], AB).verdict is Verdict.FAIL
    assert search([win(0, "A-B", 0, 6), look(1, "A", 6, 9)], ["A"], AB).verdict is Verdict.PASS
