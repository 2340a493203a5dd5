"""Goal: a comparison names what newly fails first, and never compares what was measured under other conditions.

Method: two sides made by hand, with what differs between them said in the test.
"""

from datetime import date
from typing import Any

import pytest

from reports.comparison.comparison import Side, Terms, compare
from reports.comparison.comparison_result import Acknowledgement, Change, Comparison, Design, Standing
from reports.comparison.description import (
    describe_checks,
    describe_measure,
    describe_method,
    describe_result,
    describe_test,
    order_measures,
)
from reports.comparison.regression import Rules
from reports.judge.verdict import CheckResult, Judgement, Verdict
from tests.reports.building import make_facts

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
FAST = [100.0, 101, 99, 102, 98, 100.5, 101.5, 99.5, 100.2, 100.9, 99.1, 102.3, 98.4, 100.6]
SLOW = [150.0, 151, 149, 152, 148, 150.5, 151.5, 149.5, 150.3, 150.8, 149.2, 152.1, 148.3, 150.7]


def make_side(name: str, checks: dict[str, Verdict | None], blocks: list[float] = FAST, **facts: Any) -> Side:
    results = tuple(CheckResult(check, verdict) for check, verdict in checks.items())
    decided = [verdict for verdict in checks.values() if verdict is not None]
    verdict = next((one for one in (FAIL, UNKNOWN) if one in decided), PASS)
    measured = {"measures": {"blocks": {"latency.won.p50": blocks, "races_per_second": FAST}}, "target": "orders"}
    return Side(name, make_facts(**(measured | facts)), Judgement(verdict, "", results))


def compare_checks(baseline: dict[str, Verdict | None], run: dict[str, Verdict | None]) -> Comparison:
    return compare(make_side("a", baseline), make_side("b", run), Terms())


@pytest.mark.parametrize(
    ("baseline", "run", "standing"),
    [
        (PASS, FAIL, Standing.NEWLY_FAILING),
        (None, FAIL, Standing.NEWLY_FAILING),
        (UNKNOWN, FAIL, Standing.NEWLY_FAILING),
        (FAIL, FAIL, Standing.STILL_FAILING),
        (FAIL, PASS, Standing.FIXED),
        (FAIL, UNKNOWN, Standing.UNDECIDED),
        (PASS, UNKNOWN, Standing.UNDECIDED),
        (PASS, None, Standing.LOST),
        (FAIL, None, Standing.LOST),
        (PASS, PASS, Standing.SAME),
        (UNKNOWN, PASS, Standing.SAME),
        (None, PASS, Standing.SAME),
        (None, None, Standing.SAME),
    ],
)
def test_each_check_has_a_standing(baseline: Verdict | None, run: Verdict | None, standing: Standing) -> None:
    [change] = compare_checks({"audit": baseline}, {"audit": run}).checks
    assert (change.baseline, change.run, change.standing) == (baseline, run, standing)


def test_a_check_that_only_one_knows_is_compared_too() -> None:
    comparison = compare_checks({"old": PASS}, {"new": FAIL})
    assert comparison.having(Standing.LOST) == ("old",)
    assert comparison.having(Standing.NEWLY_FAILING) == ("new",)


def test_the_newly_failing_come_first() -> None:
    comparison = compare_checks(
        {"a": FAIL, "b": FAIL, "c": PASS, "d": PASS, "e": PASS}, {"a": PASS, "b": FAIL, "c": FAIL, "d": PASS, "e": None}
    )
    assert [change.check for change in comparison.checks] == ["c", "b", "e", "a", "d"]
    assert describe_checks(comparison) == [
        "newly failing: c",
        "still failing: b",
        "decided in the baseline, but not made in the run: e",
        "fixed: a",
    ]
    assert describe_result(comparison) == "newly failing: c; still failing: b"


@pytest.mark.parametrize(
    ("baseline", "run", "words"),
    [
        ({"a": PASS}, {"a": UNKNOWN}, "the run's verdict is unknown; could not be decided in the run: a"),
        ({"a": UNKNOWN}, {"a": PASS}, "the baseline's verdict is unknown: it proves nothing to compare with"),
        ({"a": PASS, "b": PASS}, {"a": PASS, "b": None}, "decided in the baseline, but not made in the run: b"),
        ({"a": FAIL}, {"a": PASS}, "fixed: a; no check fails; no regression; at least "),
    ],
)
def test_one_sentence_says_what_decides(
    baseline: dict[str, Verdict | None], run: dict[str, Verdict | None], words: str
) -> None:
    assert describe_result(compare_checks(baseline, run)).startswith(words)


def test_a_regression_is_named_with_its_evidence() -> None:
    comparison = compare(make_side("a", {}), make_side("b", {}, SLOW), Terms(Design.INTERLEAVED))
    assert [change.verdict for change in comparison.measures] == [Change.SAME, Change.REGRESSED]
    assert describe_result(comparison).endswith("latency of won, p50 (+49.9%)")
    [slower] = comparison.regressions
    assert slower.test is not None
    told = describe_test(slower.test)
    assert "p = 0.00012, 0.00024 after Holm's correction, held against 0.01; 95% interval +4" in told
    assert "; 14 pairs of blocks; " in told
    assert told.endswith("would have been seen")
    assert "2 measures decide, corrected by Holm" in describe_method(comparison)


def test_what_is_known_is_told_and_does_not_count() -> None:
    known = Acknowledgement("latency.won.p50", "the new index", "2026-06-30")
    terms = Terms(Design.INTERLEAVED, None, [known], date(2026, 6, 1))
    comparison = compare(make_side("a", {"x": PASS}), make_side("b", {"x": PASS}, SLOW), terms)
    assert comparison.regressions == ()
    assert describe_measure(comparison.measures[1]).startswith("acknowledged until 2026-06-30: the new index; ")
    told = describe_result(comparison)
    assert told.startswith("no check fails; acknowledged: latency of won, p50 (+49.9%); no other regression; at least ")


GROUP: dict[str, Any] = {"scenarios": {"fork": 1}, "races": 300, "contenders": 10, "processes": 1, "rate": None}
RACED: dict[str, Any] = {"level": "race", "planned": 10, "run": 10, "seconds": 1}


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        (
            {"machine": {"cpus": 2}},
            {"machine": {"cpus": 4}},
            "different machine (cpus): 2 in the baseline, 4 in the run",
        ),
        ({"database": "embedded"}, {"database": "URL"}, "different database: embedded in the baseline, URL in the run"),
        (
            {"plan": {"worker_groups": [GROUP]}},
            {"plan": {"worker_groups": [GROUP | {"scenarios": {"fork": 1, "guards": 2}}]}},
            "different scenarios: fork=1 in the baseline, fork=1, guards=2 in the run",
        ),
        (
            {"plan": {"worker_groups": [GROUP]}},
            {"plan": {"worker_groups": [GROUP | {"races": None}]}},
            "different races: 300 in the baseline, as many as the time allows in the run",
        ),
        (
            {"levels": [RACED]},
            {"levels": [RACED, RACED | {"level": "faults"}]},
            "different levels: race in the baseline, race, faults in the run",
        ),
        (
            {},
            {"fault_injector": {"rate": 0.01, "crashes": 3}},
            "different faults under load: none in the baseline, 0.01 of the statements, 3 crashes in the run",
        ),
    ],
)
def test_measures_under_other_conditions_are_set_aside(
    theirs: dict[str, Any], ours: dict[str, Any], words: str
) -> None:
    comparison = compare(make_side("a", {}, **theirs), make_side("b", {}, SLOW, **ours), Terms())
    assert comparison.notes == (words,)
    assert {change.verdict for change in comparison.measures} == {Change.INCONCLUSIVE}
    assert {change.reason for change in comparison.measures} == {"taken under other conditions: see the notes"}
    assert comparison.primaries == ()
    assert describe_result(comparison).startswith(
        "no check fails; no measure could be compared: taken under other conditions"
    )
    assert words in describe_result(comparison)


def test_what_the_engine_got_through_is_no_condition() -> None:
    """Item by item what a run tells that depends on its engine's pace, and another seed of the same plan."""
    plan = {"plan": {"worker_groups": [GROUP]}}
    theirs: dict[str, Any] = plan | {
        "seed": 1,
        "levels": [RACED | {"scenarios": [{"scenario": "fork", "planned": 300, "run": 300}]}],
    }
    ours: dict[str, Any] = plan | {
        "seed": 2,
        "levels": [RACED | {"run": 3, "scenarios": [{"scenario": "fork", "planned": 300, "run": 3}]}],
    }
    spreads: dict[str, None] = dict.fromkeys(("release_ns", "overlap", "arrival_ns"))
    quality = [{"contenders": 10, "races": 3, **spreads}, {"contenders": 5, "races": 1, **spreads}]
    measures = {"blocks": {"latency.won.p50": SLOW}, "race_quality": quality}
    comparison = compare(make_side("a", {}, **theirs), make_side("b", {}, **ours, measures=measures), Terms())
    assert comparison.notes == ()
    assert [change.measure for change in comparison.regressions] == ["latency.won.p50"]


def test_a_comparison_of_nothing_says_so() -> None:
    nothing = compare(make_side("a", {}, measures={}), make_side("b", {}, measures={}), Terms())
    assert describe_result(nothing) == "no check fails; no measure could be compared: there are no races in both"
    few = compare(make_side("a", {}, FAST[:3]), make_side("b", {}, SLOW[:3], measures={}), Terms())
    assert "no measure could be compared: the run has no blocks of it" in describe_result(few)


def test_another_kernel_or_target_is_no_obstacle() -> None:
    theirs = make_side("a", {}, machine={"cpus": 2, "release": "6.1"})
    ours = make_side("b", {}, SLOW, machine={"cpus": 2, "release": "6.2"}, target="new")
    comparison = compare(theirs, ours, Terms(rules=Rules(allowance=0.1)))
    assert comparison.notes == ("different target: orders in the baseline, new in the run",)
    assert [change.measure for change in comparison.regressions] == ["latency.won.p50"]


def test_what_regressed_is_shown_first() -> None:
    comparison = compare(make_side("a", {}), make_side("b", {}, SLOW), Terms(Design.INTERLEAVED))
    shown = order_measures(reversed(comparison.measures))
    assert [change.verdict for change in shown] == [Change.REGRESSED, Change.SAME]
