"""Goal: `precondition` says what is certain of versions, and shows the requests. Method: literal histories; the corpus
has the plain ones, and tests/reports/test_versions_against_brute_force.py every small one.
"""

from typing import Any

import pytest

from engine.target.graph import Timed, TransitionGraph
from reports.history.events import Header
from reports.judge.judge import judge
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, advance, build, build_history, create, read

GRAPH = TransitionGraph.of("A", {"A": ["B"], "B": ["C", "A"], "C": []})
MS = 1_000_000


def check(*records: Record, graph: TransitionGraph | None = GRAPH) -> CheckResult:
    return judge(build_history(records), graph, only=["precondition"]).checks[0]


def tell(identity: str, state: str | None, version: str, at: int, **more: Any) -> Record:
    return read(identity, at, at, state, token_told=version, **more)


def carry(identity: str, edge: str, version: str, at: int, outcome: str = "won", **more: Any) -> Record:
    return advance(identity, edge, at, at, outcome, token_carried=version, **more)


def write(identity: str, at: int, outcome: str = "ok", **more: Any) -> Record:
    return build(identity, "write", at, at, {"outcome": outcome} | more)


BORN = [create("c", 0, 0), tell("r", "A", "v1", 1)]


@pytest.mark.parametrize(
    ("told", "beside", "verdict", "title"),
    [
        ("v2", [], Verdict.PASS, None),
        (None, [], Verdict.PASS, None),
        ("v1", [], Verdict.FAIL, "Request m (client p) told the version of workflow w from before the move."),
        (
            "tag",
            [],
            Verdict.UNKNOWN,
            "Request m (client p) told a version of workflow w that no other answer agrees with.",
        ),
        ("v1", [advance("u", "B-A", 2, None, "unknown")], Verdict.PASS, None),
    ],
    ids=["the new one", "none", "the old one", "another one", "the old one, and it may have come back"],
)
def test_a_move_tells_the_version_after_it(
    told: str | None, beside: list[Record], verdict: Verdict, title: str | None
) -> None:
    moved = carry("m", "A-B", "v1", 2, token_told=told)
    found = check(*BORN, moved, *beside, tell("r2", "B", "v2", 4), carry("n", "B-C", "v2", 5), tell("r3", "C", "v3", 6))
    assert found.verdict is verdict
    assert [each.title for each in found.findings] == ([] if title is None else [title])
    if verdict is Verdict.FAIL:
        assert (
            "m won advance A -> B, and told the version v1. r2 told the version v2 after that."
            in found.findings[0].words
        )


def test_a_version_that_no_answer_told_says_nothing() -> None:
    assert check(*BORN, carry("m", "A-B", "another", 2)).verdict is None
    assert check(create("c", 0, 0), carry("m", "A-B", "v1", 2), tell("r", "B", "v1", 3)).verdict is None


def test_a_version_that_is_told_again_after_a_move_is_current_again() -> None:
    """One of a clock of seconds; nothing tells that an update was lost."""
    moved = advance("m", "A-B", 2, 2)
    assert check(*BORN, moved, tell("r2", "B", "v1", 3), carry("n", "B-C", "v1", 4)).verdict is Verdict.PASS
    assert check(*BORN, moved, carry("n", "B-C", "v1", 4)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("told", "verdict", "said"), [("v1", "pass", "a version of a workflow again"), ("v3", "fail", "")]
)
def test_after_a_circle_the_version_that_is_told_is_the_current_one(told: str, verdict: str, said: str) -> None:
    circle = [advance("m", "A-B", 2, 2), advance("n", "B-A", 3, 3), tell("r2", "A", told, 4)]
    result = check(*BORN, *circle, carry("o", "A-B", "v1", 5))
    assert result.verdict == verdict
    assert said in result.reason
    assert bool(said) == bool(result.reason)


def test_a_lost_update_shows_both_requests_and_the_answer_that_told_the_version() -> None:
    found = check(*BORN, carry("m", "A-B", "v1", 2), carry("n", "B-C", "v1", 4))
    [finding] = found.findings
    assert finding.operations == ("n", "r", "m")
    assert "n carried the version v1." in finding.words
    assert "m changed workflow w after that: won advance A -> B." in finding.words


@pytest.mark.parametrize(
    ("outcome", "verdict"), [("ok", Verdict.PASS), ("unknown", Verdict.PASS), ("refused", Verdict.FAIL)]
)
def test_a_write_may_make_a_version_stale_if_it_may_have_been_carried_out(outcome: str, verdict: Verdict) -> None:
    assert check(*BORN, write("n", 2, outcome), carry("m", "A-B", "v1", 3, "stale")).verdict is verdict


def test_a_conflict_can_excuse_and_not_accuse() -> None:
    """Its version may be a hash of its own body."""
    lost = advance("x", "B-C", 2, 2, "conflict", token_told="body")
    assert check(*BORN, lost, carry("m", "A-B", "v1", 3)).verdict is Verdict.PASS
    assert check(*BORN, lost, carry("m", "A-B", "body", 3, "stale")).verdict is Verdict.PASS


def test_a_win_that_reads_its_row_again_may_tell_the_version_of_a_later_move() -> None:
    slow = advance("m", "A-B", 2, 9, token_told="v3")
    seen = [tell("r2", "B", "v2", 3), carry("n", "B-C", "v2", 4), tell("r3", "C", "v3", 10)]
    assert check(*BORN, slow, *seen).verdict is Verdict.PASS


def test_weak_and_strong_versions_are_one_and_a_weak_one_never_matches() -> None:
    assert check(*BORN, tell("r2", "A", "W/v1", 2), carry("m", "A-B", "v1", 3)).verdict is Verdict.PASS
    assert check(*BORN, tell("r2", "A", "W/v1", 2), carry("m", "A-B", "W/v1", 3, "stale")).verdict is None


def test_clocks_that_differ_by_more_than_the_gap_accuse_no_one() -> None:
    records = [*BORN, advance("m", "A-B", 2, 2), carry("n", "A-B", "v1", 3, "stale")]
    assert check(*BORN, carry("n", "A-B", "v1", 2, "stale"), advance("m", "A-B", 3, 3)).verdict is Verdict.FAIL
    header = {"event": "header", "clock_uncertainty_ns": 1}
    history = build_history([*BORN, carry("n", "A-B", "v1", 2, "stale"), advance("m", "A-B", 3, 3)], header)
    assert isinstance(history.events[0][1], Header)
    assert judge(history, GRAPH, only=["precondition"]).verdict is Verdict.PASS
    assert check(*records).verdict is Verdict.PASS


def test_a_move_that_no_request_makes_changes_the_version() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"], "B": []}, timed=(Timed("A", "B", 0.001),))
    late, early = carry("m", "A-B", "v1", 3 * MS, "stale"), carry("m", "A-B", "v1", MS // 2, "stale")
    asked = [create("c", 0, 0, status=201), BORN[1]]
    assert check(*asked, late, graph=graph).verdict is Verdict.PASS
    assert check(*asked, early, graph=graph).verdict is Verdict.FAIL


def test_a_request_that_repeats_a_win_may_carry_an_old_version() -> None:
    again = carry("n", "A-B", "v1", 3, repeats=True)
    assert check(*BORN, carry("m", "A-B", "v1", 2, repeats=True), again).verdict is Verdict.PASS
    assert check(*BORN, carry("m", "A-B", "v1", 2), carry("n", "B-C", "v1", 3, repeats=True)).verdict is Verdict.FAIL
