"""Forbidden kinds: requests of a kind that a tenant may never make, though its credentials are good.

The asker calls a 401 or 403 for a tenant that was let in before unknown: its credentials may have expired. They had not
if the tenant was served afterwards; and if no request of the kind was ever accepted, the service refuses the kind. What
was lost with a restart of the service is set aside.
"""

import polars as pl

from reports.history.events import AccessDenied, Effects
from reports.judge.context import CheckContext

DENIED = (401, 403)
QUESTIONS = ("audit trail", "effects")
KIND = ("tenant", "kind", "want", "wants", "set", "next")


def find_forbidden(context: CheckContext) -> pl.Series:
    """The rows of those operations. What a source asked is compared with what the same source was answered."""
    if not context.evidence.history.having(AccessDenied):
        return pl.Series([], dtype=context.ops["row"].dtype)
    own = context.ops.with_columns(source=context.source_numbers).filter("mine")
    refused = own.filter((pl.col("outcome") == "unknown") & pl.col("status").is_in(DENIED))
    until = find_last_served(own)
    accepted = own.filter(pl.col("outcome").is_in(["won", "ok"])).select(KIND).unique()
    never = refused.join(accepted, on=KIND, how="anti", nulls_equal=True)
    never = never.join(until, on=["source", "tenant"]).filter(pl.col("served") > pl.col("returned"))
    history, explain = context.evidence.history, context.lost_logins.explain
    named = never.with_columns(tenant=history.encoded["tenant"].cast(pl.String).gather(never["row"]))
    lost = [
        row
        for row, source, *answer in named.select("row", "source", "tenant", "status", "returned").iter_rows()
        if explain(history.sources[source].name, *answer)
    ]
    return never.filter(~pl.col("row").is_in(lost))["row"]


def find_last_served(own: pl.DataFrame) -> pl.DataFrame:
    """When each source last asked something, as each tenant, that was answered as it should be."""
    served = own.filter(pl.col("outcome").is_in(["won", "ok", "conflict", "stale"]))
    return served.group_by("source", "tenant").agg(pl.col("invoked").max().alias("served"))


def find_never_shown(context: CheckContext) -> list[AccessDenied]:
    """The first question of each kind for a trail, or for effects, whose tenant was shown none at all."""
    history = context.evidence.history
    told = [
        (source, event)
        for source, event in history.by_source(AccessDenied)
        if event.question in QUESTIONS and not context.lost_logins.explain_event(source, event)
    ]
    if not told:
        return []
    own = context.ops.with_columns(source=context.source_numbers).filter("mine")
    tenants = dict(own.select("w", "tenant").unique("w").iter_rows())
    served = {(source, tenant): at for source, tenant, at in find_last_served(own).iter_rows()}
    numbers = {source.name: number for number, source in enumerate(history.sources)}
    number_workflows = context.evidence.number_workflows
    shown = {
        "audit trail": {tenants.get(w) for w in number_workflows(history.audit["workflow"].unique())},
        "effects": {tenants.get(w) for w in number_workflows([event.workflow for event in history.having(Effects)])},
    }
    found: dict[tuple[str, int | None], AccessDenied] = {}
    for (source, event), w in zip(told, number_workflows([event.workflow for _, event in told]), strict=True):
        what, tenant = str(event.question), tenants.get(w)
        last = served.get((numbers[source], tenant))
        is_served = last is not None and last > (event.until_ns or 0)
        if is_served and tenant not in shown[what]:
            found.setdefault((what, tenant), event)
    return list(found.values())
