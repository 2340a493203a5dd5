"""contract: every answer is as the target file or the specification has it."""

from functools import partial

import polars as pl

from reports.history.events import AccessDenied
from reports.judge.context import (
    CheckContext,
    Suspicion,
    conclude,
    fail,
    make_finding,
    not_applicable,
    report_row,
    report_rows,
)
from reports.judge.evidence.creates import find_shared_ids
from reports.judge.forbidden_kinds import find_forbidden, find_never_shown
from reports.judge.models.workflow import MOVES
from reports.judge.probes import find_probes, suspect_probes
from reports.judge.stuck_workflows import find_stuck
from reports.judge.text.finding_text import (
    describe_never_shown,
    describe_problem,
    describe_refused,
    describe_shared_id,
    describe_stuck_workflow,
    describe_wrong_create,
)
from reports.judge.verdict import CheckResult, Finding


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
            suspicions.append(fail(make_finding, "contract", [record], describe_problem(record, str(problem))))
    suspicions += [fail(report_row, context, "contract", describe_refused, row) for row in refused]
    suspicions += [
        fail(report_rows, context, "contract", describe_stuck_workflow, rows) for rows in find_stuck(context)
    ]
    if graph is not None:
        describe = partial(describe_wrong_create, initial=graph.initial)
        wrong = find_wrong_creates(context, graph.initial)
        suspicions += [fail(report_row, context, "contract", describe, row) for row in wrong]
    suspicions += [fail(report_shared_id, context, rows) for rows in shared]
    suspicions += [fail(report_hidden, event) for event in hidden]
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
    is_alone = ((asked.n_unique() == 1) & pl.col("outcome").is_in(["refused", "busy"]).all()).over(same)
    return frame.select("row", *same, "workflow", "payload", "outcome").filter(~is_alone).select("row").collect()["row"]


def leave_out_strays(context: CheckContext, ops: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Without the advances that were asked in a state in which they are not due, as the wins before them have it.

    A route of an edge's own names no state; outside of its sources it may say that it cannot be asked there. Where
    something moved the workflow meanwhile, or may have, the state is not known.
    """
    moves = ops.filter(
        pl.col("kind").is_in(MOVES) & pl.col("outcome").is_in(["won", "unknown"]) & pl.col("mine")
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


def report_shared_id(context: CheckContext, rows: list[int]) -> Finding:
    records = context.records(rows)
    return make_finding("contract", [records[0]], describe_shared_id(records))


def report_hidden(event: AccessDenied) -> Finding:
    return make_finding("contract", (), describe_never_shown(event), workflow=event.workflow)
