"""tenant-isolation: another tenant sees nothing and moves nothing."""

import polars as pl

from reports.judge.context import CheckContext, conclude, doubt, fail, make_finding, not_applicable, report_row
from reports.judge.evidence.ids_per_tenant import OtherObject
from reports.judge.evidence.lost_logins import UNAUTHORIZED
from reports.judge.probes import find_probes, suspect_probes
from reports.judge.text.finding_text import (
    describe_foreign,
    describe_other_object,
    describe_unknown_tenant,
)
from reports.judge.verdict import CheckResult, Finding, Verdict


def check_tenant_isolation(context: CheckContext) -> CheckResult:
    """Another tenant's call is refused or unknown: it sees nothing and moves nothing.

    A tenant that the service does not know is turned away at its door (401), which says nothing about isolation. Nor
    do the answers to a tenant for whom the ids of the owner are other objects.
    """
    check = "tenant-isolation"
    probes = find_probes(context, check)
    foreign = context.ops.filter(~pl.col("mine"))
    if foreign.is_empty() and not probes:
        return not_applicable(check, "no tenant touched another one's workflow")
    served = foreign.filter(pl.col("outcome").is_in(["won", "ok", "conflict", "stale"]))
    served = served.join(context.elsewhere, on="row", how="anti", maintain_order="left")
    suspicions = [fail(report_foreign, context, row) for row in served["row"].to_list()]
    suspicions += [doubt(report_other_object, context, each) for each in context.other_objects.values()]
    suspicions += suspect_probes(check, probes)
    suspicions += [
        doubt(report_row, context, check, describe_unknown_tenant, row, Verdict.UNKNOWN)
        for row in find_unknown_tenants(context, foreign)
    ]
    return conclude(context, check, judged=foreign.height + len(probes), unit="calls", suspicions=suspicions)


def report_foreign(context: CheckContext, row: int) -> Finding:
    record = context.records([row])[0]
    owned = context.ops.filter(
        (pl.col("workflow") == context.ops.filter(pl.col("row") == row)["workflow"][0]) & pl.col("mine")
    )
    owner = context.records(owned["row"][:1])[0].tenant
    return make_finding("tenant-isolation", [record], describe_foreign(record, owner))


def report_other_object(context: CheckContext, found: OtherObject) -> Finding:
    own, foreign = context.records([found.own, found.foreign])
    text = describe_other_object(found.seen, own, foreign)
    return make_finding("tenant-isolation", [foreign, own], text, Verdict.UNKNOWN)


def find_unknown_tenants(context: CheckContext, foreign: pl.DataFrame) -> list[int]:
    """The first call of each tenant to whom every answer of the history was 401."""
    asked = context.evidence.history.frame.select("tenant", "status").with_row_index("row").collect()
    mine = foreign.select("row").join(asked, on="row", maintain_order="left")
    answered = asked.filter(pl.col("status").is_not_null() & pl.col("tenant").is_in(mine["tenant"].unique().implode()))
    known = answered.filter(pl.col("status") != UNAUTHORIZED)["tenant"].unique()
    turned_away = mine.filter((pl.col("status") == UNAUTHORIZED) & ~pl.col("tenant").is_in(known.implode()))
    return turned_away.unique("tenant", keep="first", maintain_order=True)["row"].to_list()
