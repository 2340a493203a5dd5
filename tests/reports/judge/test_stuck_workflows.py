"""Goal: a workflow that stays busy to lone requests is found, and no right service is accused.

Method: histories by hand, times in ms. A stuck workflow is one that an illegal request left locked.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from engine.target.graph import Timed, TransitionGraph
from reports.judge.judge import judge
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, advance, build_history, create, fault, read

MS = 1_000_000
EDGES = {"A": ["B", "X"], "B": ["A", "C"]}
GRAPH = TransitionGraph.of("A", EDGES)
MADE = create("c", 0, 1 * MS, status=201)
ILLEGAL = advance("i", "A-C", 2 * MS, 3 * MS, "conflict", observed="A", status=409)
OTHER: Record = {"workflow": "other"}


def be_busy(identity: str, at_ms: int, *, lasts_ms: int = 5, edge: str = "A-B", **more: Any) -> Record:
    at_ns = at_ms * MS
    return advance(identity, edge, at_ns, at_ns + lasts_ms * MS, "busy", **{"status": 423} | more)


def stay_busy(*at_ms: int, **more: Any) -> list[Record]:
    return [be_busy(f"b{number}", at, **more) for number, at in enumerate(at_ms)]


STUCK = stay_busy(10, 500, 1010)


def judge_contract(
    records: Sequence[Record], *events: Record, graph: TransitionGraph | None = GRAPH, **more: Any
) -> CheckResult:
    [found] = judge(build_history(records, *events), graph, only=["contract"], **more).checks
    return found


def test_a_workflow_that_stays_busy_is_found() -> None:
    found = judge_contract([MADE, ILLEGAL, *STUCK, read("r", 1200 * MS, 1201 * MS, "A")])
    assert (found.verdict, found.findings_total) == (Verdict.FAIL, 1)
    [finding] = found.findings
    assert finding.title == "Workflow w stays busy, though no other request was in flight."
    assert finding.operations == ("b0", "b1", "b2")
    assert finding.words.startswith(
        "Request b0 (client p), a legal request of the owner, was alone and was told to try again (423). So was every "
        "later one, up to request b2 (client p), 1.00 s after it; 3 of them were alone."
    )
    assert "--only contract --workflow w" in finding.command


@pytest.mark.parametrize("status", [409, 423, 425])
def test_any_other_status_counts(status: int) -> None:
    assert judge_contract([MADE, *stay_busy(10, 500, 1010, status=status)]).verdict is Verdict.FAIL


@pytest.mark.parametrize("status", [429, 503, 401, None])
def test_a_limit_of_requests_holds_no_workflow(status: int | None) -> None:
    """One that mixes with others says nothing of them, either."""
    limited = stay_busy(10, 500, 1010, 5000, status=status)
    assert judge_contract([MADE, *limited]).verdict is Verdict.PASS
    assert judge_contract([MADE, *STUCK, be_busy("l", 5000, status=status)]).verdict is Verdict.FAIL
    assert judge_contract([MADE, *STUCK[:2], be_busy("l", 5000, status=status)]).verdict is Verdict.PASS


@pytest.mark.parametrize("at_ms", [(10, 500, 900, 1009), (10, 5000), (10,)])
def test_it_is_asked_often_and_for_long_enough(at_ms: tuple[int, ...]) -> None:
    assert judge_contract([MADE, *stay_busy(*at_ms)]).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "later",
    [
        advance("w", "A-B", 2000 * MS, 2001 * MS, status=200),
        advance("w", "A-X", 2000 * MS, 2001 * MS, status=200),
        advance("w", "A-B", 2000 * MS, 2001 * MS, "unknown"),
        advance("w", "A-B", 2000 * MS, None, "unknown"),
    ],
)
def test_one_that_is_free_later_is_not_stuck(later: Record) -> None:
    """Nor is one of which that is not known."""
    assert judge_contract([MADE, *STUCK, later]).verdict is Verdict.PASS


def test_the_moves_of_each_state_are_looked_at() -> None:
    """After a win the workflow is stuck in its next state; what was busy before that was not for good."""
    won = advance("w", "A-B", 2000 * MS, 2001 * MS, status=200)
    again = [be_busy(f"d{number}", 3000 + 600 * number, edge="B-C") for number in range(3)]
    found = judge_contract([MADE, *STUCK, won, *again])
    assert [each.operations for each in found.findings] == [("d0", "d1", "d2")]
    assert judge_contract([MADE, *STUCK, won, *again[:2]]).verdict is Verdict.PASS


@pytest.mark.parametrize("edge", ["A-C", "B-A", "B|X-A"])
def test_a_move_that_is_not_due_may_be_answered_anything(edge: str) -> None:
    assert judge_contract([MADE, *stay_busy(10, 500, 1010, edge=edge)]).verdict is Verdict.PASS
    assert judge_contract([MADE, *STUCK, be_busy("b", 2000, edge=edge)]).findings[0].operations == ("b0", "b1", "b2")


def test_a_list_of_expected_states_is_due_in_each_of_them() -> None:
    assert judge_contract([MADE, *stay_busy(10, 500, 1010, edge="X|A-B")]).verdict is Verdict.FAIL


@pytest.mark.parametrize("about", [{}, OTHER, {"tenant": "globex"}])
@pytest.mark.parametrize("kind", ["advance", "read"])
def test_another_request_that_overlaps_may_hold_it(about: Record, kind: str) -> None:
    """On the same workflow or another one, of any tenant: a service may lock more than one."""
    outcome = {"outcome": "refused"} if "tenant" in about else {}
    for invoked, returned in ((505, 600), (400, 500), (502, 503)):
        span = invoked * MS, returned * MS
        other = (
            read("o", *span, "A", **about | outcome)
            if kind == "read"
            else advance("o", "A-C", *span, "refused", **about)
        )
        assert judge_contract([MADE, STUCK[0], other, *STUCK[1:]]).verdict is Verdict.PASS
    apart = advance("o", "A-C", 506 * MS, 600 * MS, "refused", **about)
    assert judge_contract([MADE, *STUCK[:2], apart, STUCK[2]]).verdict is Verdict.FAIL


def test_busy_requests_that_overlap_do_not_count() -> None:
    """Enough others were alone."""
    together = [be_busy("t", 700, lasts_ms=50), be_busy("u", 710)]
    assert judge_contract([MADE, *STUCK[:2], *together]).verdict is Verdict.PASS
    found = judge_contract([MADE, *STUCK[:2], *together, STUCK[2]])
    assert [each.operations for each in found.findings] == [("b0", "b1", "b2")]


@pytest.mark.parametrize(
    "lost",
    [
        advance("u", "A-B", 2 * MS, None, "unknown"),
        advance("u", "A-B", 2 * MS, 5 * MS, "unknown", status=500),
        advance("u", "A-B", 2 * MS, None, "unknown", abandoned=True),
        read("u", 2 * MS, None, None, outcome="unknown"),
        advance("u", "A-B", 2 * MS, None, "unknown", tenant="globex"),
        read("u", 2 * MS, None, None, outcome="unknown", workflow="other"),
    ],
)
def test_a_request_whose_answer_is_not_known_may_hold_it(lost: Record) -> None:
    assert judge_contract([MADE, lost, *STUCK]).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (fault(4 * MS), Verdict.PASS),
        (fault(700 * MS, 800 * MS, "backend ended", workflow="w"), Verdict.PASS),
        (fault(4 * MS, None, "answer lost", workflows=["w", "v"]), Verdict.PASS),
        ({"event": "fault_begun", "at_ns": 4 * MS, "what": "backend ended"}, Verdict.PASS),
        ({"event": "break_met", "at_ns": 4 * MS, "until_ns": 5 * MS}, Verdict.PASS),
        ({"event": "restarted", "at_ns": 4 * MS, "until_ns": 5 * MS}, Verdict.PASS),
        ({"event": "restarted"}, Verdict.PASS),
        ({"event": "probe", "check": "contract", "what": "guard g", "workflow": "w"}, Verdict.PASS),
        ({"event": "probe", "check": "contract", "what": "guard g", "workflow": "w", "status": 200}, Verdict.FAIL),
        (fault(4 * MS, None, "delayed"), Verdict.FAIL),
        (fault(2000 * MS), Verdict.FAIL),
        (fault(4 * MS, None, "answer lost", workflow="other"), Verdict.FAIL),
    ],
)
def test_what_a_fault_left_locked_is_no_fault_of_the_service(event: Record, verdict: Verdict) -> None:
    records = [MADE, *STUCK, create("oc", 3000 * MS, 3001 * MS, **OTHER, status=201)]
    assert judge_contract(records, event).verdict is verdict


@pytest.mark.parametrize(("wait_s", "verdict"), [(0.3, Verdict.FAIL), (1, Verdict.PASS), (60, Verdict.PASS)])
def test_a_client_waits_as_long_as_it_was_told(wait_s: float, verdict: Verdict) -> None:
    first = be_busy("b0", 10, detail=f'{{"retry_after_s": {wait_s}}}')
    assert judge_contract([MADE, first, *STUCK[1:]]).verdict is verdict
    patient = stay_busy(10, 1100, 2200, detail='{"retry_after_s": 1}')
    assert judge_contract([MADE, *patient]).verdict is Verdict.FAIL
    # One that was asked too early tells a new time.
    early = be_busy("e", 1500, detail='{"retry_after_s": 1}')
    assert judge_contract([MADE, *patient[:2], early, patient[2]]).verdict is Verdict.PASS


def test_the_state_must_be_known() -> None:
    """Two wins that overlap may be in either order, and a read tells which one was the last."""
    wins = [
        advance("x", "A-B", 2 * MS, 6 * MS, status=200),
        advance("y", "B-A", 3 * MS, 7 * MS, status=200),
        advance("z", "A-B", 4 * MS, 8 * MS, status=200),
    ]
    stuck = stay_busy(20, 500, 1200, edge="B-C")
    assert judge_contract([MADE, *wins, *stuck]).verdict is Verdict.PASS
    assert judge_contract([MADE, *wins, read("r", 10 * MS, 11 * MS, "B"), *stuck]).verdict is Verdict.FAIL
    assert judge_contract(stuck).verdict is Verdict.PASS
    assert judge_contract([read("r", 1 * MS, 2 * MS, "B"), *stuck]).verdict is Verdict.FAIL
    assert judge_contract([MADE, *STUCK], graph=None).verdict is not Verdict.FAIL


@pytest.mark.parametrize(("after_s", "verdict"), [(0.5, Verdict.PASS), (60.0, Verdict.FAIL)])
def test_a_workflow_may_have_gone_on_by_itself(after_s: float, verdict: Verdict) -> None:
    timed = TransitionGraph.of("A", EDGES, [Timed("A", "X", after_s)])
    assert judge_contract([MADE, *STUCK], graph=timed).verdict is verdict
    # What no request made may be older.
    assert judge_contract([create("c", 0, 1 * MS), *STUCK], graph=timed).verdict is Verdict.PASS


def test_a_key_that_has_its_answer_is_no_lock() -> None:
    """`idempotent` looks at it. One that was never answered is a lock like any other."""
    keyed: Record = {"key": "k", "payload": "p"}
    stuck = stay_busy(2000, 2500, 3100, status=409, **keyed)
    first = advance("k", "A-B", 10 * MS, 20 * MS, status=200, **keyed)
    back = advance("d", "B-A", 30 * MS, 40 * MS, status=200)
    assert judge_contract([MADE, first, back, *stuck]).verdict is Verdict.PASS
    assert judge_contract([MADE, *stuck]).verdict is Verdict.FAIL


def test_the_request_of_another_tenant_is_refused_in_any_way() -> None:
    assert judge_contract([MADE, *stay_busy(10, 500, 1010, tenant="globex")]).verdict is Verdict.PASS


def test_clocks_that_differ_say_less() -> None:
    apart = {"event": "header", "clock_uncertainty_ns": 50 * MS}
    assert judge_contract([MADE, *stay_busy(110, 600, 1200)], apart).verdict is Verdict.PASS
    assert judge_contract([MADE, *stay_busy(110, 600, 1300)], apart).verdict is Verdict.FAIL


def test_each_workflow_is_judged_for_itself() -> None:
    other = [create("oc", 1500 * MS, 1501 * MS, **OTHER, status=201)]
    other += [be_busy(f"o{number}", 1600 + number * 600, **OTHER) for number in range(3)]
    found = judge_contract([MADE, *STUCK, *other])
    assert [each.workflow for each in found.findings] == ["w", "other"]
    assert judge_contract([MADE, *STUCK, *other], workflow="other").findings_total == 1
