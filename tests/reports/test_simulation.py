"""Goal: no check ever accuses a right engine. Method: simulated right histories, with lost answers, requests that take
effect long after, cycles, cancels, guards, other tenants; and then one lie in each, which must not go unnoticed."""

import polars as pl
import pytest

from reports.history.history import take_frame
from reports.judge.all_checks import CHECKS
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.verdict import Verdict
from tests.reports.simulation import GRAPH, simulate


@pytest.mark.parametrize("seed", range(4))
def test_a_right_engine_is_never_accused(seed: int) -> None:
    judgement = judge(simulate(seed, 60, faults=30), GRAPH)
    assert [finding.words for finding in judgement.findings if finding.verdict is Verdict.FAIL] == []
    applied = {result.check for result in judgement.checks if result.verdict is not None}
    assert applied >= set(CHECKS) - {"accounting", "effects", "precondition", "capacity", "idempotent", "schema"}


def test_without_graph_or_trail_it_is_not_accused_either() -> None:
    judgement = judge(take_frame(simulate(5, 60, illegal=False).operations))
    assert [finding.words for finding in judgement.findings if finding.verdict is Verdict.FAIL] == []


@pytest.mark.parametrize("seed", range(3))
def test_a_loser_that_is_told_that_it_won_is_found(seed: int) -> None:
    """In every race with a winner, one loser more is told that it won: the race itself must be found, every time."""
    operations = simulate(seed, 10).operations
    won = operations.filter(operations["outcome"] == "won")["race"].drop_nulls().implode()
    losers = operations.filter((pl.col("outcome") == "conflict") & pl.col("race").is_in(won)).unique(
        "race", keep="first"
    )
    lies = pl.col("id").is_in(losers["id"].implode())
    told = operations.with_columns(outcome=pl.when(lies).then(pl.lit("won")).otherwise("outcome"))
    judgement = judge(take_frame(told), GRAPH, limits=Limits(findings_max=1_000))
    result = next(result for result in judgement.checks if result.check == "one-winner")
    assert {finding.race for finding in result.findings} >= set(losers["race"]) > set()
    assert judgement.verdict is Verdict.FAIL
