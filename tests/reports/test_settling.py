"""Goal: a race is called lost or won twice only when nothing else can explain it. Method: literal races."""

from typing import Any

import pytest

from engine.graph import TransitionGraph
from reports.case import Case
from reports.settling import settle_races
from tests.reports.building import advance, build_evidence, create, override, read

AB = TransitionGraph.of("A", {"A": ["B"], "B": ["C"]})
CYCLE = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]})
NOBODY_KNOWS = None


def settle(*records: dict[str, Any], graph: TransitionGraph | None = AB) -> list[int | None]:
    """How many winners each unclear race is found to have."""
    case = Case(build_evidence([create("c", 0, 1), *records], graph=graph))
    return [settled.winners for _, settled in settle_races(case)]


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
    ("evidence", "winners"),
    [
        ([lose("b")], 1),  # the loser was told the state to which only the lost request leads
        ([lose("b", None)], NOBODY_KNOWS),
        ([lose("b", None), read("r", 8, 9, "B")], 1),
        ([lose("b", None), advance("n", "B-C", 8, 9)], 1),
        ([lose("b", None), read("r", 8, 9, "A")], 0),
        ([read("r", 8, 9, "A")], NOBODY_KNOWS),  # nobody was answered, so nobody was lied to
        ([lose("b", None), read("r", 4, 9, "A")], NOBODY_KNOWS),  # asked before the answer had come
    ],
)
def test_a_lost_request_is_settled_by_what_was_seen_later(evidence: list[dict[str, Any]], winners: int | None) -> None:
    assert settle(lost("a"), *evidence) == [winners]


def test_what_comes_from_outside_of_the_race_may_explain_it() -> None:
    """An override in between may take the state away from all, or bring it back for a second winner."""
    away = override("s", "C", 1, 4, "unknown")
    assert settle(lose("a", None), lose("b", None), away) == [NOBODY_KNOWS]
    back = override("s", "A", 3, 4)
    assert settle(win("a"), win("b"), back) == [NOBODY_KNOWS]
    assert settle(win("a"), win("b"), override("s", "A", 7, 8)) == [2]


def test_a_cycle_may_bring_the_state_back() -> None:
    again = advance("s", "B-A", 3, 4)
    assert settle(win("a"), win("b"), again, graph=CYCLE) == [NOBODY_KNOWS]
    # The way back starts where only the lost request leads.
    assert settle(lost("a"), lose("b", None), read("r", 8, 9, "A"), again, graph=CYCLE) == [1]
