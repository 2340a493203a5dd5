"""tenant-isolation, contract, schema and no-5xx: what can be said of each answer by itself."""

from collections.abc import Callable
from functools import partial

import polars as pl

from reports.history.events import AccessDenied, Hidden, Probe, Unsent
from reports.history.history import Record
from reports.judge.context import CheckContext, Suspicion, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.creates import find_shared_ids
from reports.judge.finding_text import (
    Text,
    describe_foreign,
    describe_never_shown,
    describe_other_object,
    describe_probe,
    describe_problem,
    describe_refused,
    describe_server_error,
    describe_shared_id,
    describe_stuck_workflow,
    describe_unknown_tenant,
    describe_wrong_create,
)
from reports.judge.forbidden_kinds import find_forbidden, find_never_shown
from reports.judge.ids_per_tenant import OtherObject
from reports.judge.stuck_workflows import find_stuck
from reports.judge.verdict import CheckResult, Finding, Verdict

UNAUTHORIZED = 401


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
    suspicions = [fail(partial(report_foreign, context, row)) for row in served["row"].to_list()]
    suspicions += [doubt(partial(report_other_object, context, each)) for each in context.other_objects.values()]
    suspicions += suspect_probes(check, probes)
    suspicions += [
        doubt(partial(report_unknown_tenant, context, row)) for row in find_unknown_tenants(context, foreign)
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


def report_unknown_tenant(context: CheckContext, row: int) -> Finding:
    record = context.records([row])[0]
    return make_finding("tenant-isolation", [record], describe_unknown_tenant(record), Verdict.UNKNOWN)


def check_contract(context: CheckContext) -> CheckResult:
    """Every answer is as specified, by the problems that the client noted; no legal request of an owner is refused, and
    none finds a workflow busy for good.
    """
    probes = find_probes(context, "contract")
    noted = context.ops.filter("problem")["row"].to_list()
    graph, refused = context.evidence.graph, find_refused(context)
    shared, hidden = find_shared_ids(context.evidence.history), find_never_shown(context)
    if graph is None and not probes and not noted and not refused and not shared and not hidden:
        return not_applicable("contract", "neither a probe nor a graph says what the answers should be")
    if context.ops.is_empty() and not probes:
        return not_applicable("contract", "the history has no answers", "answers")
    suspicions: list[Suspicion] = []
    for record in context.records(noted):
        problem = record.read_detail().problem
        if problem:
            suspicions.append(fail(partial(make_finding, "contract", [record], describe_problem(record, str(problem)))))
    suspicions += [fail(partial(report_row, context, "contract", row, describe_refused)) for row in refused]
    suspicions += [fail(partial(report_stuck, context, rows)) for rows in find_stuck(context)]
    if graph is not None:
        suspicions += [
            fail(partial(report_create, context, row, graph.initial))
            for row in find_wrong_creates(context, graph.initial)
        ]
    suspicions += [fail(partial(report_shared_id, context, rows)) for rows in shared]
    suspicions += [fail(partial(report_hidden, event)) for event in hidden]
    suspicions += suspect_probes("contract", probes)
    return conclude(context, "contract", judged=context.ops.height + len(probes), unit="answers", suspicions=suspicions)


def find_refused(context: CheckContext) -> list[int]:
    """The owner's requests that are legal, for a workflow that had been answered before, and that were refused. A read
    is always legal; whether an advance is, only a graph can tell.
    """
    kinds = ["read"] if context.evidence.graph is None else ["advance", "read"]
    is_forbidden = pl.col("row").is_in(find_forbidden(context).implode())
    ops = context.ops.with_columns(
        outcome=pl.when(is_forbidden).then(pl.lit("refused")).otherwise(pl.col("outcome").cast(pl.String))
    )
    refused = ops.filter(pl.col("mine") & (pl.col("outcome") == "refused") & pl.col("kind").is_in(kinds))
    if refused.is_empty():
        return []
    answered = pl.col("mine") & pl.col("outcome").is_in(["won", "ok"])
    since = ops.lazy().filter(answered).group_by("w").agg(pl.col("ends").min().alias("since")).collect()
    refused = refused.join(since, on="w", how="left", maintain_order="left").filter(pl.col("since") < pl.col("begins"))
    refused = refused.filter(~pl.col("row").is_in(find_shared_keys(context).implode()))
    refused = leave_out_versionless(context, leave_out_strays(context, ops, refused))
    plain = refused.filter(
        (pl.col("kind") == "read") | ((pl.col("wants") == 1) & context.evidence.lawful(pl.col("want"), pl.col("next")))
    )
    names, members, graph = context.evidence.names, context.evidence.set_members, context.evidence.graph
    several = [
        row
        for row, code, following in refused.filter((pl.col("wants") > 1) & (pl.col("kind") == "advance"))
        .select("row", "set", "next")
        .iter_rows()
        if graph and any(graph.allows(state, names[following]) for state in members[code])
    ]
    return sorted([*plain["row"].to_list(), *several])


def find_shared_keys(context: CheckContext) -> pl.Series:
    """The requests whose idempotency key their tenant has used for another request, or was served under: `idempotent`
    looks at these. A key of another tenant is no reason to refuse.
    """
    same, asked = ("tenant", "key"), pl.struct("workflow", "payload")
    frame = context.evidence.history.frame.with_row_index("row").filter(pl.col("key").is_not_null())
    is_alone = ((asked.n_unique() == 1) & (pl.col("outcome") == "refused").all()).over(same)
    return frame.select("row", *same, "workflow", "payload", "outcome").filter(~is_alone).select("row").collect()["row"]


def leave_out_strays(context: CheckContext, ops: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Without the advances that were asked in a state in which they are not due, as the wins before them have it.

    A route of an edge's own names no state; outside of its sources it may say that it cannot be asked there. Where
    something moved the workflow meanwhile, or may have, the state is not known.
    """
    moves = ops.filter(
        pl.col("kind").is_in(["advance", "set"]) & pl.col("outcome").is_in(["won", "unknown"]) & pl.col("mine")
    ).select("w", "outcome", "begins", "ends", after="next")
    told = ops.filter((pl.col("kind") == "create") & (pl.col("outcome") == "ok")).select(
        "w", "outcome", "begins", "ends", after="observed"
    )
    asked = refused.filter(pl.col("kind") == "advance").select("row", "w", "want", "wants", "set", "begins", "ends")
    met = asked.join(pl.concat([told, moves]), on="w", suffix="_move").filter(pl.col("begins_move") <= pl.col("ends"))
    is_over = (pl.col("ends_move") < pl.col("begins")) & (pl.col("outcome") != "unknown")
    known = met.group_by("row").agg(
        pl.col("after", "begins_move").sort_by("ends_move").last(),
        pl.col("want", "wants", "set", "ends").first(),
        calm=is_over.all(),
    )
    names, members = context.evidence.names, context.evidence.set_members
    strays = [
        row
        for row, after, want, wants, code, passed in known.filter("calm")
        .select("row", "after", "want", "wants", "set", pl.col("ends") - pl.col("begins_move"))
        .iter_rows()
        if after is not None
        and (
            names[after] not in (members[code] if wants > 1 else (names[want],))
            or may_have_left(context, names[after], passed)
        )
    ]
    return refused.filter(~pl.col("row").is_in(strays))


def leave_out_versionless(context: CheckContext, refused: pl.DataFrame) -> pl.DataFrame:
    """Without the advances that carried no version, if others for the same next state carried one: such a request is
    refused rightly. That it may not win is what the client notes.
    """
    advances = context.evidence.history.frame.with_row_index("row").filter(pl.col("kind") == "advance")
    carried = advances.select("row", "next", "token_carried").collect()
    needed = carried.filter(pl.col("token_carried").is_not_null())["next"].unique()
    bare = carried.filter(pl.col("token_carried").is_null() & pl.col("next").is_in(needed.implode()))["row"]
    return refused.filter(~pl.col("row").is_in(bare.implode()))


def may_have_left(context: CheckContext, state: str, passed: int) -> bool:
    """Whether a workflow may have left the state without a request, so long after it came there."""
    graph = context.evidence.graph
    timed = graph.timed_from.get(state, ()) if graph is not None else ()
    return any(context.evidence.keys.is_ranked or move.after_ns <= passed for move in timed)


def find_wrong_creates(context: CheckContext, initial: str) -> list[int]:
    """Creates whose answer names another state than the graph's initial one."""
    creates = context.ops.filter((pl.col("kind") == "create") & pl.col("known") & pl.col("observed").is_not_null())
    return creates.filter(pl.col("observed") != context.evidence.codes[initial])["row"].to_list()


def report_create(context: CheckContext, row: int, initial: str) -> Finding:
    record = context.records([row])[0]
    return make_finding("contract", [record], describe_wrong_create(record, initial))


def report_stuck(context: CheckContext, rows: list[int]) -> Finding:
    records = context.records(rows)
    return make_finding("contract", records, describe_stuck_workflow(records))


def report_shared_id(context: CheckContext, rows: list[int]) -> Finding:
    records = context.records(rows)
    return make_finding("contract", [records[0]], describe_shared_id(records))


def report_hidden(event: AccessDenied) -> Finding:
    return make_finding("contract", (), describe_never_shown(event), workflow=event.workflow)


def check_schema(context: CheckContext) -> CheckResult:
    """The live workflow table has only the designed columns; the inspection noted what it found."""
    probes = find_probes(context, "schema")
    if not probes:
        return not_applicable("schema", "no source inspected the tables of the service", "probes")
    return conclude(context, "schema", judged=len(probes), unit="probes", suspicions=suspect_probes("schema", probes))


def check_no_5xx(context: CheckContext) -> CheckResult:
    """No server error, but for operations and probes that an injected fault touched. A busy answer is none (503)."""
    status = context.ops["status"]
    answered = status.len() - status.null_count()
    probes = [probe for probe in find_probes(context, "no-5xx") if not is_excused(context, probe)]
    if not answered and not probes:
        return not_applicable("no-5xx", "the history has no HTTP status")
    failed = (status >= 500).fill_null(value=False) & (context.ops["outcome"] != "busy")
    rows = context.ops.filter(failed & ~context.touched_by_fault)["row"].to_list() if failed.any() else []
    suspicions = [fail(partial(report_row, context, "no-5xx", row, describe_server_error)) for row in rows]
    suspicions += suspect_probes("no-5xx", probes)
    return conclude(context, "no-5xx", judged=answered + len(probes), unit="answers", suspicions=suspicions)


def is_excused(context: CheckContext, question: Probe | Hidden | AccessDenied | Unsent) -> bool:
    """Whether a fault touched a question that is no operation: a fault of its workflow, or of any. A question
    that does not tell when it was is never excused.
    """
    span = question.span
    if span is None:
        return False
    if question.workflow is not None and context.faults.any_during(question.workflow, *span):
        return True
    of_any = context.faults.meetings if question.workflow is not None else context.faults.all + context.faults.meetings
    return any(fault.at <= span[1] and fault.until >= span[0] for fault in of_any)


def find_probes(context: CheckContext, check: str) -> list[Probe]:
    return [event for event in context.evidence.history.having(Probe) if event.check == check]


def suspect_probes(check: str, probes: list[Probe]) -> list[Suspicion]:
    return [fail(partial(report_probe, check, probe)) for probe in probes if probe.problem]


def report_probe(check: str, probe: Probe) -> Finding:
    return make_finding(check, (), describe_probe(probe))


def report_row(context: CheckContext, check: str, row: int, describe: Callable[[Record], Text]) -> Finding:
    [record] = context.records([row])
    return make_finding(check, [record], describe(record))
