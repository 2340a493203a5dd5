"""Goal: `effects` counts the calls to a sink: one for a winner, none for a loser, at most one for an unknown request.

Method: histories written by hand, one for each way to fail and its right twin; and small histories drawn at random,
whose verdict a plain loop over calls and requests gives, too.
"""

import random
from typing import Any

import pytest

from engine.target.graph import Timed, TransitionGraph
from reports.judge.checks.effects import check_effects
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.sink_calls import judge_calls
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import advance, build_history, create, read, trail

AWAITED = {"event": "calls_awaited", "sources": ["history"], "at_ns": 100}
Record = dict[str, Any]


def sink(**more: Any) -> Record:
    return {"event": "sink", "name": "pay", "per": ["B"], "times": "exactly once", "by": "marker"} | more


def call(subject: str | None, at_ns: int = 5, **more: Any) -> Record:
    return {"event": "call", "sink": "pay", "subject": subject, "at_ns": at_ns, "status": 200} | more


def move(identity: str, outcome: str = "won", edge: str = "A-B", **more: Any) -> Record:
    return advance(identity, edge, 1, None if outcome == "unknown" else 9, outcome, marker=identity, **more)


def check(records: list[Record], *events: Record) -> CheckResult:
    return check_effects(CheckContext(Evidence(build_history([create("c", 0, 1), *records], *events))))


def test_without_a_sink_nothing_is_asked() -> None:
    assert check([move("1")]).verdict is None


@pytest.mark.parametrize(
    ("outcome", "calls", "verdict"),
    [
        ("won", 1, Verdict.PASS),
        ("won", 0, Verdict.FAIL),
        ("won", 2, Verdict.FAIL),
        ("conflict", 0, Verdict.PASS),
        ("conflict", 1, Verdict.FAIL),
        ("stale", 1, Verdict.FAIL),
        ("refused", 1, Verdict.FAIL),
        ("busy", 1, Verdict.FAIL),
        ("unknown", 0, Verdict.PASS),
        ("unknown", 1, Verdict.PASS),
        ("unknown", 2, Verdict.FAIL),
    ],
)
def test_exactly_one_call_for_a_winner_and_none_for_a_loser(outcome: str, calls: int, verdict: Verdict) -> None:
    result = check([move("1", outcome)], sink(), AWAITED, *[call("1", at) for at in range(2, 2 + calls)])
    assert result.verdict is verdict
    if verdict is Verdict.FAIL:
        assert [found.operations for found in result.findings] == [("1",)]


@pytest.mark.parametrize(
    ("times", "calls", "verdict"),
    [
        ("at most once", 0, Verdict.PASS),
        ("at most once", 1, Verdict.PASS),
        ("at most once", 2, Verdict.FAIL),
        ("at least once", 0, Verdict.FAIL),
        ("at least once", 1, Verdict.PASS),
        ("at least once", 3, Verdict.PASS),
    ],
)
def test_the_rule_says_how_often(times: str, calls: int, verdict: Verdict) -> None:
    events = [sink(times=times), AWAITED, *[call("1", at) for at in range(2, 2 + calls)]]
    assert check([move("1")], *events).verdict is verdict
    assert check([move("1", "conflict")], *events).verdict is (Verdict.FAIL if calls else Verdict.PASS)


def test_a_call_for_a_move_that_none_is_due_for_fails() -> None:
    result = check([move("1", edge="A-X")], sink(), AWAITED, call("1"))
    assert result.verdict is Verdict.FAIL
    assert "calls are due for B" in result.findings[0].title


def test_an_unknown_request_that_the_trail_shows_needs_its_call() -> None:
    records = [move("1", "unknown", detail='{"request_id": "1"}')]
    assert check(records, sink(), AWAITED, trail(20, "A-B:1")).verdict is Verdict.FAIL
    assert check(records, sink(), AWAITED, trail(20, "A-B:1"), call("1")).verdict is Verdict.PASS
    # The trail of another workflow says nothing about it, even with its id.
    other = [create("d", 0, 1, workflow="v"), move("2", detail='{"request_id": "1"}', workflow="v")]
    assert (
        check([*records, *other], sink(), AWAITED, trail(20, "A-B:1", workflow="v"), call("2")).verdict is Verdict.PASS
    )


def test_a_missing_call_that_nothing_waited_for_is_unknown() -> None:
    assert check([move("1")], sink()).verdict is Verdict.UNKNOWN
    assert check([move("1")], sink(), AWAITED | {"sources": ["another"]}).verdict is Verdict.UNKNOWN
    assert check([move("1")], sink(), call("1"), call("1", 6)).verdict is Verdict.FAIL


def test_calls_with_one_key_are_one_and_refused_ones_none() -> None:
    assert check([move("1")], sink(), AWAITED, call("1", key="k"), call("1", 6, key="k")).verdict is Verdict.PASS
    assert check([move("1")], sink(), AWAITED, call("1", key="k"), call("1", 6, key="l")).verdict is Verdict.FAIL
    refused = call("1", taken=False, status=503, fault="refused")
    assert check([move("1")], sink(), AWAITED, refused, call("1", 6)).verdict is Verdict.PASS
    assert check([move("1")], sink(), AWAITED, refused).verdict is Verdict.FAIL


def test_requests_with_one_key_are_one_request() -> None:
    records = [move("1", key="k") | {"marker": "m"}, move("2", key="k") | {"marker": "m"}]
    assert check(records, sink(), AWAITED, call("m")).verdict is Verdict.PASS
    assert check(records, sink(), AWAITED, call("m"), call("m", 6)).verdict is Verdict.FAIL


def test_a_win_that_may_repeat_another_one_is_called_for_at_most_once() -> None:
    records = [move("1", repeats=True), move("2", repeats=True)]
    assert check(records, sink(), AWAITED, call("1")).verdict is Verdict.PASS
    assert check(records, sink(), AWAITED, call("1"), call("1", 6)).verdict is Verdict.FAIL


def test_another_tenant_has_no_call() -> None:
    records = [move("1"), move("2", "unknown", tenant="globex")]
    assert check(records, sink(), AWAITED, call("1"), call("2")).verdict is Verdict.FAIL


def test_a_sink_that_is_told_the_workflow_counts_its_moves() -> None:
    made = [create("c", 0, 1, detail='{"server_id": "w7"}'), move("1"), move("2", "conflict")]
    rule = sink(by="workflow")

    def judge(*calls: Record) -> CheckResult:
        return check_effects(CheckContext(build_evidence_of(made, rule, AWAITED, *calls)))

    assert judge(call("w7")).verdict is Verdict.PASS
    assert judge().verdict is Verdict.FAIL
    twice = judge(call("w7"), call("w7", 6))
    assert twice.verdict is Verdict.FAIL
    assert twice.findings[0].workflow == "w"


def build_evidence_of(records: list[Record], *events: Record) -> Evidence:
    return Evidence(build_history(records, *events))


def test_calls_for_no_known_request_are_counted_and_shown() -> None:
    result = check([move("1")], sink(), AWAITED, call("1"), call("strange"), call(None))
    assert result.verdict is Verdict.PASS
    assert result.reason == "2 calls to pay are for no request of this history"


@pytest.mark.parametrize("times", ["exactly once", "at most once", "at least once"])
def test_calls_that_all_tell_nothing_known_leave_the_verdict_open(times: str) -> None:
    result = check([move("1")], sink(times=times), AWAITED, call("strange"))
    assert result.verdict is Verdict.UNKNOWN
    assert "Correct `marker` of this sink" in result.findings[0].words


BACK = TransitionGraph.of("A", {"A": ["B"], "B": ["A"]}, [Timed("A", "B", 1e-9)])


def test_what_was_called_for_must_have_moved() -> None:
    late = advance("2", "A-B", 20, 21, marker="2")
    assert check([move("1", "unknown"), late], sink(), AWAITED, call("1"), call("2")).verdict is Verdict.FAIL
    back = advance("3", "B-A", 10, 11, marker="3")
    assert check([move("1", "unknown"), back, late], sink(), AWAITED, call("1"), call("2")).verdict is Verdict.PASS
    both = [move("1", "unknown"), move("2", "unknown")]
    assert check(both, sink(), AWAITED, call("1")).verdict is Verdict.PASS
    together = check(both, sink(), AWAITED, call("1"), call("2"))
    assert together.verdict is Verdict.FAIL
    assert "called twice for 2 requests, which cannot all have moved workflow w" in together.findings[0].title


def test_requests_that_repeat_a_win_move_once() -> None:
    named = create("c", 0, 1, detail='{"server_id": "s"}')
    puts = [move("1", repeats=True), move("2", repeats=True)]
    rule = sink(by="workflow")

    def judge_calls_of(*records: Record, graph: TransitionGraph | None = None) -> CheckResult:
        events = [each for each in records if "event" in each]
        history = build_history([named, *(each for each in records if "event" not in each)], rule, AWAITED, *events)
        return check_effects(CheckContext(Evidence(history, graph)))

    assert judge_calls_of(*puts, call("s")).verdict is Verdict.PASS
    assert judge_calls_of(*puts, call("s"), call("s")).verdict is Verdict.FAIL
    again = [advance("3", "B-A", 10, 11), advance("4", "A-B", 12, 13, repeats=True)]
    assert judge_calls_of(*puts, *again, call("s"), call("s")).verdict is Verdict.PASS
    # A move that no request makes has its call, too.
    alone = [move("1"), advance("3", "B-A", 10, 11)]
    assert judge_calls_of(*alone, call("s"), call("s"), graph=BACK).verdict is Verdict.PASS
    assert judge_calls_of(*alone, call("s"), call("s")).verdict is Verdict.FAIL


HOLD = TransitionGraph.of("H", {"H": ["B"], "B": ["H"]}, [Timed("H", "E", 4e-9)])


@pytest.mark.parametrize(
    ("records", "calls", "verdict"),
    [
        ([read("r", 9, 10, "E")], 1, Verdict.PASS),
        ([read("r", 9, 10, "E")], 2, Verdict.FAIL),
        ([read("r", 9, 10, "E"), move("1", "conflict", "H-B", observed="E")], 2, Verdict.FAIL),
        ([read("r", 3, 3, "H"), advance("1", "H-B", 9, 10)], 0, Verdict.PASS),
        ([read("r", 3, 3, "H"), advance("1", "H-B", 9, 10)], 1, Verdict.FAIL),
        ([advance("1", "H-B", 9, 10), advance("2", "B-H", 11, 12), read("r", 13, 14, "H")], 1, Verdict.PASS),
        ([advance("1", "H-B", 9, 10), advance("2", "B-H", 11, 12), read("r", 13, 14, "H")], 2, Verdict.FAIL),
    ],
)
def test_a_workflow_moves_alone_as_often_as_it_was_called_for(
    records: list[Record], calls: int, verdict: Verdict
) -> None:
    born = create("c", 0, 1, "H", status=201, detail='{"server_id": "s"}')
    events = [sink(by="workflow", per=["E"]), AWAITED, *[call("s")] * calls]
    result = check_effects(CheckContext(Evidence(build_history([born, *records], *events), HOLD)))
    assert result.verdict is verdict
    assert all("cannot have moved so often" in found.title for found in result.findings)


def test_words_tell_the_calls_in_their_order() -> None:
    [found] = check([move("1")], sink(), AWAITED, call("1", 3_000_001), call("1", 1_000_001, status=None)).findings
    assert found.title.startswith("Pay was called twice for ")
    assert found.words.index("call +1.0 ms: a call, its answer was lost") < found.words.index("call +3.0 ms")


def by_hand(outcomes: list[str], calls: list[int], times: str) -> bool:
    """Whether the calls are right, request by request."""
    for number, outcome in enumerate(outcomes):
        made = calls.count(number)
        if outcome == "conflict":
            right = made == 0
        elif outcome == "unknown":
            right = made <= 1 or times == "at least once"
        else:
            right = {"exactly once": made == 1, "at most once": made <= 1, "at least once": made >= 1}[times]
        if not right:
            return False
    # All of them lead out of one state, to which none leads back.
    won, lost = outcomes.count("won"), {number for number, outcome in enumerate(outcomes) if outcome == "unknown"}
    is_explained = won <= 1 and bool(won or lost or "conflict" not in outcomes)
    return not is_explained or won + len(lost & {*calls}) <= 1


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(40, 800), marks=pytest.mark.exhaustive)])
def test_drawn_histories_are_judged_as_by_hand(seeds: range) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        outcomes = rng.choices(["won", "conflict", "unknown"], k=rng.randint(1, 5))
        calls = rng.choices(range(len(outcomes)), k=rng.randint(0, 5))
        calls += [number for number, outcome in enumerate(outcomes) if outcome == "won" and rng.random() < 0.8]
        times = rng.choice(["exactly once", "at most once", "at least once"])
        records = [move(str(number), outcome) for number, outcome in enumerate(outcomes)]
        made = [call(str(number)) for number in calls]
        evidence = build_evidence_of([create("c", 0, 1), *records], sink(times=times), AWAITED, *made)
        judged = judge_calls(CheckContext(evidence))
        assert judged is not None
        assert (not judged.suspicions) == by_hand(outcomes, calls, times), seed


def test_a_missing_call_is_open_where_others_still_came_when_the_wait_ended() -> None:
    cut = AWAITED | {"still_came": True}
    result = check([move("1"), move("2")], sink(), cut, call("1"))
    assert result.verdict is Verdict.UNKNOWN
    assert "still came when the wait for them ended" in result.findings[0].words
    assert check([move("1")], sink(), cut, call("1"), call("1", 6)).verdict is Verdict.FAIL
