"""Goal: a run of which little was run says so first of all, and less than half of a plan proves nothing.

Method: histories with `level` events written by hand.
"""

from typing import Any

import msgspec
import pytest
from msgspec import structs

from reports.comparison.facts import Facts
from reports.documents.junit import render_junit
from reports.documents.page import render_page
from reports.documents.summary import render_summary
from reports.history.events import Level
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.levels.unfinished_levels import describe_partial, sum_levels
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import advance, build_history, create

ONE = RunPlan(sources=("history",))


def tell_level(
    level: str, run: int, planned: int, ended: str = "time", unit: str = "plans", **more: Any
) -> dict[str, Any]:
    return {"event": "level", "source": "s", "level": level, "unit": unit, "planned": planned, "run": run} | {
        "ended": ended,
        **more,
    }


def make_levels(*told: dict[str, Any]) -> list[Level]:
    return [msgspec.convert(each, Level) for each in told]


def judge_levels(*events: dict[str, Any], plan: RunPlan | None = ONE) -> Judgement:
    whole = [
        {"event": "plan", "operations": 2, "source": "history"},
        {"event": "end", "operations": 2, "source": "history"},
    ]
    return judge(build_history([create("c", 0, 5), advance("1", "A-B", 10, 20)], *whole, *events), plan=plan)


@pytest.mark.parametrize(
    ("run", "verdict"), [(60, Verdict.PASS), (30, Verdict.PASS), (29, Verdict.UNKNOWN), (0, Verdict.UNKNOWN)]
)
def test_less_than_half_of_a_level_proves_nothing(run: int, verdict: Verdict) -> None:
    judgement = judge_levels(tell_level("parallel", run, 60))
    assert judgement.verdict is verdict
    assert (f"partly run: {run} of 60 plans (parallel: its time was up)" in judgement.reason) == (run < 60)
    assert ("less than half of what was planned of parallel" in judgement.reason) == (run < 30)


def test_a_part_that_is_accepted_is_told_and_judged() -> None:
    judgement = judge_levels(tell_level("parallel", 1, 60), plan=structs.replace(ONE, accept_partial=True))
    assert judgement.verdict is Verdict.PASS
    assert judgement.reason.endswith("; partly run: 1 of 60 plans (parallel: its time was up)")


def test_a_history_that_is_judged_alone_has_no_plan() -> None:
    judgement = judge_levels(tell_level("parallel", 1, 60), plan=None)
    assert (judgement.verdict, judgement.reason) == (Verdict.PASS, judge_levels(plan=None).reason)


def test_each_scenario_has_a_floor_of_its_own() -> None:
    parts = [
        {"scenario": "fork", "unit": "races", "planned": 10, "run": 10},
        {"scenario": "guards", "unit": "rounds", "planned": 10, "run": 4},
    ]
    judgement = judge_levels(tell_level("race", 10, 10, unit="races", scenarios=parts))
    assert judgement.verdict is Verdict.UNKNOWN
    assert "planned of guards was run" in judgement.reason
    assert judgement.reason.endswith("partly run: 4 of 10 rounds of guards (race: its time was up)")


def test_the_sources_of_a_level_add_up() -> None:
    events = [tell_level("race", 10, 50, unit="races"), tell_level("race", 50, 50, "complete", unit="races")]
    [level] = sum_levels(make_levels(*events))
    assert (level.planned, level.run, level.ended) == (100, 60, ("time",))
    assert judge_levels(*events).verdict is Verdict.PASS


def test_a_failure_stays_one() -> None:
    twice = [create("c", 0, 5), advance("1", "A-B", 10, 20), advance("2", "A-B", 30, 40)]
    judgement = judge(build_history(twice, tell_level("parallel", 1, 60, "mismatch")), plan=ONE)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.endswith("partly run: 1 of 60 plans (parallel: a mismatch ended it)")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_first_line_of_every_document_tells_it(verdict: Verdict) -> None:
    faults = tell_level("faults", 3, 3, "complete", unit="pairings")
    levels = sum_levels(make_levels(tell_level("parallel", 10, 60), faults))
    facts = Facts(levels=tuple(levels))
    told = "partly run: 10 of 60 plans (parallel: its time was up)"
    assert describe_partial(levels) == told
    judgement = Judgement(verdict, "why", ())
    assert told in render_summary(facts, judgement).splitlines()[0]
    assert told in render_junit(facts, judgement).splitlines()[1]
    heading = render_page(facts, judgement).partition('<h1 id="verdict">')[2].partition("</h1>")[0]
    assert told in heading
