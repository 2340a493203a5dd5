"""conflict-count: how the service answered the contenders that did not win."""

from functools import partial

import polars as pl

from reports.judge.context import CheckContext, Suspicion, conclude, make_finding, not_applicable
from reports.judge.evidence.races import Race, list_races
from reports.judge.race_resolution import exists_before, find_contenders
from reports.judge.text.finding_text import (
    describe_missing_key,
    describe_no_conflict,
)
from reports.judge.verdict import CheckResult, Finding, Verdict


def check_conflict_count(context: CheckContext) -> CheckResult:
    """In every race, contenders = winners + conflicts + stale + busy + unknowns: a contender gets no other answer."""
    races = context.races
    if races.is_empty():
        return not_applicable("conflict-count", "no requests raced for a move", "races")
    races = races.filter(~pl.col("repeats"))
    if races.is_empty():
        return not_applicable("conflict-count", "a request that repeats a win may be told that it won, too", "races")
    odd = races.filter(pl.col("refused") + pl.col("ok") > 0)
    suspicions = []
    for race in list_races(odd):
        exists = find_odd(context, race).filter((pl.col("outcome") == "ok") | exists_before(context, race.w)).height > 0
        verdict = Verdict.FAIL if exists else Verdict.UNKNOWN
        suspicions.append(Suspicion(verdict, partial(report_odd, context, race, verdict)))
    return conclude(context, "conflict-count", judged=races.height, unit="races", suspicions=suspicions)


def find_odd(context: CheckContext, race: Race) -> pl.DataFrame:
    """The contenders that were answered, and neither won nor lost."""
    return find_contenders(context, race).filter(pl.col("outcome").is_in(["refused", "ok"]))


def report_odd(context: CheckContext, race: Race, verdict: Verdict) -> Finding:
    records = context.records(find_odd(context, race)["row"])
    title, words = describe_no_conflict(records[0], records[0].race)
    if again := describe_missing_key(each.status for each in records):
        words += f"\n\n{again.strip()}"
    if verdict is Verdict.UNKNOWN:
        words += "\n\nWhether the workflow existed is not known: its create was not answered."
    return make_finding("conflict-count", records, (title, words), verdict)
