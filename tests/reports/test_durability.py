"""Goal: durability names what a fault destroyed, and never takes another mistake for it. Method: literal histories with
and without trails; simulated ones, right and with double winners, under faults of every kind; and engines that forget.
"""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from engine.target.graph import TransitionGraph
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.history.seal import seal_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.limits import Limits
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, advance, build_history, create, fault, override, read, trail
from tests.reports.simulation import GRAPH, simulate

ABC = TransitionGraph.of("A", {"A": ["B"], "B": ["A", "C"], "C": ["D"]})
CREATE = create("c", 0, 1)
WIN = advance("a", "A-B", 10, 20)
CRASH = fault(30, 40)


def ask(identity: str, edge: str, invoked: int, returned: int, **more: Any) -> Record:
    return advance(identity, edge, invoked, returned, detail=f'{{"request_id":"{identity}"}}', **more)


def check(records: list[Record], *events: Record, **more: Any) -> CheckResult:
    (result,) = judge(build_history(records, *events), ABC, only=["durability"], **more).checks
    return result


def find_lost(records: list[Record], *events: Record) -> list[Any] | None:
    """The operations of the findings; None unless the check failed."""
    result = check(records, *events)
    return [finding.operations for finding in result.findings] if result.verdict is Verdict.FAIL else None


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], "no fault was injected that can destroy anything"),
        ([fault(30, 40, "delayed")], "no fault was injected that can destroy anything"),
        ([fault(30, 40, workflow="another")], "of nothing that was acknowledged anything was seen after a fault"),
        ([{"event": "break_met", "at_ns": 30, "until_ns": 40}], "no fault was injected that can destroy anything"),
        ([fault(5, 6)], "of nothing that was acknowledged anything was seen after a fault"),
        ([fault(30, 60)], "of nothing that was acknowledged anything was seen after a fault"),
    ],
)
def test_it_applies_where_something_acknowledged_was_looked_at_after_a_fault(events: list[Record], reason: str) -> None:
    result = check([CREATE, WIN, read("r", 50, 51, "B")], *events)
    assert (result.verdict, result.reason) == (None, reason)


@pytest.mark.parametrize("crash", [CRASH, fault(30, 40, workflow="w"), fault(15), fault(15, 45)])
def test_what_is_still_there_survived(crash: Record) -> None:
    result = check([CREATE, WIN, read("r", 50, 51, "B"), ask("b", "B-C", 60, 70)], crash)
    assert (result.verdict, result.judged) == (Verdict.PASS, 1)
    result = check([CREATE, ask("a", "A-B", 10, 20)], crash, trail(50, "A-B:a"))
    assert (result.verdict, result.judged) == (Verdict.PASS, 1)


@pytest.mark.parametrize("crash", [CRASH, fault(30, 40, workflow="w"), fault(15), fault(15, 45)])
def test_what_a_later_answer_contradicts_was_lost(crash: Record) -> None:
    result = check([CREATE, WIN, read("r", 50, 51, "A")], fault(1, 2, "delayed"), crash)
    assert [finding.operations for finding in result.findings] == [("a", "r")]
    assert "(server killed)" in result.findings[0].title
    assert (
        "invoked 10 ns after the end of the fault"
        in check([CREATE, WIN, read("r", 50, 51, "A")], CRASH).findings[0].words
    )


def test_of_many_faults_the_one_during_the_call_is_named() -> None:
    faults = [fault(12, 13, "answer lost"), *(fault(n, n, "backend ended") for n in range(25, 45))]
    (finding,) = check([CREATE, WIN, read("r", 50, 51, "A")], *faults).findings
    assert "(answer lost)" in finding.title
    assert "it is one of 21 that lie in between" in finding.words


def test_an_override_is_as_durable_as_an_advance() -> None:
    records = [CREATE, override("s", "D", 10, 20), read("r", 50, 51, "A")]
    assert find_lost(records, CRASH) == [("s", "r")]


def test_what_was_not_acknowledged_may_be_lost() -> None:
    lost = advance("a", "A-B", 10, None, "unknown")
    result = check([CREATE, lost, read("r", 50, 51, "A")], CRASH)
    assert result.verdict is None


@pytest.mark.parametrize("between", [fault(30, 40), fault(13, 14), fault(19, 21), fault(12, 60)])
def test_two_winners_whose_rows_are_both_there_lost_nothing(between: Record) -> None:
    """With the fault between them, in one of them, or around both: the trail of the end has the two."""
    for second in (ask("b", "A-B", 12, 22), ask("b", "A-B", 50, 55)):
        records = [CREATE, ask("a", "A-B", 10, 20), second, read("r", 70, 71, "B")]
        assert check(records, between, trail(90, "A-B:a", "A-B:b")).verdict is not Verdict.FAIL


@pytest.mark.parametrize("where", range(0, 100, 3))
def test_two_winners_of_a_plain_race_are_no_loss_wherever_a_fault_was(where: int) -> None:
    pair = [ask("a", "A-B", 10, 20, race="r"), ask("b", "A-B", 12, 40, race="r")]
    later = [read("r1", 50, 51, "B"), ask("d", "B-C", 60, 70), read("r2", 80, 81, "C")]
    assert check([CREATE, *pair, *later], fault(where, where + 1)).verdict is not Verdict.FAIL


def test_without_a_row_after_the_fault_it_was_lost_though_a_contender_won_then() -> None:
    """Acknowledged before its commit, which never came: the waiting request wins. The trail has only that."""
    records = [CREATE, ask("a", "A-B", 10, 20), ask("b", "A-B", 11, 35), read("r", 50, 51, "B")]
    cut = fault(21, 22, "connection lost before", workflow="w")
    assert find_lost(records, cut, trail(60, "A-B:b")) == [("a",)]
    assert find_lost(records, cut, trail(60, "A-B:a", "A-B:b")) is None


def test_where_a_contender_took_its_place_and_the_fault_may_have_struck_either_it_is_open() -> None:
    """A loser that is told that it won looks the same, and faults are everywhere under load."""
    records = [CREATE, ask("a", "A-B", 10, 20), ask("b", "A-B", 11, 35), read("r", 50, 51, "B")]
    result = check(records, fault(21, 22, "connection lost before"), trail(60, "A-B:b"))
    assert result.verdict is Verdict.UNKNOWN
    assert [finding.operations for finding in result.findings] == [("a",)]
    after = [CREATE, ask("a", "A-B", 10, 20), ask("b", "A-B", 31, 35)]
    assert find_lost(after, fault(21, 22, "connection lost before"), trail(60, "A-B:b")) == [("a",)]


def test_what_was_not_due_any_more_was_not_lost() -> None:
    """A stale request that is told that it won: the state had been taken away before it was asked, by one that is still
    there. A cancel is due in the next state as well, and a retry in one that came back."""
    first, stale = ask("a", "A-B", 10, 20), ask("b", "A-B", 30, 35)
    assert check([CREATE, first, stale], fault(32, 33), trail(60, "A-B:a")).verdict is Verdict.UNKNOWN
    assert find_lost([CREATE, first, ask("x", "A|B-C", 30, 35)], CRASH, trail(60, "A-B:a")) == [("x",)]
    back = [ask("f", "B-A", 21, 22), ask("d", "A-B", 30, 35)]
    assert find_lost([CREATE, first, *back], CRASH, trail(60, "A-B:a", "B-A:f")) == [("d",)]


def test_where_no_request_is_named_a_row_may_be_anybodys() -> None:
    records = [CREATE, ask("a", "A-B", 10, 20), ask("b", "A-B", 11, 35)]
    assert find_lost(records, CRASH, trail(60, "A-B")) is None
    assert find_lost([CREATE, ask("a", "A-B", 10, 20)], CRASH, trail(60)) == [("a",)]


def test_two_winners_before_any_fault_were_no_victims_of_it() -> None:
    records = [CREATE, ask("a", "A-B", 10, 20), ask("b", "A-B", 11, 25), read("r", 50, 51, "B")]
    assert find_lost(records, CRASH, trail(60, "A-B:b")) is None


def test_a_row_that_was_missing_before_the_fault_was_not_lost_by_it() -> None:
    records = [CREATE, ask("a", "A-B", 10, 20)]
    assert find_lost(records, CRASH, trail(25), trail(60)) is None
    assert find_lost(records, CRASH, trail(25, "A-B:a"), trail(60)) == [("a",)]


def test_an_engine_that_leaves_rows_out_anyway_is_not_said_to_lose_them() -> None:
    """A loser that is told that it won has no row, fault or not; so a calm race elsewhere tells them apart."""
    spoiled = [CREATE, ask("a", "A-B", 10, 20), ask("b", "A-B", 11, 35), read("r", 50, 51, "B")]
    about: Record = {"workflow": "calm"}
    calm = [
        create("c2", 0, 1, **about),
        ask("x", "A-B", 10, 20, **about),
        ask("y", "A-B", 11, 35, **about),
    ]
    cut = fault(21, 22, "answer lost", workflow="w")
    result = check([*spoiled, *calm], cut, trail(60, "A-B:b"), trail(60, "A-B:y", workflow="calm"))
    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].title == (
        "Acknowledged transitions are missing from trails, and not only where a fault was near."
    )
    # A row that comes late is none that is left out: nothing came after it.
    late = [create("c2", 0, 1, **about), ask("x", "A-B", 10, 20, **about)]
    assert find_lost([*spoiled, *late], cut, trail(60, "A-B:b"), trail(21, workflow="calm")) == [("a",)]


def test_an_engine_whose_reads_are_stale_anyway_is_not_said_to_lose_anything() -> None:
    """A workflow that no fault was near tells so; then only a transition shows that another one is gone."""
    about: Record = {"workflow": "calm"}
    calm = [create("c2", 0, 1, **about), advance("x", "A-B", 2, 3, **about), read("y", 4, 5, "A", **about)]
    assert find_lost([CREATE, WIN, read("r", 50, 51, "A"), *calm], CRASH) is None
    assert find_lost([CREATE, WIN, read("r", 50, 51, "A")], CRASH) == [("a", "r")]
    again = advance("b", "A-B", 60, 61)
    assert find_lost([CREATE, WIN, read("r", 50, 51, "A"), again, *calm], CRASH) == [("a", "b")]


def test_where_the_search_ran_out_it_is_unknown() -> None:
    sets = [override(f"s{number}", f"v{number}", 0, 1_000) for number in range(30)]
    reads = [read(f"q{number}", 0, 3_000, f"v{number}") for number in range(30)]
    reads += [read("r1", 2_000, 2_001, "v1"), read("r2", 2_002, 2_003, "v2")]
    history = build_history([*sets, *reads], fault(1_500))
    (result,) = judge(history, only=["durability"], limits=Limits(workflow_s=0.05)).checks
    assert result.verdict is Verdict.UNKNOWN
    assert result.findings[0].title == "Workflow w could not be decided within 0.05 s."


@pytest.mark.parametrize("audited", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_double_winners_under_faults_are_no_losses(seed: int, audited: bool) -> None:
    """One loser of every race is told that it won. In a few workflows no fault was near, and tells so."""
    history = simulate(seed, 40, faults=0)
    operations = history.operations
    won = operations.filter(operations["outcome"] == "won")["race"].drop_nulls().implode()
    lies = operations.filter((pl.col("outcome") == "conflict") & pl.col("race").is_in(won)).unique("race", keep="first")
    lied = pl.col("id").is_in(lies["id"].implode())
    told = operations.with_columns(outcome=pl.when(lied).then(pl.lit("won")).otherwise("outcome"))
    random = Random(seed)
    struck = [
        fault(at, at + 20, random.choice(("answer lost", "server killed")), workflow=f"w{number}")
        for number in range(35)
        for at in (random.randrange(500), random.randrange(500))
    ]
    audit = history.audit if audited else history.audit.clear()
    judgement = judge(replace(build_history(told.to_dicts(), *struck), audit=audit), GRAPH)
    verdicts = {result.check: result.verdict for result in judgement.checks}
    assert verdicts["linearizable"] is Verdict.FAIL
    assert verdicts["durability"] is (Verdict.UNKNOWN if audited else Verdict.PASS)


def test_a_journal_of_faults_beside_the_others_is_enough(tmp_path: Path) -> None:
    """As a run writes them, sealed: the client and the fault injector have a file each."""
    with Journal(tmp_path / "race-0.jsonl") as journal:
        journal.write(events.Plan(operations=2))
        for identity, kind, following, begin in (("a", "advance", "B", 10), ("r", "read", None, 50)):
            journal.write(
                events.Invoke(
                    identity, 0, "w", kind, begin, tenant="acme", expected="A" if following else None, next=following
                )
            )
            outcome, seen = ("won", None) if following else ("ok", "A")
            journal.write(events.Return(identity, outcome, 200, seen, begin + 5))
        journal.write(events.End(operations=2))
    with Journal(tmp_path / "faults.jsonl") as journal:
        journal.write(events.Plan(operations=0))
        journal.write(events.Fault(at_ns=30, until_ns=40, what="server killed"))
        journal.write(events.End(operations=0))
    seal_history(tmp_path)
    judgement = judge(
        read_history(tmp_path),
        ABC,
        "A",
        plan=RunPlan(sources=("faults", "race-0")),
    )
    verdicts = {result.check: result.verdict for result in judgement.checks}
    assert verdicts["durability"] is Verdict.FAIL
    assert verdicts["accounting"] is Verdict.PASS
